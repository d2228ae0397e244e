#include "core/shard/script_cache.h"

#include <doctest/doctest.h>

#include <cctype>

using namespace holdfast;

namespace {

CommandInfo named(const char* name) {
  CommandInfo info;
  info.name = name;
  return info;
}

std::vector<std::string> all(const ScriptCache& cache) { return {cache.scripts().begin(), cache.scripts().end()}; }

}  // namespace

TEST_CASE("script cache: what EVAL and SCRIPT LOAD have shown, each once") {
  ScriptCache cache;
  cache.note(named("eval"), {"EVAL", "return 1", "0"});
  cache.note(named("eval_ro"), {"EVAL_RO", "return 2", "0"});
  cache.note(named("script|load"), {"SCRIPT", "LOAD", "return 3"});
  cache.note(named("script"), {"script", "load", "return 4"});  // 6.2 tells of no subcommands
  cache.note(named("eval"), {"EVAL", "return 1", "0"});
  cache.note(named("evalsha"), {"EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0"});
  cache.note(named("script|exists"), {"SCRIPT", "EXISTS", "return 5"});
  cache.note(named("set"), {"SET", "return 6", "0"});
  CHECK(all(cache) == std::vector<std::string>{"return 2", "return 3", "return 4", "return 1"});
}

TEST_CASE("script cache: SCRIPT FLUSH") {
  ScriptCache cache;
  cache.note(named("eval"), {"EVAL", "return 1", "0"});
  cache.note(named("script|flush"), {"SCRIPT", "FLUSH", "ASYNC"});
  CHECK(all(cache).empty());
  cache.note(named("eval"), {"EVAL", "return 1", "0"});
  CHECK(all(cache) == std::vector<std::string>{"return 1"});
}

TEST_CASE("script cache: what a script says of itself is known by its SHA1, as long as the script is") {
  ScriptCache cache(64);
  const std::string script = "#!lua flags=no-writes\nreturn 1";
  const std::string sha = script_sha(script);
  CHECK(script_sha("return 1") == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
  CHECK_FALSE(cache.flags(sha).declared);
  cache.note(named("script|load"), {"SCRIPT", "LOAD", script});
  CHECK(cache.flags(sha).no_writes);
  std::string upper = sha;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  CHECK(cache.flags(upper).no_writes);
  CHECK_FALSE(cache.flags("e0e1f9fabfc9d4800c877a703b823ac0578ff8db").declared);
  SUBCASE("flushed") { cache.note(named("script|flush"), {"SCRIPT", "FLUSH"}); }
  SUBCASE("forgotten") { cache.note(named("eval"), {"EVAL", "return '" + std::string(40, 'x') + "'", "0"}); }
  CHECK_FALSE(cache.flags(sha).declared);
}

TEST_CASE("script cache: is bounded, and forgets what was not used for longest") {
  ScriptCache cache(16);
  cache.note(named("eval"), {"EVAL", "return 1", "0"});
  cache.note(named("eval"), {"EVAL", "return 2", "0"});
  cache.note(named("eval"), {"EVAL", "return 1", "0"});
  cache.note(named("eval"), {"EVAL", "return 3", "0"});
  CHECK(all(cache) == std::vector<std::string>{"return 1", "return 3"});
  cache.note(named("eval"), {"EVAL", "return 12345678901", "0"});
  CHECK(all(cache) == std::vector<std::string>{"return 1", "return 3"});
}
