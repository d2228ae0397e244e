#include "core/shard/script_cache.h"

#include <doctest/doctest.h>

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
