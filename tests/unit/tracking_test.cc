// CLIENT TRACKING: no invalidation is lost, none leaves before the log holds the change.
#include "core/shard/tracking.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using testing::DeskFixture;
using testing::words;

struct Fixture {
  Tracking tracking;

  explicit Fixture(Tracking::Options options = {}, size_t most_keys = 100) : tracking(most_keys) {
    tracking.begin(1, options);
  }

  void touch(const std::vector<std::string_view>& keys, int64_t offset = 0, const Batch* batch = nullptr,
             uint64_t removal = 0) {
    Touched touched;
    for (const std::string_view key : keys) touched.keys.push_back({0, key});
    tracking.on_touched(touched);
    tracking.on_unit_end(batch, offset, removal);
  }
  // It has read them, and the reply in this slot has left.
  void cached(SessionId session, uint64_t slot, const std::vector<std::string_view>& keys) {
    tracking.on_read(session, slot, keys);
    tracking.on_left(session, slot + 1);
  }
  // "1:k 1:a,b 2:*"
  std::string told(int64_t settled = 1000, uint64_t removals = 1000, uint64_t left = 1000) {
    std::string text;
    const auto waits = [&](const Tracking::Invalidation& one) { return one.behind > left; };
    for (const Tracking::Invalidation& one : tracking.take(settled, removals, waits)) {
      text += (text.empty() ? "" : " ") + std::to_string(one.session) + ":" + (one.all ? "*" : "");
      for (const std::string& key : one.keys) text += (text.ends_with(":") ? "" : ",") + key;
    }
    return text;
  }
};

Batch batch_of(const std::vector<std::pair<SessionId, uint64_t>>& writes) {
  Batch batch;
  for (const auto& [session, touches] : writes) {
    Op op;
    op.waiter.session = session;
    op.touches = touches;
    batch.add(std::move(op), "x");
  }
  return batch;
}

TEST_CASE("tracking: told once, and again only after another read") {
  Fixture f;
  f.cached(1, 5, {"k", "l"});
  f.touch({"k"});
  CHECK(f.told() == "1:k");
  f.touch({"k"});
  CHECK(f.told() == "");
  f.touch({"l", "other"});
  CHECK(f.told() == "1:l");
  CHECK(f.tracking.counts().keys == 0);
}

TEST_CASE("tracking: what changes before the reply has left is told behind it") {
  Fixture f;
  f.tracking.on_read(1, 5, {"k"});
  f.touch({"k"}, 70);
  CHECK(f.told() == "");  // the client would forget what it has not got yet
  f.tracking.on_left(1, 5);
  CHECK(f.told() == "");
  f.tracking.on_left(1, 6);
  CHECK(f.told(69) == "");
  CHECK(f.told(70) == "1:k");
}

TEST_CASE("tracking: not before the log holds it") {
  Fixture f;
  f.cached(1, 1, {"k"});
  f.touch({"k"}, 100, nullptr, 7);
  CHECK(f.told(99, 7) == "");
  CHECK(f.told(100, 6) == "");
  CHECK(f.told(100, 7) == "1:k");
}

TEST_CASE("tracking: one's own change is told behind its reply") {
  Fixture f;
  f.tracking.begin(2, {});
  f.tracking.on_read(1, 1, {"k"});
  f.tracking.on_read(2, 1, {"k"});
  f.tracking.on_left(1, 2);
  f.tracking.on_left(2, 2);
  Batch batch = batch_of({{1, key_hash(0, "k")}});
  batch.ops[0].waiter.slot = 7;
  f.touch({"k"}, 0, &batch);
  CHECK(f.told(1000, 1000, 6) == "2:k");
  CHECK(f.told(1000, 1000, 7) == "1:k");

  f.cached(1, 8, {"k"});
  batch.ops[0].waiter.filter = Filter::kBlocked;
  f.touch({"k"}, 0, &batch);
  CHECK(f.told() == "");
  CHECK(f.told(1000, 1000, Tracking::kBlockedCall) == "1:k");
}

TEST_CASE("tracking: NOLOOP does not hide that what one wrote has expired at once") {
  Fixture f({.no_loop = true});
  const Batch batch = batch_of({{1, key_hash(0, "k")}});
  for (const bool expired : {false, true}) {
    f.cached(1, 1, {"k"});
    Touched touched;
    touched.keys = {{0, "k"}};
    f.tracking.on_touched(touched);
    if (expired) f.tracking.on_touched(touched);
    f.tracking.on_unit_end(&batch, 0, 0);
    CHECK(f.told() == (expired ? "1:k" : ""));
  }
}

