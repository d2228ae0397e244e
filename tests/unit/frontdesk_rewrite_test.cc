// What goes into the log in place of what the client sent, and which databases there are for clients.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using testing::DeskFixture;
using testing::split;

TEST_CASE("relative TTLs become absolute, with what they leave") {
  DeskFixture f;
  const int64_t now = f.world.now_unix_ms;
  f.say("SET a 1 EX 10 | EXPIRE a 20 | GETEX a PX 5 | SET a 1 PXAT 7");
  CHECK(f.told() == "write W0 SET a 1 PXAT " + std::to_string(now + 10'000) + "\nwrite W0 PEXPIREAT a " +
                        std::to_string(now + 20'000) + "\nwrite W0 GETEX a PXAT " + std::to_string(now + 5) +
                        "\nwrite W0 SET a 1 PXAT 7\n");
  CHECK(f.counter.effects == std::vector<Effect>{Effect::kSet, Effect::kExact, Effect::kGetEx, Effect::kSet});
}

TEST_CASE("the database of the connection goes with every command") {
  DeskFixture f;
  f.connect(2);
  CHECK(f.say("SELECT 14") == "+OK\r\n");
  f.say("SET a 1 | GET a | FOO");
  f.say("GET a", 2);
  CHECK(f.told() == "write W14 SET a 1\nread 14 GET a\nask 14 FOO\nread 0 GET a\n");
  CHECK(f.counter.touches[0] == key_hash(14, "a"));
}

TEST_CASE("the reserved database does not exist for SELECT, nor do those that Redis has not") {
  DeskFixture f;
  f.say("SELECT 3");
  for (const std::string db : {"15", "16", "-1", "1000000"}) {
    CAPTURE(db);
    CHECK(f.say("SELECT " + db) == "-ERR DB index is out of range\r\n");
  }
  f.say("SELECT abc");  // Redis's to refuse
  f.reply(0, "-ERR value is not an integer or out of range\r\n");
  f.say("GET a");
  CHECK(f.told() == "read 3 SELECT abc\nread 3 GET a\n");
}

TEST_CASE("named in MOVE, COPY or SWAPDB, the reserved database becomes one that Redis has not either") {
  DeskFixture f;
  f.say(
      "MOVE a 15 | MOVE a 14 | COPY a b DB 15 | COPY a b REPLACE db 15 | COPY a b DB 3 | SWAPDB 0 15 | SWAPDB 15 1 | "
      "SWAPDB 1 2");
  CHECK(f.told() ==
        "write W0 MOVE a 16\nwrite W0 MOVE a 14\nwrite W0 COPY a b DB 16\nwrite W0 COPY a b REPLACE db 16\n"
        "write W0 COPY a b DB 3\nwrite W0 SWAPDB 0 16\nwrite W0 SWAPDB 16 1\nwrite W0 SWAPDB 1 2\n");
  f.say("MULTI | MOVE a 15 | EXEC");
  CHECK(f.told() == "write W0 MOVE a 16\n");
}

TEST_CASE("a key is never taken for a database") {
  DeskFixture f;
  f.say("SET 15 15 | MOVE 15 3 | COPY 15 15 | COPY DB 15 | COPY a 15 REPLACE | DEL 15");
  CHECK(f.told() ==
        "write W0 SET 15 15\nwrite W0 MOVE 15 3\nwrite W0 COPY 15 15\nwrite W0 COPY DB 15\n"
        "write W0 COPY a 15 REPLACE\nwrite W0 DEL 15\n");
}

TEST_CASE("what an op touches") {
  DeskFixture f;
  const auto op = [&](const std::string& text) {
    const std::vector<std::string_view> argv = split(text);
    return f.desk.make_op(testing::test_table().find(argv), 3, argv);
  };
  CHECK(op("GET a").touches == key_hash(3, "a"));
  CHECK(op("SET a 1").touches == key_hash(3, "a"));
  CHECK(op("DEL a").touches == key_hash(3, "a"));
  CHECK(op("DEL a b").touches == kTouchesAnything);
  CHECK(op("MSET a 1 b 2").touches == kTouchesAnything);
  CHECK(op("MSET a 1").touches == key_hash(3, "a"));
  CHECK(op("TIME").touches == kTouchesNothing);
  CHECK(op("DBSIZE").touches == kTouchesAnything);
  CHECK(op("FLUSHALL").touches == kTouchesAnything);
  CHECK(op("EVAL x 1 a").touches == kTouchesAnything);
  CHECK(op("XREAD STREAMS s 0").touches == kTouchesAnything);
  CHECK(op("COPY a b").touches == kTouchesAnything);
  // Its reply tells of the other database too.
  CHECK(op("MOVE a 5").touches == kTouchesAnything);
  CHECK(f.desk.make_op(nullptr, 0, {"FOO", "a"}).touches == kTouchesAnything);
}

TEST_CASE("what is a write") {
  DeskFixture f;
  const auto kind = [&](const std::string& text) {
    const std::vector<std::string_view> argv = split(text);
    return f.desk.make_op(testing::test_table().find(argv), 0, argv).kind;
  };
  CHECK(kind("SET a 1") == Op::Kind::kWrite);
  CHECK(kind("EVAL x 0") == Op::Kind::kWrite);
  CHECK(kind("FLUSHALL") == Op::Kind::kWrite);
  CHECK(kind("GETEX a") == Op::Kind::kWrite);
  CHECK(kind("GET a") == Op::Kind::kRead);
  CHECK(kind("TIME") == Op::Kind::kRead);
  CHECK(f.desk.make_op(nullptr, 0, {"FOO"}).kind == Op::Kind::kWrite);
}

}  // namespace
}  // namespace holdfast
