// MULTI, EXEC and DISCARD: gathered at the front desk, one piece of one batch, answered as Redis would.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using testing::DeskFixture;

const std::string kOk = "+OK\r\n";
const std::string kQueued = "+QUEUED\r\n";
const std::string kAborted = "-EXECABORT Transaction discarded because of previous errors.\r\n";

TEST_CASE("a transaction that writes becomes one unit, with its reads") {
  DeskFixture f;
  CHECK(f.say("MULTI | SET a 1 | GET b | SPOP s") == kOk + kQueued + kQueued + kQueued);
  CHECK(f.told() == "");
  CHECK(f.say("EXEC") == "");
  CHECK(f.told() == "write W0 SET a 1 + R0 GET b + W0 SPOP s\n");
  CHECK(f.counter.effects == std::vector<Effect>{Effect::kSet, Effect::kUnknown, Effect::kUnknown});
  const Waiter waiter = f.counter.waiters[0];
  f.desk.on_reply(waiter, kOk);
  f.desk.on_reply(waiter, "$-1\r\n");
  f.desk.on_reply(waiter, "$-1\r\n");
  f.desk.release(waiter);
  CHECK(f.turn() == "*3\r\n" + kOk + "$-1\r\n$-1\r\n");
  f.say("SET c 1");
  CHECK(f.told() == "write W0 SET c 1\n");
}

TEST_CASE("only its last op ends the transaction") {
  DeskFixture f;
  struct Counting : testing::FakeCounter {
    std::string pieces;
    void write(Session*, Unit unit) override {
      for (const Op& op : unit.ops) pieces += op.last_piece ? "." : "…";
    }
  } counter;
  Frontdesk desk(&f.world, &counter, {});
  desk.on_connected(9, {});
  desk.on_data(9, testing::words("MULTI | SET a 1 | ECHO x | GET a | EXEC | SET b 1"));
  CHECK(counter.pieces == "……..");
}

TEST_CASE("a transaction that only reads goes to Redis as it is") {
  DeskFixture f;
  f.say("MULTI | GET a | MGET a b | EXEC");
  CHECK(f.told() == "reads R0 GET a + R0 MGET a b\n");
}

TEST_CASE("a transaction that needs no Redis is answered at once, in its place") {
  DeskFixture f;
  CHECK(f.say("MULTI | PING | ECHO hi | SELECT 2 | EXEC") ==
        kOk + kQueued + kQueued + kQueued + "*3\r\n+PONG\r\n$2\r\nhi\r\n+OK\r\n");
  CHECK(f.told() == "");
  f.say("GET a | MULTI | PING | EXEC");
  CHECK(f.told() == "read 2 GET a\n");
  CHECK(f.reply(0, "$-1\r\n") == "$-1\r\n" + kOk + kQueued + "*1\r\n+PONG\r\n");
}

TEST_CASE("corners of MULTI, EXEC and DISCARD") {
  DeskFixture f;
  CHECK(f.say("EXEC") == "-ERR EXEC without MULTI\r\n");
  CHECK(f.say("DISCARD") == "-ERR DISCARD without MULTI\r\n");
  CHECK(f.say("MULTI | EXEC") == kOk + "*0\r\n");
  CHECK(f.say("MULTI | SET a 1 | DISCARD | EXEC") == kOk + kQueued + kOk + "-ERR EXEC without MULTI\r\n");
  CHECK(f.say("multi | ping | discard") == kOk + kQueued + kOk);
  CHECK(f.told() == "");
}

TEST_CASE("MULTI inside MULTI is answered, and ends well or not, as the build behind does") {
  DeskFixture f;
  CHECK(f.say("MULTI | MULTI | PING | EXEC") == kOk + f.counter.build.nested_multi + kQueued + "*1\r\n+PONG\r\n");
  f.counter.build.nested_multi = "-ERR Command 'multi' not allowed inside a transaction\r\n";
  f.counter.build.nested_aborts = true;
  CHECK(f.say("MULTI | MULTI | PING | EXEC") == kOk + f.counter.build.nested_multi + kQueued + kAborted);
  CHECK(f.say("MULTI | PING | EXEC") == kOk + kQueued + "*1\r\n+PONG\r\n");
}

