// Blocked clients: looked at, parked, attempted in order, and what happens when things go wrong in between.
#include "core/shard/blocking.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using testing::DeskFixture;

const std::string kNull = "*-1\r\n";
const std::string kNothing = "$-1\r\n";

struct BlockingFixture : DeskFixture {
  BlockingFixture() {
    connect(2);
    connect(3);
  }

  std::string look(const std::string& replies, SessionId id = 1) {
    return answer_look(counter.looks.size() - 1, replies, id);
  }
  // A client that waits for `l`, where there is nothing.
  void park(SessionId id, const char* request = "BLPOP l 0") {
    CHECK(say(request, id) == "");
    CHECK(look(":0\r\n", id) == "");
    told();
  }
  // The reply to the newest attempt.
  std::string attempted(const std::string& bytes, SessionId id) { return reply(counter.waiters.size() - 1, bytes, id); }
};

TEST_CASE("what is there is taken at once, by an ordinary command through the log") {
  BlockingFixture f;
  CHECK(f.say("BLPOP none l 0") == "");
  CHECK(f.told() == "look R0 LLEN none + R0 LLEN l\n");
  f.look(":0\r\n:2\r\n");
  CHECK(f.told() == "write W0 LPOP l\n");
  CHECK(f.attempted("$1\r\nx\r\n", 1) == "*2\r\n$1\r\nl\r\n$1\r\nx\r\n");
}

TEST_CASE("a push takes the attempts of those that wait along, in their order, and no more than it serves") {
  BlockingFixture f;
  f.park(1);
  f.park(2);
  f.say("RPUSH l x", 3);
  CHECK(f.told() == "write W0 RPUSH l x\nwrite W0 LPOP l\n");
  CHECK(f.attempted("$1\r\nx\r\n", 1) == "*2\r\n$1\r\nl\r\n$1\r\nx\r\n");
  f.say("LPUSH l y z", 3);
  CHECK(f.told() == "write W0 LPUSH l y z\nwrite W0 LPOP l\n");
}

TEST_CASE("a new entry takes along those that read it for a group, one for each group; who only reads comes later") {
  BlockingFixture f;
  for (SessionId id = 4; id <= 5; id++) f.connect(id);
  const auto wait = [&](SessionId id, const std::string& request, const std::string& nothing) {
    f.say(request, id);
    CHECK(f.attempted(nothing, id) == "");
    f.told();
  };
  wait(1, "XREADGROUP GROUP g a BLOCK 0 STREAMS s >", kNull);
  wait(2, "XREADGROUP GROUP g b BLOCK 0 STREAMS s >", kNull);
  wait(3, "XREADGROUP GROUP h a BLOCK 0 STREAMS s >", kNull);
  wait(4, "XREAD BLOCK 0 STREAMS s 0", kNull);
  f.say("XADD s * f v", 5);
  CHECK(f.told() ==
        "write W0 XADD s * f v\nwrite W0 XREADGROUP GROUP g a STREAMS s >\n"
        "write W0 XREADGROUP GROUP h a STREAMS s >\n");
}

TEST_CASE("BLMPOP and BZMPOP take as LMPOP and ZMPOP of one key do, and answer what those answer") {
  BlockingFixture f;
  f.say("BLMPOP 0 2 none l RIGHT COUNT 5");
  CHECK(f.told() == "look R0 LLEN none + R0 LLEN l\n");
  f.look(":0\r\n:2\r\n");
  CHECK(f.told() == "write W0 LMPOP 1 l RIGHT COUNT 5\n");
  CHECK(f.attempted("*2\r\n$1\r\nl\r\n*1\r\n$1\r\nx\r\n", 1) == "*2\r\n$1\r\nl\r\n*1\r\n$1\r\nx\r\n");
  f.say("BZMPOP 0 1 z MIN", 2);
  f.look(":1\r\n");
  CHECK(f.told() == "look R0 ZCARD z\nwrite W0 ZMPOP 1 z MIN\n");
}

TEST_CASE("any other change: Redis is asked once, and as many are served as there is for") {
  BlockingFixture f;
  f.park(1);
  f.park(2, "BRPOP l 0");
  f.seen("RENAME other l");
  f.seen("LPUSH l more");
  f.turn();
  CHECK(f.told() == "look R0 LLEN l + R0 ZCARD l\n");
  f.look(":2\r\n-WRONGTYPE\r\n");
  CHECK(f.told() == "write W0 LPOP l\nwrite W0 RPOP l\n");
}

TEST_CASE("an attempt in vain: it waits on, in its place") {
  BlockingFixture f;
  f.park(1);
  f.say("RPUSH l x", 3);
  CHECK(f.attempted(kNothing, 1) == "");
  f.told();
  f.say("RPUSH l y", 3);
  CHECK(f.told() == "write W0 RPUSH l y\nwrite W0 LPOP l\n");
}

TEST_CASE("time is over, but not for an attempt that is under way") {
  BlockingFixture f;
  f.park(1, "BLPOP l 1");
  f.park(2, "BLPOP l 1");
  f.say("RPUSH l x", 3);
  f.world.now_ms += 1500;
  f.desk.check_deadlines(f.world.now_ms);
  CHECK(f.turn(1) == "");
  CHECK(f.turn(2) == kNull);
  CHECK(f.attempted("$1\r\nx\r\n", 1) == "*2\r\n$1\r\nl\r\n$1\r\nx\r\n");
}