TEST_CASE("tracking: a smaller table takes effect at once") {
  Fixture f;
  f.cached(1, 1, {"a", "b", "c"});
  f.tracking.set_most_keys(1);
  CHECK(f.tracking.counts().keys == 1);
  CHECK(f.told().size() == std::string("1:a 1:b").size());
}

TEST_CASE("tracking: what INFO tells counts each key once for each client") {
  Fixture f;
  f.tracking.begin(2, {});
  f.cached(1, 1, {"a", "b", "a"});
  f.cached(2, 1, {"a"});
  f.cached(1, 2, {"a"});
  CHECK(f.tracking.counts().items == 3);
  CHECK(f.tracking.counts().keys == 2);
  f.touch({"a"});
  CHECK(f.told() == "1:a 2:a");
  CHECK(f.tracking.counts().items == 1);
  f.tracking.on_read(1, 3, {"b", "b"});
  f.touch({"b"});
  f.tracking.on_left(1, 4);
  CHECK(f.told() == "1:b");
  CHECK(f.tracking.counts().items == 0);
}

TEST_CASE("tracking: who is reading a key again is told once, behind that reply") {
  Fixture f;
  f.cached(1, 1, {"k"});
  f.tracking.on_read(1, 2, {"k"});
  f.touch({"k"});
  CHECK(f.told() == "");
  f.tracking.on_left(1, 3);
  CHECK(f.told() == "1:k");
}

TEST_CASE("tracking: a flush, what cannot be told, and a Redis made anew are all keys") {
  Fixture f;
  f.cached(1, 1, {"k"});
  Touched all;
  all.databases = {0};
  f.tracking.on_touched(all);
  f.tracking.on_unit_end(nullptr, 50, 0);
  CHECK(f.told(49) == "");
  CHECK(f.told(50) == "1:*");
  f.tracking.on_read(1, 2, {"k"});
  f.touch({"k"}, 1'000'000);
  f.tracking.restart();
  CHECK(f.told(0) == "1:*");
  f.tracking.on_left(1, 3);
  CHECK(f.told(0) == "1:k");
}

TEST_CASE("tracking: NOLOOP leaves out what is known to be one's own, nothing else") {
  Fixture f({.no_loop = true});
  const uint64_t k = key_hash(0, "k");
  const auto touched_in = [&](const Batch& batch) {
    f.cached(1, 1, {"k"});
    f.touch({"k"}, 0, &batch);
    const std::string told = f.told();
    f.touch({"k"});
    f.told();
    return told;
  };
  CHECK(touched_in(batch_of({{1, k}})) == "");
  CHECK(touched_in(batch_of({{1, k}, {2, key_hash(0, "other")}})) == "");
  CHECK(touched_in(batch_of({{1, k}, {2, k}})) == "1:k");
  CHECK(touched_in(batch_of({{1, k}, {2, kTouchesAnything}})) == "1:k");
  CHECK(touched_in(batch_of({{2, k}})) == "1:k");
  CHECK(touched_in(batch_of({})) == "1:k");
  // A command of many keys: its own, unless the key was evicted beside it.
  Batch many = batch_of({});
  Op op;
  op.waiter.session = 1;
  op.touches = kTouchesAnything;
  many.add(op, words("MSET k 1 l 2"));
  CHECK(touched_in(many) == "");
  Batch others = batch_of({});
  others.add(op, words("MSET m 1 l 2"));
  CHECK(touched_in(others) == "1:k");
}

TEST_CASE("tracking: a full table forgets, but not what is still to be answered") {
  Fixture f({}, 2);
  f.cached(1, 1, {"a"});
  f.tracking.on_read(1, 2, {"b"});
  f.tracking.on_read(1, 3, {"c"});
  CHECK(f.told() == "1:a");
  f.touch({"b", "c"});
  f.tracking.on_left(1, 4);
  CHECK(f.told() == "1:b 1:c");
}

TEST_CASE("tracking: switched off and on again under a read") {
  Fixture f;
  f.tracking.begin(2, {});
  f.tracking.on_read(1, 1, {"k"});
  f.tracking.end(1);
  f.tracking.begin(1, {});
  CHECK(f.tracking.counts().keys == 0);
  f.tracking.on_left(1, 2);
  f.touch({"k"});
  CHECK(f.told() == "");
}

