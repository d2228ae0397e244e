// CONFIG SET: what stays as it is, what is kept for a Redis that comes back, and whose `maxmemory` it is.
#include "core/shard/live_settings.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using testing::as_words;
using testing::DeskFixture;
using testing::split;

struct Fixture {
  MemoryWatch memory{0};
  LiveSettings settings{&memory};

  // What is sent to Redis, "; " between; "undo" and "then" behind.
  std::string set(std::string_view text) {
    const LiveSettings::Change change = settings.plan(split(text));
    std::string sent;
    for (const std::string& request : change.requests) sent += (sent.empty() ? "" : "; ") + as_words(request);
    if (!change.undo.empty()) sent += "; undo " + as_words(change.undo);
    if (!change.then.empty()) sent += "; then " + as_words(change.then);
    settings.begin(change);
    settings.carried_out(change);
    return sent;
  }
  std::string kept() const {
    std::string text;
    for (const auto& [name, value] : settings.kept()) text += (text.empty() ? "" : " ") + name + "=" + value;
    return text;
  }
};

TEST_CASE("settings: kept under their name in lower case") {
  Fixture f;
  CHECK(f.set("CONFIG SET HZ 20") == "CONFIG SET HZ 20");
  CHECK(f.set("CONFIG SET hz 30 Save x") == "CONFIG SET hz 30 Save x");
  CHECK(f.kept() == "hz=30 save=x");
}

TEST_CASE("settings: an AOF that fails must not end Redis, and stays off once it did") {
  Fixture f;
  CHECK(f.set("CONFIG SET appendonly yes APPENDFSYNC Always") == "CONFIG SET appendonly yes APPENDFSYNC everysec");
  CHECK(f.settings.told().at("appendfsync") == "always");
  CHECK(f.kept() == "appendfsync=everysec appendonly=yes");
  f.settings.aof_failed();
  CHECK(f.kept() == "appendfsync=everysec appendonly=no");
  CHECK(f.set("CONFIG SET appendfsync no") == "CONFIG SET appendfsync no");
  CHECK(f.settings.told().at("appendfsync") == "no");
}

TEST_CASE("settings: the backlog is as large as the client wants, but never too small for the tap") {
  Fixture f;
  CHECK(f.set("CONFIG SET repl-backlog-size 1mb") == "CONFIG SET repl-backlog-size 67108864");
  CHECK(f.settings.told().at("repl-backlog-size") == "1048576");
  CHECK(f.set("CONFIG SET repl-backlog-size 100mb") == "CONFIG SET repl-backlog-size 104857600");
  CHECK(f.set("CONFIG SET maxmemory 80mb maxmemory-policy allkeys-lru") ==
        "CONFIG SET repl-backlog-size 104857600; CONFIG SET maxmemory 80mb maxmemory-policy allkeys-lru");
  CHECK(f.set("CONFIG SET repl-backlog-size 0") == "CONFIG SET repl-backlog-size 0");  // Redis's to refuse
}

TEST_CASE("settings: with noeviction the limit is Holdfast's, Redis has none") {
  Fixture f;
  CHECK(f.set("CONFIG SET maxmemory 10mb") == "CONFIG SET maxmemory 0");
  CHECK(f.memory.limit() == 10 << 20);
  CHECK(f.settings.maxmemory() == 10 << 20);
  CHECK(f.set("CONFIG SET maxmemory 0") == "CONFIG SET maxmemory 0");
  CHECK(f.memory.limit() == 0);
  CHECK(f.set("CONFIG SET maxmemory ten") == "CONFIG SET maxmemory ten");  // Redis refuses it in its own words
}

TEST_CASE("settings: whose the limit is is open until Redis has answered") {
  Fixture f;
  f.set("CONFIG SET maxmemory 1000");
  f.memory.on_answer("used_memory:2000\r\n");
  CHECK(f.memory.stops_scripts());
  const std::vector<std::string_view> argv = split("CONFIG SET maxmemory-policy allkeys-lru");
  const LiveSettings::Change change = f.settings.plan(argv);
  f.settings.begin(change);
  CHECK_FALSE(f.memory.stops_scripts());
  f.settings.refused(change);
  CHECK(f.memory.stops_scripts());
  const LiveSettings::Change other = f.settings.plan(split("CONFIG SET hz 20"));
  f.settings.begin(other);
  CHECK(f.memory.stops_scripts());
}

TEST_CASE("settings: what is not about memory leaves the limit alone") {
  Fixture f;
  f.memory.set_limit(7000);
  f.settings.learn("allkeys-lru", 5000);  // both have one: Holdfast's was in its own settings
  f.set("CONFIG SET hz 10");
  CHECK(f.memory.limit() == 7000);
}