TEST_CASE("it is never found out what is there: an error in a bounded time") {
  BlockingFixture f;
  f.say("BLPOP l 0");
  f.desk.check_blocked(f.world.now_ms + 1000, 1000);
  CHECK(f.turn() == "");
  f.desk.check_blocked(f.world.now_ms + 1001, 1000);
  CHECK(f.turn().starts_with("-NOTWRITTEN "));
}

TEST_CASE("Redis is lost while a read is attempted first: it is attempted again, for a bounded time") {
  BlockingFixture f;
  f.say("XREAD BLOCK 0 STREAMS s 0");
  CHECK(f.told() == "read 0 XREAD STREAMS s 0\n");
  f.desk.give_up(f.counter.waiters.back(), "LOADING Redis was lost");
  CHECK(f.turn() == "");
  f.desk.check_blocked(f.world.now_ms + 1000, 1000);
  CHECK(f.told() == "read 0 XREAD STREAMS s 0\n");
  f.desk.give_up(f.counter.waiters.back(), "LOADING Redis was lost");
  f.desk.check_blocked(f.world.now_ms + 1001, 1000);
  CHECK(f.turn().starts_with("-UNAVAILABLE "));
}

TEST_CASE("the time begins when nothing was found, however long that took") {
  BlockingFixture f;
  f.say("BLPOP l 0.01");
  f.world.now_ms += 1000;
  f.desk.check_deadlines(f.world.now_ms);
  CHECK(f.look("-WRONGTYPE no\r\n") == "");
  CHECK(f.told() == "look R0 LLEN l\nwhen settled\n");

  f.say("BLPOP l 0.01", 2);
  f.world.now_ms += 1000;
  f.look(":0\r\n", 2);
  f.world.now_ms += 9;
  f.desk.check_deadlines(f.world.now_ms);
  CHECK(f.turn(2) == "");
  f.world.now_ms += 1;
  f.desk.check_deadlines(f.world.now_ms);
  CHECK(f.turn(2) == "*-1\r\n");
}

TEST_CASE("the log does not take an attempt: who has waited waits on and tries again; what was there is offered") {
  BlockingFixture f;
  f.park(1);
  f.say("RPUSH l x", 3);
  f.desk.give_up(f.counter.waiters.back(), "NOTWRITTEN no log");
  CHECK(f.turn(1) == "");
  f.told();
  f.desk.check_blocked(f.world.now_ms, 1000);
  CHECK(f.told() == "look R0 LLEN l\n");
}

TEST_CASE("a first attempt that fails leaves what was there to the next") {
  BlockingFixture f;
  f.say("BLPOP l 0", 1);
  f.look(":1\r\n", 1);
  f.say("BLPOP l 0", 2);
  f.look(":1\r\n", 2);  // the one element is for the first
  CHECK(f.told() == "look R0 LLEN l\nwrite W0 LPOP l\nlook R0 LLEN l\n");
  f.desk.give_up(f.counter.waiters.back(), "NOTWRITTEN no log");
  CHECK(f.turn(1) == "-NOTWRITTEN no log\r\n");
  f.desk.check_blocked(f.world.now_ms, 1000);
  CHECK(f.told() == "look R0 LLEN l + R0 ZCARD l\n");
  f.look(":1\r\n:0\r\n");
  CHECK(f.told() == "write W0 LPOP l\n");
}

TEST_CASE("who sends no more is not served, whatever it waits for just now") {
  BlockingFixture f;
  SUBCASE("parked") {
    f.park(1);
    f.desk.on_end(1);
  }
  SUBCASE("its own write comes first") {
    f.say("SET a 1 | BLPOP l 0");
    f.desk.on_end(1);
    f.reply(0, "+OK\r\n");
  }
  SUBCASE("an attempt in vain") {
    f.park(1);
    f.say("RPUSH l x", 3);
    f.desk.on_end(1);
    CHECK(!f.world.closed.contains(1));
    f.attempted(kNothing, 1);
  }
  f.turn();
  CHECK(f.world.closed.contains(1));
  f.told();
  f.say("RPUSH l x", 3);
  CHECK(f.told() == "write W0 RPUSH l x\n");
}

TEST_CASE("Redis is rebuilt: nothing is asked before it is there again, then all are looked at") {
  BlockingFixture f;
  f.park(1);
  f.counter.wait = "rebuilding";
  f.desk.on_redis_rebuilt(0, 0);
  f.turn();
  f.desk.check_blocked(f.world.now_ms, 1000);
  CHECK(f.told() == "");
  f.counter.wait = nullptr;
  f.desk.check_blocked(f.world.now_ms, 1000);
  CHECK(f.told() == "look R0 LLEN l\n");
}

TEST_CASE("an error of the first look is the client's, once what has been seen is settled") {
  BlockingFixture f;
  f.say("BLPOP l 0");
  f.told();
  CHECK(f.look("-WRONGTYPE no list\r\n") == "");
  CHECK(f.told() == "when settled\n");
  f.desk.release(f.counter.waiters.back());
  CHECK(f.turn() == "-WRONGTYPE no list\r\n");
}

TEST_CASE("what Redis would refuse goes there, where it cannot block") {
  BlockingFixture f;
  f.say("BLPOP l x");
  CHECK(f.told() == "write W0 BLPOP l x\n");
  f.say("XREAD BLOCK x STREAMS s $", 2);
  CHECK(f.told() == "reads R0 XREAD BLOCK x STREAMS s $\n");
  f.say("XREAD BLOCK 9223372036854775807 STREAMS s $", 3);
  CHECK(f.told() == "reads R0 XREAD BLOCK 9223372036854775807 STREAMS s $\n");
}

}  // namespace
}  // namespace holdfast
