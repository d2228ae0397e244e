#include "core/shard/pubsub.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/resp/glob.h"
#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using Kind = PubSub::Kind;
using testing::DeskFixture;

TEST_CASE("globs match as in Redis") {
  struct {
    const char* pattern;
    const char* text;
    bool matches;
  } const kCases[] = {
      {"*", "", false},         {"", "", true},           {"", "a", false},     {"a*c", "abbc", true},
      {"a*c", "abbd", false},   {"?", "a", true},         {"?", "", false},     {"[abc]x", "bx", true},
      {"[^abc]x", "bx", false}, {"[a-c]", "b", true},     {"[c-a]", "b", true}, {"[a-c]", "d", false},
      {"\\*", "*", true},       {"\\*", "a", false},      {"[\\]]", "]", true}, {"a**b*", "axxb", true},
      {"*a*b", "xaxxb", true},  {"*a*b", "xaxx", false},  {"[a", "a", true},    {"[a", "b", false},
      {"a[", "a", false},       {"h[a-]o", "h-o", false}, {"\\", "\\", true},
  };
  for (const auto& one : kCases) {
    CAPTURE(one.pattern);
    CAPTURE(one.text);
    CHECK(glob_match(one.pattern, one.text) == one.matches);
  }
}

TEST_CASE("no pattern is slow") {
  std::string pattern, text(5000, 'a');
  for (int i = 0; i < 1000; i++) pattern += "*a";
  CHECK(!glob_match(pattern + "b", text));
}

TEST_CASE("who gets a message: subscribers of its channel, then of patterns; shard channels apart") {
  PubSub pubsub;
  CHECK(pubsub.subscribe(1, Kind::kChannel, "c"));
  CHECK(!pubsub.subscribe(1, Kind::kChannel, "c"));
  CHECK(pubsub.subscribe(2, Kind::kPattern, "c*"));
  CHECK(pubsub.subscribe(1, Kind::kPattern, "*"));
  CHECK(pubsub.subscribe(3, Kind::kShard, "c"));
  std::string got;
  for (const PubSub::Delivery& one : pubsub.receivers(false, "c")) {
    got += std::to_string(one.session) + "(" + one.pattern + ") ";
  }
  CHECK(got == "1() 1(*) 2(c*) ");
  CHECK(pubsub.receivers(true, "c").size() == 1);
  CHECK(pubsub.receivers(false, "d").size() == 1);
  CHECK(pubsub.told_count(1, Kind::kChannel) == 2);
  CHECK(pubsub.told_count(3, Kind::kShard) == 1);
  pubsub.forget(1);
  CHECK(!pubsub.subscribed(1));
  CHECK(pubsub.channels() == 0);
  CHECK(pubsub.patterns() == 1);
  CHECK(!pubsub.unsubscribe(2, Kind::kChannel, "c*"));
  CHECK(pubsub.unsubscribe(2, Kind::kPattern, "c*"));
  CHECK(pubsub.unsubscribe(3, Kind::kShard, "c"));
  CHECK(pubsub.empty());
}

TEST_CASE("a message leaves once it is settled, before replies that are still to come") {
  DeskFixture f;
  f.connect(2);
  CHECK(f.say("SUBSCRIBE c") == "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
  f.say("HELLO 3 | PSUBSCRIBE c | GET a", 2);
  f.desk.on_published({false, "c", "hi", 100});
  f.desk.deliver(99, 0);
  CHECK(f.turn() == "");
  f.desk.deliver(100, 0);
  CHECK(f.turn() == "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n");
  CHECK(f.turn(2) == ">4\r\n$8\r\npmessage\r\n$1\r\nc\r\n$1\r\nc\r\n$2\r\nhi\r\n");
  CHECK(f.reply(0, "_\r\n", 2) == "_\r\n");
  f.desk.on_disconnected(1);
  f.desk.on_disconnected(2);
  CHECK(!f.desk.wants_published());
}

TEST_CASE("a message that may tell of a removal waits for that to be in the log") {
  DeskFixture f;
  f.say("SUBSCRIBE c");
  f.desk.on_published({false, "c", "gone", 100, 7});
  f.desk.deliver(100, 6);
  CHECK(f.turn() == "");
  f.desk.deliver(100, 7);
  CHECK(f.turn().find("gone") != std::string::npos);
}

TEST_CASE("who subscribes to keyspace notifications is told so once Redis tells them") {
  DeskFixture f;
  f.counter.events_up = false;
  CHECK(f.say("SUBSCRIBE other") != "");
  CHECK(f.say("PSUBSCRIBE __key*@0__:*") == "");
  CHECK(f.desk.wants_key_events());
  CHECK(f.turn() == "");
  f.counter.events_up = true;
  CHECK(f.turn().find("psubscribe") != std::string::npos);
  f.desk.on_disconnected(1);
  CHECK(!f.desk.wants_key_events());
}

TEST_CASE("PUBLISH goes through the log; its reply counts the subscribers of its time") {
  DeskFixture f;
  f.connect(2);
  f.say("SUBSCRIBE c", 2);
  f.say("PUBLISH c hi");
  CHECK(f.told() == "write W0 PUBLISH c hi\n");
  CHECK(f.counter.touches.back() == kTouchesNothing);
  CHECK(f.reply(0, ":0\r\n") == ":1\r\n");
}

TEST_CASE("what a message takes is known without making it") {
  for (const size_t size : {0, 7, 100, 100'000}) {
    for (const std::string& pattern : {std::string(), std::string("news.*")}) {
      const PubSub::Message message{false, "news.today", std::string(size, 'x'), 1};
      const size_t real = message_push(message, pattern, Protocol::kResp2).size();
      CHECK(push_bytes(message, pattern) + 32 > real);
      CHECK(push_bytes(message, pattern) < real + 32);
    }
  }
}

}  // namespace
}  // namespace holdfast
