// WATCH and EXEC: neither overtakes the client's own writes, and EXEC knows what became of the watched keys.
#include <doctest/doctest.h>

#include <string>

#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using testing::DeskFixture;

const std::string kOk = "+OK\r\n";
const std::string kQueued = "+QUEUED\r\n";
const std::string kNull = "*-1\r\n";

struct WatchFixture : DeskFixture {
  // Watches `a`, of which Redis says `pttl`.
  void watch(std::string_view pttl) {
    CHECK(say("WATCH a") == "");
    CHECK(told() == "look R0 PTTL a\n");
    CHECK(answer_look(counter.looks.size() - 1, ":" + std::string(pttl) + "\r\n") == kOk);
  }
};

TEST_CASE("WATCH, and nothing happened: EXEC is carried out") {
  WatchFixture f;
  f.watch("-1");
  CHECK(f.say("MULTI | SET a 1 | EXEC") == kOk + kQueued);
  CHECK(f.told() == "write W0 SET a 1\n");
  CHECK(!f.counter.watched.watching(1));
}

TEST_CASE("a change of the key since: EXEC does nothing and answers null, once that change is settled") {
  WatchFixture f;
  f.watch("-2");
  f.seen("SET a other");
  CHECK(f.say("MULTI | SET a 1 | EXEC") == kOk + kQueued);
  CHECK(f.told() == "when settled\n");
  f.desk.release(f.counter.waiters[0]);
  CHECK(f.turn() == kNull);
  // The next one is not affected.
  f.say("MULTI | SET a 1 | EXEC");
  CHECK(f.told() == "write W0 SET a 1\n");
}

TEST_CASE("in RESP3 it is RESP3's null") {
  WatchFixture f;
  f.say("HELLO 3");
  f.watch("-1");
  f.seen("SET a other");
  f.say("MULTI | EXEC");
  f.desk.release(f.counter.waiters[0]);
  CHECK(f.turn() == "_\r\n");
}

TEST_CASE("EXEC waits for what others are writing to the key, and for nothing else") {
  WatchFixture f;
  f.watch("-1");
  f.counter.writing = true;
  CHECK(f.say("MULTI | SET a 1 | EXEC | PING") == kOk + kQueued);
  CHECK(f.told() == "");
  CHECK(f.turn() == "");
  SUBCASE("it touched the key") {
    f.seen("SET a other");
    CHECK(f.turn() == "");
    CHECK(f.told() == "when settled\n");
    f.desk.release(f.counter.waiters[0]);
    CHECK(f.turn() == kNull + "+PONG\r\n");
  }
  SUBCASE("it left the key as it was") {
    f.counter.writing = false;
    f.turn();
    CHECK(f.told() == "write W0 SET a 1\n");
  }
  SUBCASE("it takes too long") {
    f.desk.check_time(0, [](const Session&, const Session::Oldest&) { return "UNAVAILABLE too late"; });
    CHECK(f.turn() == "-UNAVAILABLE too late\r\n+PONG\r\n");
    f.counter.writing = false;
    f.turn();
    CHECK(f.told() == "");
    CHECK(!f.counter.watched.watching(1));
  }
}

TEST_CASE("an EXEC under a steady stream of writes: new requests wait for it, but not for a slow log") {
  WatchFixture f;
  f.connect(2);
  f.watch("-1");
  f.counter.writing = true;
  f.say("MULTI | SET a 1 | EXEC");
  f.world.now_ms += 10;
  f.turn();
  f.say("GET b", 2);
  CHECK(f.told() == "read 0 GET b\n");
  f.reply(0, kOk, 2);
  f.world.now_ms += 20;
  SUBCASE("held") {
    f.turn();
    f.say("GET b", 2);
    CHECK(f.told() == "");
    f.counter.writing = false;
    f.turn();
    f.turn();
    CHECK(f.told() == "write W0 SET a 1\nread 0 GET b\n");
  }
  SUBCASE("not held") {
    f.counter.log_waits = 100;
    f.turn();
    f.say("GET b", 2);
    CHECK(f.told() == "read 0 GET b\n");
  }
}

TEST_CASE("a key with a time to live is looked at once more") {
  WatchFixture f;
  f.watch("5000");
  f.say("MULTI | SET a 1 | EXEC");
  CHECK(f.told() == "look R0 PTTL a\n");
  SUBCASE("it lives on") {
    f.answer_look(1, std::string(":4000\r\n"));
    CHECK(f.told() == "write W0 SET a 1\n");
  }
  SUBCASE("it is about to expire") {
    f.answer_look(1, std::string(":3\r\n"));
    CHECK(f.told() == "when settled\n");
  }
  SUBCASE("it has expired") {
    f.seen("DEL a");
    f.answer_look(1, std::string(":-2\r\n"));
    CHECK(f.told() == "when settled\n");
  }
  SUBCASE("Redis is lost") {
    CHECK(f.answer_look(1, Error{"LOADING gone"}) == "-LOADING gone\r\n");
    CHECK(f.told() == "");
  }
}

TEST_CASE("WATCH does not overtake the client's own writes") {
  WatchFixture f;
  f.say("SET a 1 | WATCH a | GET a");
  CHECK(f.told() == "write W0 SET a 1\n");
  CHECK(f.turn() == "");
  CHECK(f.told() == "");
  CHECK(f.reply(0, kOk) == kOk);
  f.turn();
  CHECK(f.told() == "look R0 PTTL a\n");
  CHECK(f.answer_look(0, std::string(":-1\r\n")) == kOk);
  CHECK(f.told() == "read 0 GET a\n");
}

TEST_CASE("UNWATCH, DISCARD, RESET and leaving end it; an aborted transaction too") {
  WatchFixture f;
  f.watch("-1");
  SUBCASE("UNWATCH") { CHECK(f.say("UNWATCH") == kOk); }
  SUBCASE("DISCARD") { f.say("MULTI | DISCARD"); }
  SUBCASE("RESET") { f.say("RESET"); }
  SUBCASE("leaving") { f.desk.on_disconnected(1); }
  SUBCASE("EXECABORT") { CHECK(f.say("MULTI | SHUTDOWN | EXEC").find("-EXECABORT") != std::string::npos); }
  CHECK(!f.counter.watched.watching(1));
}

TEST_CASE("WATCH inside MULTI is refused as this Redis refuses it") {
  WatchFixture f;
  SUBCASE("in words of its own, and the transaction goes on") {
    CHECK(f.say("MULTI | WATCH a | SET b 1 | EXEC") == kOk + "-ERR WATCH inside MULTI is not allowed\r\n" + kQueued);
    CHECK(f.told() == "write W0 SET b 1\n");
  }
  SUBCASE("like all that does not belong there, and the transaction is aborted") {
    f.counter.build.nested_watch = "-ERR Command 'watch' not allowed inside a transaction\r\n";
    f.counter.build.nested_aborts = true;
    CHECK(f.say("MULTI | WATCH a | EXEC") ==
          kOk + f.counter.build.nested_watch + "-EXECABORT Transaction discarded because of previous errors.\r\n");
  }
}

}  // namespace
}  // namespace holdfast