TEST_CASE("tracking: a read shows what its own batch did before it, and only what comes behind it is told") {
  Fixture f;
  Batch batch;
  const auto run = [&](const std::string& ops) {
    batch = Batch();
    testing::add_ops(&batch, ops, 1, 7);
    for (Op& op : batch.ops) op.waiter.slot = 7;  // a transaction
    f.tracking.on_read(1, 7, {"k"});
    f.touch({"k"}, 0, &batch);
    f.tracking.on_left(1, 8);
    const std::string told = f.told();
    f.touch({"k"});  // whether the read still counts
    return told + "; " + f.told();
  };
  SUBCASE("before it") { CHECK(run("SET k 1 | EXPIRE k 100 | GET k") == "; 1:k"); }
  SUBCASE("of any key before it") { CHECK(run("MSET j 1 k 2 | GET k") == "; 1:k"); }
  SUBCASE("another key behind it") { CHECK(run("SET k 1 | GET k | SET j 1") == "; 1:k"); }
  SUBCASE("behind it") { CHECK(run("GET k | SET k 1") == "1:k; "); }
  SUBCASE("before it and behind it") { CHECK(run("SET k 1 | GET k | SET k 2") == "1:k; "); }
  SUBCASE("what may touch it behind it") { CHECK(run("SET k 1 | GET k | EVAL s 0") == "1:k; "); }
  SUBCASE("a read behind it, which may remove it") { CHECK(run("SET k 1 | GET k | GET k") == "1:k; "); }
  SUBCASE("a read of another key") { CHECK(run("SET k 1 | GET j") == "1:k; "); }
  SUBCASE("what was read earlier is told all the same") {
    f.tracking.on_read(1, 3, {"k"});
    f.tracking.on_left(1, 4);
    CHECK(run("SET k 1 | GET k") == "1:k; 1:k");
  }
  SUBCASE("somebody else's read") {
    f.tracking.begin(2, {});
    f.tracking.on_read(2, 7, {"k"});
    CHECK(run("SET k 1 | GET k") == "; 1:k");
    f.tracking.on_left(2, 8);
    CHECK(f.told() == "2:k");
  }
}

TEST_CASE("tracking: BCAST by prefix, all keys of a unit at once") {
  Fixture f({.broadcast = true, .prefixes = {"a:", "b:"}});
  f.tracking.begin(2, {.broadcast = true, .prefixes = {""}});
  f.touch({"a:1", "c", "b:1", "a:1"});
  const std::string told = f.told();
  CHECK(told.find("1:a:1 1:b:1") != std::string::npos);
  CHECK(told.find("2:a:1,b:1,c") != std::string::npos);
}

TEST_CASE("tracking: who has left or switched it off is told nothing") {
  Fixture f;
  f.tracking.begin(2, {});
  f.tracking.on_read(1, 1, {"k"});
  f.tracking.on_read(2, 1, {"k"});
  f.tracking.on_left(1, 2);
  f.tracking.on_left(2, 2);
  f.tracking.end(1);
  f.touch({"k"});
  CHECK(f.told() == "2:k");
}

TEST_CASE("a redirection is followed, and its end is told") {
  DeskFixture f;
  f.connect(2);
  f.say("HELLO 3");
  f.say("SUBSCRIBE __redis__:invalidate", 2);
  CHECK(f.say("CLIENT TRACKING on REDIRECT 2") == "+OK\r\n");
  f.say("GET k");
  f.reply(0, "$1\r\nv\r\n");
  f.seen("SET k 1");
  f.desk.on_unit_end(nullptr, 5, 0);
  f.desk.deliver(4, 0);
  CHECK(f.turn(2) == "");
  f.desk.deliver(5, 0);
  CHECK(f.turn(2) == "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$1\r\nk\r\n");
  CHECK(f.say("CLIENT GETREDIR") == ":2\r\n");
  f.desk.on_disconnected(2);
  f.say("GET k");
  f.reply(1, "$1\r\nv\r\n");
  f.seen("SET k 2");
  f.desk.on_unit_end(nullptr, 6, 0);
  f.desk.deliver(6, 0);
  CHECK(f.turn() == ">2\r\n$21\r\ntracking-redir-broken\r\n:2\r\n");
}