TEST_CASE("EXEC with arguments is refused, and ends the transaction") {
  DeskFixture f;
  f.say("MULTI | SET a 1 | EXEC now");
  const std::string refusal = "-EXECABORT Transaction discarded because of: wrong number of arguments\r\n";
  CHECK(f.answer(0, refusal) == refusal);
  f.told();
  f.say("SET b 1");
  CHECK(f.told() == "write W0 SET b 1\n");
}

TEST_CASE("EXEC of a transaction that takes memory, over the limit") {
  DeskFixture f;
  f.say("MULTI | SET a 1");
  f.counter.out_of_memory = true;
  CHECK(f.say("EXEC").starts_with("-EXECABORT Transaction discarded because of: OOM "));
  // Older builds queue nothing at all then.
  f.counter.build.queues_without_memory = false;
  CHECK(f.say("MULTI | GET a | EXEC").find("-OOM ") != std::string::npos);
  f.counter.build.queues_without_memory = true;
  CHECK(f.say("MULTI | GET a | DEL a | EXEC") == kOk + kQueued + kQueued);
  CHECK(f.told() == "write R0 GET a + W0 DEL a\n");
}

TEST_CASE("what is refused while queueing makes EXEC fail, DISCARD forgets it") {
  const std::vector<std::function<void(DeskFixture*)>> refusals = {
      [](DeskFixture* f) { CHECK(f->say("MULTI | SHUTDOWN").find("'shutdown'") != std::string::npos); },
      [](DeskFixture* f) {
        f->counter.out_of_memory = true;
        CHECK(f->say("MULTI | SET a 1").find("-OOM") != std::string::npos);
        f->counter.out_of_memory = false;
      },
      [](DeskFixture* f) {
        f->say("MULTI | FOO");
        CHECK(f->answer(0, "-ERR unknown command\r\n") == "-ERR unknown command\r\n");
      },
      [](DeskFixture* f) {
        f->say("MULTI | FOO");
        f->desk.on_asked_lost("LOADING lost");
        CHECK(f->turn() == "-LOADING lost\r\n");
      },
      [](DeskFixture* f) {
        f->counter.no_reads = "LOADING no Redis";
        CHECK(f->say("MULTI | FOO") == kOk + "-LOADING no Redis\r\n");
        f->counter.no_reads = "";
      },
  };
  for (size_t i = 0; i < refusals.size(); i++) {
    CAPTURE(i);
    DeskFixture f;
    refusals[i](&f);
    CHECK(f.say("SET b 1 | EXEC") == kQueued + kAborted);
    DeskFixture g;
    refusals[i](&g);
    g.told();
    CHECK(g.say("SET b 1 | DISCARD | MULTI | PING | EXEC") == kQueued + kOk + kOk + kQueued + "*1\r\n+PONG\r\n");
    CHECK(g.told() == "");
    g.say("SET c 1");
    CHECK(g.told() == "write W0 SET c 1\n");
  }
}

TEST_CASE("a command that no table knows may stand in a transaction when Redis takes it") {
  DeskFixture f;
  f.say("MULTI | FOO.BAR a");
  CHECK(f.answer(0, "") == kQueued);
  f.told();
  f.say("GET a | EXEC");
  CHECK(f.told() == "write W0 FOO.BAR a + R0 GET a\n");
}

TEST_CASE("SELECT inside a transaction holds for what comes behind it, and afterwards") {
  DeskFixture f;
  f.say("MULTI | SET a 1 | SELECT 3 | SET b 1 | SELECT 15 | GET c | EXEC");
  CHECK(f.told() == "write W0 SET a 1 + L +OK + W3 SET b 1 + L -ERR DB index is out of range + R3 GET c\n");
  f.say("GET d");
  CHECK(f.told() == "read 3 GET d\n");
}