TEST_CASE("settings: with a policy that evicts it is Redis's") {
  Fixture f;
  f.settings.learn("allkeys-lru", 5000);
  CHECK(f.settings.maxmemory() == 5000);
  CHECK(f.set("CONFIG SET hz 10") == "CONFIG SET hz 10");
  CHECK(f.set("CONFIG SET maxmemory 80mb") ==
        "CONFIG SET repl-backlog-size 10485760; CONFIG SET maxmemory 5000; CONFIG SET maxmemory 80mb");
  CHECK(f.settings.maxmemory() == 80 << 20);
  CHECK(f.memory.limit() == 0);
}

TEST_CASE("settings: a change of the policy moves the limit") {
  Fixture f;
  f.set("CONFIG SET maxmemory 1000");
  CHECK(f.set("CONFIG SET maxmemory-policy volatile-ttl") ==
        "CONFIG SET repl-backlog-size 1048576; CONFIG SET maxmemory-policy volatile-ttl; "
        "then CONFIG SET maxmemory 1000");
  CHECK(f.memory.limit() == 0);
  CHECK(f.settings.maxmemory() == 1000);
  CHECK(f.kept() == "maxmemory=1000 maxmemory-policy=volatile-ttl repl-backlog-size=1048576");
  CHECK(f.set("CONFIG SET maxmemory-policy noeviction") ==
        "CONFIG SET repl-backlog-size 67108864; CONFIG SET maxmemory 0; CONFIG SET maxmemory-policy noeviction; "
        "undo CONFIG SET maxmemory 1000");
  CHECK(f.memory.limit() == 1000);
  CHECK(f.kept() == "maxmemory=0 maxmemory-policy=noeviction repl-backlog-size=67108864");
  CHECK(f.set("CONFIG SET maxmemory-policy allkeys-lfu maxmemory 7") ==
        "CONFIG SET repl-backlog-size 1048576; CONFIG SET maxmemory-policy allkeys-lfu maxmemory 7");
  CHECK(f.settings.maxmemory() == 7);
}

TEST_CASE("settings: a change of the limit ends that Holdfast stands in for Redis; another change does not") {
  Fixture f;
  f.settings.learn("volatile-lru", 5000);
  f.memory.stand_in(5000, 0);
  f.set("CONFIG SET hz 20");
  CHECK(f.memory.stands_in());
  // Redis has its limit back before anything else, also where it refuses what the client wants.
  CHECK(f.set("CONFIG SET maxmemory-policy nonsense").find("CONFIG SET maxmemory 5000; ") != std::string::npos);
  CHECK_FALSE(f.memory.stands_in());
}

TEST_CASE("settings: sizes as Redis takes and prints them") {
  CHECK(parse_memory("0") == 0);
  CHECK(parse_memory("1k") == 1000);
  CHECK(parse_memory("1Kb") == 1024);
  CHECK(parse_memory("2GB") == int64_t{2} << 30);
  CHECK_FALSE(parse_memory("-1"));
  CHECK_FALSE(parse_memory("1x"));
  CHECK_FALSE(parse_memory("9223372036854775807gb"));
  CHECK_FALSE(parse_memory(""));
  CHECK(human_memory(0) == "0B");
  CHECK(human_memory(100 << 20) == "100.00M");
  CHECK(human_memory(1536) == "1.50K");
}

TEST_CASE("CONFIG SET is told to Redis, and holds once it has said yes") {
  DeskFixture f;
  CHECK(f.say("CONFIG SET maxmemory 5mb") == "");
  CHECK(f.told() == "look R0 CONFIG SET maxmemory 0\n");
  CHECK(f.counter.memory.limit() == 0);
  CHECK(f.answer_look(0, std::string("+OK\r\n")) == "+OK\r\n");
  CHECK(f.counter.memory.limit() == 5 << 20);

  f.say("CONFIG SET maxmemory-policy nonsense");
  CHECK(f.answer_look(1, std::string("+OK\r\n-ERR no\r\n")) == "-ERR no\r\n");
  CHECK(f.counter.live.kept().count("maxmemory-policy") == 0);
  CHECK(f.counter.memory.limit() == 5 << 20);
}

TEST_CASE("CONFIG SET of the policy: the limit follows, or is put back") {
  DeskFixture f;
  f.counter.live.learn("allkeys-lru", 1000);
  f.say("CONFIG SET maxmemory-policy noeviction");
  CHECK(f.told() ==
        "look R0 CONFIG SET repl-backlog-size 67108864 + R0 CONFIG SET maxmemory 0 + "
        "R0 CONFIG SET maxmemory-policy noeviction\n");
  CHECK(f.answer_look(0, std::string("+OK\r\n+OK\r\n-ERR no\r\n")) == "-ERR no\r\n");
  CHECK(f.told() == "look R0 CONFIG SET maxmemory 1000\n");
  CHECK(f.counter.memory.limit() == 0);
}

TEST_CASE("CONFIG SET in a transaction, but for the limit") {
  DeskFixture f;
  f.say("MULTI | CONFIG SET hz 10 | CONFIG SET maxmemory 1 | EXEC");
  CHECK(f.told().starts_with("reads R0 CONFIG SET hz 10 + L -ERR CONFIG SET failed"));
}

}  // namespace
}  // namespace holdfast
