// MIGRATE: Redis copies, the log removes; and nothing is removed that has changed since it was copied.
#include <doctest/doctest.h>

#include <string>

#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using testing::DeskFixture;

const std::string kOk = "+OK\r\n";
const std::string kNoKey = "+NOKEY\r\n";
const std::string kBusyKey = "-ERR Target instance replied with error: BUSYKEY Target key name already exists.\r\n";
const std::string kIoError = "-IOERR error or timeout reading to target instance\r\n";

struct MigrateFixture : DeskFixture {
  // Redis's answer to the newest transfer.
  std::string transferred(const std::string& reply, SessionId id = 1) {
    return answer_look(counter.looks.size() - 1, reply, id);
  }
};

TEST_CASE("MIGRATE is a copy at Redis, then a DEL in the log, whose reply is that of the copy") {
  MigrateFixture f;
  CHECK(f.say("MIGRATE host 7000 a 3 500 REPLACE AUTH2 me secret | PING") == "");
  CHECK(f.told() == "look R0 MIGRATE host 7000 a 3 500 COPY REPLACE AUTH2 me secret\n");
  CHECK(f.transferred(kOk) == "");
  CHECK(f.told() == "write W0 DEL a\n");
  CHECK(f.counter.effects.back() == Effect::kExact);
  SUBCASE("done") { CHECK(f.reply(0, ":1\r\n") == kOk + "+PONG\r\n"); }
  SUBCASE("Redis executes it once more") {
    f.desk.on_reply(f.counter.waiters[0], ":1\r\n");
    f.desk.restart_reply(f.counter.waiters[0]);
    CHECK(f.reply(0, ":1\r\n") == kOk + "+PONG\r\n");
  }
  SUBCASE("Redis refuses the batch") { CHECK(f.reply(0, "-OOM no\r\n") == "-OOM no\r\n+PONG\r\n"); }
  SUBCASE("the log is lost") {
    f.desk.give_up(f.counter.waiters[0], "UNKNOWN may have happened");
    CHECK(f.turn() == "-UNKNOWN may have happened\r\n+PONG\r\n");
  }
}

TEST_CASE("with COPY nothing is written, and the reply waits for what Redis has shown") {
  MigrateFixture f;
  f.counter.no_writes = "NOTWRITTEN no log";
  f.say("MIGRATE host 7000 a 0 500 copy");
  CHECK(f.told() == "look R0 MIGRATE host 7000 a 0 500 COPY copy\n");
  f.transferred(kOk);
  CHECK(f.told() == "when settled\n");
  f.desk.release(f.counter.waiters[0]);
  CHECK(f.turn() == kOk);
}

TEST_CASE("a key that is not there, and what Redis or the target says against it") {
  MigrateFixture f;
  std::string reply;
  SUBCASE("no key") { reply = kNoKey; }
  SUBCASE("the target") { reply = kBusyKey; }
  SUBCASE("the connection") { reply = kIoError; }
  f.say("MIGRATE host 7000 a 0 500");
  f.told();
  f.transferred(reply);
  CHECK(f.told() == "when settled\n");
  f.desk.release(f.counter.waiters[0]);
  CHECK(f.turn() == reply);
}

TEST_CASE("many keys go one by one, and those go away that the target has taken") {
  MigrateFixture f;
  f.say("MIGRATE host 7000  0 500 AUTH keys KEYS a b c d");
  CHECK(f.told() == "look R0 MIGRATE host 7000 a 0 500 COPY AUTH keys\n");
  f.transferred(kOk);
  CHECK(f.told() == "look R0 MIGRATE host 7000 b 0 500 COPY AUTH keys\n");
  SUBCASE("all of them that there are") {
    f.transferred(kNoKey);
    f.transferred(kOk);
    f.transferred(kOk);
    CHECK(f.told().ends_with("write W0 DEL a c d\n"));
    CHECK(f.reply(0, ":3\r\n") == kOk);
  }
  SUBCASE("the target refuses one") {
    f.transferred(kBusyKey);
    f.transferred(kOk);
    f.transferred(kBusyKey);
    CHECK(f.told().ends_with("write W0 DEL a c\n"));
    CHECK(f.reply(0, ":2\r\n") == kBusyKey);
  }
  SUBCASE("the connection breaks: no more are tried") {
    f.transferred(kIoError);
    CHECK(f.told() == "write W0 DEL a\n");
    CHECK(f.reply(0, ":1\r\n") == kIoError);
  }
}

