// MONITOR: what of Redis's own is passed on.
#include "core/shard/script_lines.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/fake_world.h"

namespace holdfast {
namespace {

struct Fixture {
  testing::LinkWorld link;
  ShardOptions options;
  ScriptLines lines{&link, options};

  std::string data(std::string_view bytes) {
    std::string text;
    for (const std::string& line : lines.on_data(bytes, 15)) text += line + ";";
    return text;
  }
};

TEST_CASE("monitor: connected while it is wanted, up once Redis says so") {
  Fixture f;
  f.lines.want(false, 1000);
  CHECK(f.link.told() == "");
  f.lines.want(true, 1000);
  f.lines.on_link_up();
  CHECK(f.link.told() == "connect;AUTH holdfast:proxy holdfast | MONITOR;");
  f.data("+OK\r\n");
  CHECK_FALSE(f.lines.up());
  f.data("+OK\r\n");
  CHECK(f.lines.up());
  f.lines.want(false, 1000);
  CHECK(f.link.told() == "close;");
}

TEST_CASE("monitor: only lines of scripts, never those of the hidden database") {
  Fixture f;
  f.lines.want(true, 1000);
  f.lines.on_link_up();
  f.data("+OK\r\n+OK\r\n");
  const std::string set = "1700000000.123456 [3 lua] \"SET\" \"k [15 lua] \" \"v\"";
  CHECK(f.data("+" + set + "\r\n") == set + ";");
  CHECK(f.data("+1700000000.123456 [0 127.0.0.1:5000] \"SET\" \" [0 lua] \" \"v\"\r\n") == "");
  CHECK(f.data("+1700000000.123456 [15 127.0.0.1:5000] \"SET\" \"holdfast:marker\" \"v\"\r\n") == "");
  CHECK(f.data("+1700000000.123456 [0 unix:/tmp/[0 lua] x] \"SET\" \"k\" \"v\"\r\n") == "");
  CHECK(f.data("+1700000000.123456 [15 lua] \"GET\" \"holdfast:marker\"\r\n") == "");
  CHECK(f.data("+what is this\r\n+1.0 [x lua] \"GET\"\r\n") == "");
  std::string told;
  const std::string line = "+" + set + "\r\n";
  for (const char byte : line) told += f.data(std::string_view(&byte, 1));
  CHECK(told == set + ";");
}

}  // namespace
}  // namespace holdfast
