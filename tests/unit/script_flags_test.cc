// What a script says of itself in its first line.
#include "core/command/script_flags.h"

#include <doctest/doctest.h>

#include <string>

namespace holdfast {
namespace {

std::string told(std::string_view script) {
  const ScriptFlags flags = script_flags(script);
  if (!flags.declared) return "nothing";
  std::string text = "declared";
  if (flags.no_writes) text += " no-writes";
  if (flags.allow_oom) text += " allow-oom";
  if (flags.takes_memory()) text += " takes memory";
  return text;
}

TEST_CASE("script flags: what is declared") {
  CHECK(told("#!lua\nreturn 1") == "declared takes memory");
  CHECK(told("#!lua flags=\nreturn 1") == "declared takes memory");
  CHECK(told("#!lua  flags=no-writes \nreturn 1") == "declared no-writes");
  CHECK(told("#!lua flags=allow-oom,no-writes\r\nreturn 1") == "declared no-writes allow-oom");
  CHECK(told("#!lua flags=allow-stale flags=allow-oom\n") == "declared allow-oom");
}

TEST_CASE("script flags: what Redis might take in another way is for Redis to tell") {
  CHECK(told("return 1") == "nothing");
  CHECK(told("") == "nothing");
  CHECK(told("-- #!lua flags=no-writes\n") == "nothing");
  CHECK(told("\n#!lua flags=no-writes\n") == "nothing");
  CHECK(told("#!lua flags=no-writes") == "nothing");  // the line does not end
  CHECK(told("#!lua5 flags=no-writes\n") == "nothing");
  CHECK(told("#!js flags=no-writes\n") == "nothing");
  CHECK(told("#!lua name=x flags=no-writes\n") == "nothing");
  CHECK(told("#!lua flags=no-writes,new-flag\n") == "nothing");
  CHECK(told("#!lua flags=no-writes,,allow-oom\n") == "nothing");
  CHECK(told("#!lua flags=\"no-writes\"\n") == "nothing");
}

}  // namespace
}  // namespace holdfast