TEST_CASE("what is not well formed is Redis's to refuse") {
  MigrateFixture f;
  for (const char* request :
       {"MIGRATE h 1 k 0 9 NOSUCH", "MIGRATE h 1 k 0 9 AUTH", "MIGRATE h 1 k 0 9 AUTH2 a", "MIGRATE h 1 k 0 x",
        "MIGRATE h 1 k x 9", "MIGRATE h 1 k 0 9 KEYS a", "MIGRATE h 1  0 9 KEYS"}) {
    CAPTURE(request);
    f.say(request);
    CHECK(f.told() == "read 0 " + std::string(request) + "\n");
    f.reply(f.counter.waiters.size() - 1, "-ERR syntax error\r\n");
  }
}

TEST_CASE("a key that changes is transferred again, over what was brought before") {
  MigrateFixture f;
  f.say("MIGRATE host 7000  0 500 KEYS a b");
  f.transferred(kOk);
  f.transferred(kOk);
  CHECK(f.told().ends_with("write W0 DEL a b\n"));
  f.reply(0, ":2\r\n");

  f.say("MIGRATE host 7000  0 500 KEYS a b");
  f.transferred(kOk);
  f.seen("SET a new");
  SUBCASE("once") {
    f.seen("SET b old", 3);
    f.told();
    f.transferred(kOk);
    CHECK(f.told() == "look R0 MIGRATE host 7000 a 0 500 COPY REPLACE\n");
    f.transferred(kOk);
    CHECK(f.told() == "write W0 DEL a b\n");
  }
  SUBCASE("gone by then: the target has it, here it is not") {
    f.transferred(kOk);
    f.transferred(kNoKey);
    CHECK(f.told().ends_with("write W0 DEL b\n"));
    CHECK(f.reply(1, ":1\r\n") == kOk);
  }
  SUBCASE("the connection breaks: it stays here") {
    f.transferred(kOk);
    f.transferred(kIoError);
    CHECK(f.told().ends_with("write W0 DEL b\n"));
    CHECK(f.reply(1, ":1\r\n") == kIoError);
  }
  SUBCASE("a flush changes all") {
    f.seen("FLUSHALL");
    f.transferred(kOk);
    f.transferred(kNoKey);
    f.transferred(kNoKey);
    CHECK(f.told().ends_with("REPLACE\nwhen settled\n"));
  }
  SUBCASE("again and again: it stays here") {
    for (int i = 0; i < 4; i++) {
      f.transferred(kOk);
      f.seen("SET a newer");
    }
    f.told();
    f.transferred(kOk);
    CHECK(f.told() == "write W0 DEL b\n");
    CHECK(f.reply(1, ":1\r\n").starts_with("-IOERR a key has changed each time"));
  }
}

TEST_CASE("it begins when all is at rest, and everybody waits for it") {
  MigrateFixture f;
  f.connect(2);
  f.counter.resting = false;
  f.say("SET a 1 | MIGRATE host 7000 a 0 500");
  CHECK(f.told() == "write W0 SET a 1\n");
  CHECK(f.say("PING", 2) == "");
  f.counter.resting = true;
  f.turn();
  CHECK(f.told() == "");
  CHECK(f.reply(0, kOk) == kOk);
  f.turn();
  CHECK(f.told() == "look R0 MIGRATE host 7000 a 0 500 COPY\n");
  SUBCASE("its DEL comes before theirs") {
    f.say("SET a 2", 2);
    f.transferred(kOk);
    CHECK(f.told() == "write W0 DEL a\nwrite W0 SET a 2\n");
    CHECK(f.turn(2) == "+PONG\r\n");
  }
  SUBCASE("not while the log is slow: then it waits for what they write to the keys") {
    f.counter.log_waits = 1000;
    f.turn();
    CHECK(f.turn(2) == "+PONG\r\n");
    f.say("SET a 2", 2);
    f.counter.writing = true;
    f.transferred(kOk);
    CHECK(f.told() == "write W0 SET a 2\n");
    f.seen("SET a 2");
    f.counter.writing = false;
    f.turn();
    CHECK(f.told() == "look R0 MIGRATE host 7000 a 0 500 COPY REPLACE\n");
  }
  SUBCASE("its client leaves") {
    f.desk.on_disconnected(1);
    CHECK(f.turn(2) == "+PONG\r\n");
    f.counter.looks[0](kOk);
    CHECK(f.told() == "");
  }
}

