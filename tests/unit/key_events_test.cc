// Keyspace notifications: when the connection is there, and what of it is told.
#include "core/shard/key_events.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "core/resp/reply.h"
#include "tests/unit/fake_world.h"
#include "tests/unit/test_unit.h"

namespace holdfast {
namespace {

constexpr std::string_view kConfirmed =
    "*3\r\n$10\r\npsubscribe\r\n$12\r\n__keyspace@*\r\n:1\r\n*3\r\n$10\r\npsubscribe\r\n$12\r\n__keyevent@*\r\n:2\r\n";

std::string event(const std::string& channel, const std::string& text) {
  std::string out = "*4\r\n$8\r\npmessage\r\n$12\r\n__keyevent@*\r\n";
  append_bulk(&out, channel);
  append_bulk(&out, text);
  return out;
}

struct Fixture {
  testing::LinkWorld link;
  ShardOptions options;
  KeyEvents events{&link, options};

  std::string said() { return link.told(); }
  std::string data(std::string_view bytes) {
    std::string text;
    for (const KeyEvents::Event& one : events.on_data(bytes, 15)) text += one.channel + "=" + one.text + ";";
    return text;
  }
  void come_up() {
    events.want(true, 1000);
    events.on_link_up();
    data("+OK\r\n");
    data(kConfirmed);
    said();
  }
};

TEST_CASE("key events: connected while they are wanted, up once both subscriptions are confirmed") {
  Fixture f;
  f.events.want(false, 1000);
  CHECK(f.said() == "");
  f.events.want(true, 1000);
  f.events.want(true, 1001);
  CHECK(f.said() == "connect;");
  f.events.on_link_up();
  CHECK(f.said() == "AUTH holdfast:proxy holdfast | PSUBSCRIBE __keyspace@* __keyevent@*;");
  f.data("+OK\r\n");
  f.data(kConfirmed.substr(0, kConfirmed.size() / 2));
  CHECK(!f.events.up());
  f.data(kConfirmed.substr(kConfirmed.size() / 2));
  CHECK(f.events.up());
  f.events.want(false, 1002);
  CHECK(f.said() == "close;");
  CHECK(!f.events.up());
}

TEST_CASE("key events: tried again after a while, from the beginning") {
  Fixture f;
  f.come_up();
  f.data("*4\r\n$8\r\npmess");
  f.events.on_link_down();
  CHECK(!f.events.up());
  f.events.want(true, 1099);
  CHECK(f.said() == "");
  f.events.want(true, 1100);
  CHECK(f.said() == "connect;");
  f.events.on_link_up();
  f.data("+OK\r\n");
  f.data(kConfirmed);
  CHECK(f.data(event("__keyevent@0__:set", "k")) == "__keyevent@0__:set=k;");
}

TEST_CASE("key events: told in any pieces, but for those of the hidden database") {
  Fixture f;
  f.come_up();
  const std::string bytes = event("__keyevent@0__:set", "k") + event("__keyspace@15__:m", "set") +
                            event("__keyevent@15__:set", "m") + event("__keyevent@1__:set", "l");
  std::string told;
  for (const char byte : bytes) told += f.data(std::string_view(&byte, 1));
  CHECK(told == "__keyevent@0__:set=k;__keyevent@1__:set=l;");
  CHECK(f.data(event("short", "k")) == "");
}

TEST_CASE("key events: where Redis refuses them nobody waits for them for ever") {
  Fixture f;
  f.events.want(true, 1000);
  f.events.on_link_up();
  f.data("-NOPERM no\r\n");
  CHECK(f.events.up());
  CHECK(f.link.notes.find("NOPERM") != std::string::npos);
}

TEST_CASE("key events: what is no reply ends the connection") {
  Fixture f;
  f.come_up();
  f.data("?\r\n");
  CHECK(f.said() == "close;");
  CHECK(!f.events.up());
}

TEST_CASE("key events: on which channels and patterns they could come") {
  CHECK(is_key_event_channel("__keyspace@0__:k"));
  CHECK_FALSE(is_key_event_channel("__key"));
  for (const char* pattern : {"*", "__key*", "__keyevent@0__:*", "_[_]key*", "__keyspace@0__:k"}) {
    CAPTURE(pattern);
    CHECK(may_match_key_events(pattern));
  }
  for (const char* pattern : {"news.*", "__key", "a*"}) {
    CAPTURE(pattern);
    CHECK_FALSE(may_match_key_events(pattern));
  }
}

}  // namespace
}  // namespace holdfast