TEST_CASE("MONITOR shows what clients send, but for secrets") {
  DeskFixture f;
  f.connect(2);
  CHECK(f.say("MONITOR", 2) == "+OK\r\n");
  f.say("SELECT 3 | AUTH a b");
  f.answer(0, "-WRONGPASS no\r\n");
  f.send("*2\r\n$3\r\nGET\r\n$3\r\na\"\x01\r\n");
  CHECK(f.turn(2) ==
        "+1700000000.000000 [3 1.2.3.4:1] \"SELECT\" \"3\"\r\n"
        "+1700000000.000000 [3 1.2.3.4:1] \"AUTH\" \"(redacted)\" \"(redacted)\"\r\n"
        "+1700000000.000000 [3 1.2.3.4:1] \"GET\" \"a\\\"\\x01\"\r\n");
  f.say("MIGRATE h 1  0 9 AUTH2 a b COPY KEYS k | MIGRATE h 1 k 0 9 AUTH c COPY");
  CHECK(f.turn(2) ==
        "+1700000000.000000 [3 1.2.3.4:1] \"MIGRATE\" \"h\" \"1\" \"\" \"0\" \"9\" \"AUTH2\" \"(redacted)\" "
        "\"(redacted)\" \"COPY\" \"KEYS\" \"k\"\r\n");
  f.answer_look(0, std::string("+NOKEY\r\n"));
  CHECK(f.turn(2).ends_with("\"AUTH\" \"(redacted)\" \"COPY\"\r\n"));
  f.answer_look(1, std::string("+NOKEY\r\n"));
  f.say("NOSUCH | GET");
  f.counter.no_reads = "LOADING";
  f.say("GET a");
  CHECK(f.turn(2) == "");
  f.say("RESET", 2);
  f.say("PING");
  CHECK(f.turn(2) == "");
}

TEST_CASE("MONITOR shows what scripts do once the log holds it") {
  DeskFixture f;
  f.connect(2);
  f.counter.script_lines = false;
  CHECK_FALSE(f.desk.wants_script_lines());
  CHECK(f.say("MONITOR", 2) == "");
  CHECK(f.desk.wants_script_lines());
  f.say("PING");
  CHECK(f.turn(2) == "");  // it would have to come before the reply
  f.counter.script_lines = true;
  CHECK(f.turn(2) == "+OK\r\n");
  f.desk.on_script_line({"1.0 [0 lua] \"SET\" \"k\"", 5, 0});
  f.desk.on_script_line({"1.0 [0 lua] \"GET\" \"k\"", 6, 2});
  f.desk.deliver(4, 9);
  CHECK(f.turn(2) == "");
  f.desk.deliver(6, 1);
  CHECK(f.turn(2) == "+1.0 [0 lua] \"SET\" \"k\"\r\n");
  f.desk.deliver(6, 2);
  CHECK(f.turn(2) == "+1.0 [0 lua] \"GET\" \"k\"\r\n");
  f.desk.on_disconnected(2);
  CHECK_FALSE(f.desk.wants_script_lines());
}

TEST_CASE("who wants to monitor and is told that Redis is lost does not") {
  DeskFixture f;
  f.counter.script_lines = false;
  f.say("MONITOR");
  SUBCASE("asked too long") {
    f.desk.on_asked_lost("LOADING");
    CHECK(f.turn() == "-LOADING\r\n");
    CHECK_FALSE(f.desk.wants_script_lines());
  }
  SUBCASE("it has been away for long: what clients send can be shown") {
    f.counter.no_reads = "LOADING";
    CHECK(f.turn() == "+OK\r\n");
  }
}

TEST_CASE("CLIENT PAUSE: writes wait, or everything") {
  DeskFixture f;
  f.connect(2);
  f.say("CLIENT PAUSE 1000 WRITE");
  f.say("GET a | SET a 1", 2);
  CHECK(f.told() == "read 0 GET a\n");
  f.world.now_ms += 999;
  f.turn(2);
  CHECK(f.told() == "");
  f.world.now_ms += 1;
  f.turn(2);
  CHECK(f.told() == "write W0 SET a 1\n");
  f.say("CLIENT PAUSE 10");
  CHECK(f.say("PING", 1) == "");
  f.world.now_ms += 10;
  CHECK(f.turn(1) == "+PONG\r\n");
}

}  // namespace
}  // namespace holdfast