TEST_CASE("SELECT in a transaction that is discarded does nothing") {
  DeskFixture f;
  f.say("MULTI | SELECT 3 | DISCARD | GET a");
  CHECK(f.told() == "read 0 GET a\n");
}

TEST_CASE("TTLs inside a transaction are absolute as of EXEC") {
  DeskFixture f;
  f.say("MULTI | EXPIRE a 10 | GET a");
  f.world.now_unix_ms += 5000;
  f.say("EXEC");
  CHECK(f.told() == "write W0 PEXPIREAT a " + std::to_string(f.world.now_unix_ms + 10'000) + " + R0 GET a\n");
}

TEST_CASE("replies inside a transaction are filtered too") {
  DeskFixture f;
  f.say("MULTI | CONFIG GET databases | EXEC");
  CHECK(f.told() == "reads R0 CONFIG GET databases\n");
  CHECK(f.counter.waiters[0].filter == Filter::kConfigGet);
  CHECK(f.reply(0, "*2\r\n$9\r\ndatabases\r\n$2\r\n16\r\n") == "*1\r\n*2\r\n$9\r\ndatabases\r\n$2\r\n15\r\n");
}

TEST_CASE("QUIT and RESET act at once, also inside a transaction") {
  DeskFixture f;
  CHECK(f.say("MULTI | SET a 1 | RESET | EXEC") == kOk + kQueued + "+RESET\r\n-ERR EXEC without MULTI\r\n");
  CHECK(f.say("MULTI | SET a 1 | QUIT | EXEC") == kOk + kQueued + kOk);
  CHECK(f.world.closed.contains(1));
  CHECK(f.told() == "");
}

TEST_CASE("a transaction is bounded") {
  FrontdeskLimits limits;
  limits.query_bytes = 1000;
  DeskFixture f(limits);
  f.say("MULTI");
  for (int i = 0; i < 8; i++) f.say("SET a " + std::string(100, 'x'));
  CHECK(f.world.closed.contains(1));
  CHECK(f.told() == "");
}

TEST_CASE("a reply that is given up on stands for the whole transaction") {
  DeskFixture f;
  f.say("MULTI | SET a 1 | SET b 1 | EXEC");
  f.desk.on_reply(f.counter.waiters[0], kOk);
  f.desk.give_up(f.counter.waiters[0], "UNKNOWN lost");
  CHECK(f.turn() == "-UNKNOWN lost\r\n");
  f.say("MULTI | SET a 1 | SET b 1 | EXEC");
  f.desk.on_reply(f.counter.waiters[1], kOk);
  f.desk.restart_reply(f.counter.waiters[1]);  // it is executed once more
  f.desk.on_reply(f.counter.waiters[1], ":1\r\n");
  f.desk.on_reply(f.counter.waiters[1], ":2\r\n");
  f.desk.release(f.counter.waiters[1]);
  CHECK(f.turn() == "*2\r\n:1\r\n:2\r\n");
}

TEST_CASE("a limit that is lowered between MULTI and EXEC does not make a write of a read") {
  DeskFixture f;
  f.connect(2);
  std::string large;
  append_request(&large, {"GET", std::string(2'000'000, 'x')});
  f.say("MULTI");
  CHECK(f.send(large) == "+QUEUED\r\n");
  CHECK(f.say("CONFIG SET proto-max-bulk-len 1mb", 2) == "+OK\r\n");
  f.told();
  f.say("EXEC");
  CHECK(f.told().starts_with("reads R0 GET xxx"));
}

TEST_CASE("a Redis that takes what has too few arguments by its own table is not believed") {
  DeskFixture f;
  for (const std::string request : {"CLIENT", "GET", "EXEC now"}) {
    CAPTURE(request);
    f.counter.questions.clear();
    f.say(request);
    REQUIRE(f.counter.questions.size() == 1);
    CHECK(f.answer(0, "").starts_with("-ERR wrong number of arguments"));
  }
}

}  // namespace
}  // namespace holdfast
