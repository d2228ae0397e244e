// CLIENT PAUSE and scripts: those that say that they do not write are not held up by a pause for writes.
#include <doctest/doctest.h>

#include <string>

#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using testing::DeskFixture;

const std::string kReading = "#!lua flags=no-writes\nreturn 1";

std::string eval(const std::string& script) {
  std::string request;
  append_request(&request, {"EVAL", script, "0"});
  return request;
}

bool passes(DeskFixture* f, const std::string& request) {
  f->send(request);
  return !f->told().empty();
}

TEST_CASE("pause: a script that says that it does not write goes on") {
  DeskFixture f;
  f.connect(2);
  CHECK(f.say("CLIENT PAUSE 1000 WRITE", 2) == "+OK\r\n");
  CHECK(passes(&f, eval(kReading)));
  CHECK(passes(&f, testing::words("EVALSHA " + script_sha(kReading) + " 0")));
  SUBCASE("one that says nothing") { CHECK_FALSE(passes(&f, eval("return 1"))); }
  SUBCASE("one that may write") { CHECK_FALSE(passes(&f, eval("#!lua\nreturn 1"))); }
  SUBCASE("one that is not known") {
    CHECK_FALSE(passes(&f, testing::words("EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0")));
  }
  SUBCASE("all are to wait") {
    f.say("CLIENT PAUSE 1000 ALL", 2);
    CHECK_FALSE(passes(&f, eval(kReading)));
  }
  f.world.now_ms += 1000;
  f.turn();
  CHECK_FALSE(f.told().empty());
}

TEST_CASE("pause: in a transaction, too") {
  DeskFixture f;
  f.connect(2);
  f.say("CLIENT PAUSE 1000 WRITE", 2);
  f.say("MULTI");
  CHECK(f.send(eval(kReading)) == "+QUEUED\r\n");
  CHECK(f.say("EXEC") == "");
  CHECK(f.told().starts_with("write W0 EVAL"));
}

TEST_CASE("pause: of functions Redis is asked, once no write is under way") {
  const std::string list =
      "*1\r\n*6\r\n$12\r\nlibrary_name\r\n$1\r\nl\r\n$6\r\nengine\r\n$3\r\nLUA\r\n$9\r\nfunctions\r\n*2\r\n"
      "*6\r\n$4\r\nname\r\n$5\r\nreads\r\n$11\r\ndescription\r\n$-1\r\n$5\r\nflags\r\n*1\r\n+no-writes\r\n"
      "*6\r\n$4\r\nname\r\n$6\r\nwrites\r\n$11\r\ndescription\r\n$-1\r\n$5\r\nflags\r\n*0\r\n";
  DeskFixture f;
  f.connect(2);
  f.connect(3);
  f.say("CLIENT PAUSE 1000 WRITE", 3);
  f.counter.writing = true;
  f.say("FCALL reads 0");
  f.say("FCALL writes 0", 2);
  CHECK(f.told() == "");
  f.counter.writing = false;
  f.turn();
  CHECK(f.told() == "look R0 FUNCTION LIST\n");
  SUBCASE("it tells") {
    f.answer_look(0, list);
    f.turn();
    CHECK(f.told() == "write W0 FCALL reads 0\n");
    f.turn();
    CHECK(f.told() == "");  // and is not asked again
    f.world.now_ms += 1000;
    f.turn();
    CHECK(f.told() == "write W0 FCALL writes 0\n");
    // By the next pause it may be another.
    f.say("CLIENT PAUSE 1000 WRITE", 3);
    f.say("FCALL reads 0");
    f.turn();
    CHECK(f.told() == "look R0 FUNCTION LIST\n");
  }
  SUBCASE("it is lost, and asked again") {
    f.answer_look(0, Error{"LOADING"});
    f.turn();
    CHECK(f.told() == "look R0 FUNCTION LIST\n");
    f.answer_look(1, list);
    f.turn();
    CHECK(f.told() == "write W0 FCALL reads 0\n");
  }
  SUBCASE("it tells too late, in the next pause") {
    f.world.now_ms += 1000;
    f.turn();
    f.told();
    f.say("CLIENT PAUSE 1000 WRITE", 3);
    f.answer_look(0, list);
    f.say("FCALL reads 0");
    CHECK(f.told().find("FCALL") == std::string::npos);
  }
}

TEST_CASE("over the limit a script that takes memory by what it says is refused before the log, by itself or queued") {
  DeskFixture f;
  f.counter.out_of_memory = true;
  CHECK(f.send(eval("#!lua\nreturn 1")).starts_with("-OOM command not allowed"));
  CHECK(f.told() == "");
  CHECK(passes(&f, eval("return 1")));  // Redis stops it where it begins to take memory
  CHECK(passes(&f, eval(kReading)));
  CHECK(passes(&f, eval("#!lua flags=allow-oom\nreturn 1")));
  f.counter.out_of_memory = false;
  f.connect(2);
  f.send(testing::words("MULTI") + eval("#!lua\nreturn 1"), 2);
  f.counter.out_of_memory = true;
  CHECK(f.say("EXEC", 2).starts_with("-EXECABORT Transaction discarded because of: OOM "));
}

}  // namespace
}  // namespace holdfast