TEST_CASE("two of them come one after the other") {
  MigrateFixture f;
  f.connect(2);
  f.desk.on_data(1, testing::words("MIGRATE host 7000 a 0 500"));
  f.desk.on_data(2, testing::words("MIGRATE host 7000 a 0 500"));
  CHECK(f.told() == "look R0 MIGRATE host 7000 a 0 500 COPY\n");
  f.transferred(kOk);
  f.turn(2);
  CHECK(f.told() == "write W0 DEL a\nlook R0 MIGRATE host 7000 a 0 500 COPY\n");
}

TEST_CASE("it takes as long as Redis may take for it, and says what is known then") {
  MigrateFixture f;
  const auto late = [&f](int64_t ms) {
    f.world.now_ms += ms;
    f.desk.check_time(f.world.now_ms, [&f](const Session&, const Session::Oldest& oldest) {
      return f.world.now_ms - oldest.since_ms > 5000 ? std::string("UNAVAILABLE no answer within 5000 ms") : "";
    });
    return f.turn();
  };
  SUBCASE("not begun: nothing has happened") {
    f.counter.resting = false;
    f.say("MIGRATE host 7000 a 0 500");
    CHECK(late(5001) == "-UNAVAILABLE no answer within 5000 ms\r\n");
    f.counter.resting = true;
    f.turn();
    CHECK(f.told() == "");
  }
  SUBCASE("begun") {
    f.say("MIGRATE host 7000 a 0 500");
    CHECK(late(7000) == "");
    CHECK(late(1) == "-IOERR no answer within 5000 ms: nothing was removed here, but the target may have got keys\r\n");
    f.told();
    f.transferred(kOk);
    CHECK(f.told() == "");
  }
  SUBCASE("Redis is lost") {
    f.say("MIGRATE host 7000 a 0 500");
    CHECK(f.answer_look(0, Error{"LOADING Redis was lost"}) ==
          "-IOERR Redis was lost: nothing was removed here, but the target may have got keys\r\n");
  }
  SUBCASE("the log takes no writes by then") {
    f.say("MIGRATE host 7000 a 0 500");
    f.counter.no_writes = "NOTWRITTEN no log";
    CHECK(f.transferred(kOk) == "-NOTWRITTEN no log\r\n");
    CHECK(f.say("PING") == "+PONG\r\n");
  }
}

TEST_CASE("MIGRATE is refused when there is no log, and inside MULTI") {
  MigrateFixture f;
  CHECK(f.say("MULTI | MIGRATE host 7000 a 0 500 | EXEC").find("in a transaction") != std::string::npos);
  f.counter.no_writes = "NOTWRITTEN no log";
  CHECK(f.say("MIGRATE host 7000 a 0 500") == "-NOTWRITTEN no log\r\n");
  CHECK(f.told() == "");
}

TEST_CASE("who may not migrate is refused before anything happens") {
  MigrateFixture f;
  f.counter.known = parse_users({"user default on nopass ~b* &* +@all"});
  f.desk.on_users_changed();
  f.say("MIGRATE host 7000 a 0 500 AUTH secret");
  CHECK(f.told() == "ask 0 MIGRATE host 7000 a 0 500 AUTH secret as holdfast:as:default\n");
  SUBCASE("not it") {
    CHECK(f.answer(0, "-NOPERM no\r\n") == "-NOPERM no\r\n");
    CHECK(f.told() == "");
  }
  SUBCASE("it") {
    f.answer(0, "");
    f.transferred(kOk);
    CHECK(f.told() == "look R0 MIGRATE host 7000 a 0 500 COPY AUTH secret\nwrite W0 DEL a\n");
  }
}

}  // namespace
}  // namespace holdfast
