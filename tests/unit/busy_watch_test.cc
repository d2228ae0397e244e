// A script that runs on: when Redis is asked whether it is busy, and by which way.
#include "core/shard/busy_watch.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "tests/unit/desk_fixture.h"
#include "tests/unit/fake_world.h"
#include "tests/unit/test_unit.h"

namespace holdfast {
namespace {

constexpr const char* kBusy = "-BUSY Redis is busy running a script.\r\n";

struct Fixture {
  testing::LinkWorld link;
  ShardOptions options;
  BusyWatch busy{&link, options};
  std::string answers;

  std::string said() { return link.told(); }
  // A turn after `ms`, in which Redis owes an answer.
  bool wait(int64_t ms) { return busy.work(true, link.now_ms += ms); }
  void ask(std::string_view what) {
    busy.ask(Protocol::kResp2, {what}, [this](std::string_view reply) { answers += reply; });
  }
  // Connected and signed in.
  void come_up() {
    busy.on_link_up();
    busy.on_data("+OK\r\n");
  }
  void find_busy() {
    busy.work(false, link.now_ms);
    wait(50);
    come_up();
    busy.on_data(kBusy);
    wait(0);
    said();
  }
};

TEST_CASE("busy: asked only once Redis has been silent for a while, and not twice") {
  Fixture f;
  f.busy.work(false, f.link.now_ms);
  f.wait(49);
  CHECK(f.said() == "");
  f.busy.on_main_data(f.link.now_ms);
  f.wait(49);
  CHECK(f.said() == "");
  f.wait(1);
  CHECK(f.said() == "connect;");
  CHECK(f.busy.suspects());
  f.come_up();
  CHECK(f.said() == "AUTH holdfast:proxy holdfast;PING;");
  f.wait(1000);
  CHECK(f.said() == "");
}

TEST_CASE("busy: what Redis says is told once, stands until it says otherwise, and is asked again") {
  Fixture f;
  f.busy.work(false, f.link.now_ms);
  f.wait(50);
  f.come_up();
  f.said();
  const std::string bytes = kBusy;
  for (const char byte : bytes) f.busy.on_data({&byte, 1});
  CHECK(f.busy.error() == "BUSY Redis is busy running a script.");
  CHECK_FALSE(f.busy.suspects());
  CHECK(f.wait(0));
  CHECK_FALSE(f.wait(19));
  CHECK(f.said() == "");
  CHECK_FALSE(f.wait(1));
  CHECK(f.said() == "PING;");
  f.busy.on_data("+PONG\r\n");
  CHECK(f.busy.error() == "");
}

TEST_CASE("busy: asked at once when Redis speaks again; over when it owes nothing") {
  Fixture f;
  f.find_busy();
  f.busy.on_main_data(f.link.now_ms);
  f.wait(0);
  CHECK(f.said() == "PING;");
  CHECK(f.busy.error() != "");
  f.busy.work(false, f.link.now_ms);
  CHECK(f.busy.error() == "");
}

TEST_CASE("busy: what is no longer confirmed does not count, so that nobody waits for a Redis that hangs") {
  Fixture f;
  f.find_busy();
  f.wait(20);
  CHECK(f.said() == "PING;");
  f.wait(999);
  CHECK(f.busy.error() != "");
  f.wait(1);
  CHECK(f.busy.error() == "");
  CHECK(f.busy.suspects());
  f.busy.on_data(kBusy);
  CHECK(f.busy.error() != "");
}

TEST_CASE("busy: a question of a client in RESP3 is asked in RESP3") {
  Fixture f;
  f.busy.ask(Protocol::kResp3, {"FUNCTION", "STATS"}, [&](std::string_view reply) { f.answers += reply; });
  f.come_up();
  CHECK(f.said() == "connect;AUTH holdfast:proxy holdfast;HELLO 3;FUNCTION STATS;HELLO 2;");
  f.busy.on_data("%0\r\n%1\r\n+a\r\n:1\r\n*0\r\n");
  CHECK(f.answers == "%1\r\n+a\r\n:1\r\n");
}

TEST_CASE("busy: questions of clients wait for the connection, which signs in first") {
  Fixture f;
  f.options.own_password = "secret";
  f.ask("ONE");
  f.ask("TWO");
  CHECK(f.said() == "connect;");
  f.come_up();
  CHECK(f.said() == "AUTH holdfast:proxy secret;ONE;TWO;");
  f.busy.on_data("+1\r\n+2\r\n");
  CHECK(f.answers == "+1\r\n+2\r\n");
}

TEST_CASE("busy: every question is answered when the connection is lost, or speaks nonsense") {
  Fixture f;
  f.ask("ONE");
  f.busy.on_link_down();
  CHECK(f.answers.starts_with("-UNAVAILABLE"));
  f.answers.clear();
  f.ask("TWO");
  f.come_up();
  f.busy.on_data("+OK\r\n+unasked\r\n");
  CHECK(f.answers == "+OK\r\n");
  CHECK(f.said() == "connect;connect;AUTH holdfast:proxy holdfast;TWO;close;");
  f.find_busy();
  f.ask("THREE");
  f.busy.reset();
  CHECK(f.busy.error() == "");
  CHECK(f.answers.ends_with("go by\r\n"));
}

TEST_CASE("busy: while a script runs on, the desk answers all but what Redis would take") {
  testing::DeskFixture f;
  f.counter.busy_words = "BUSY with a script";
  const std::string busy = "-BUSY with a script\r\n";
  CHECK(f.say("PING") == busy);
  CHECK(f.say("NOSUCH") == busy);
  CHECK(f.say("SET a 1") == busy);
  CHECK(f.say("MULTI | SET a 1 | EXEC") ==
        "+OK\r\n" + busy + "-EXECABORT Transaction discarded because of: BUSY with a script\r\n");
  CHECK(f.say("MULTI | DISCARD") == "+OK\r\n+OK\r\n");
  CHECK(f.counter.story == "");
  CHECK(is_for_busy_redis({"function", "stats"}, true));
  CHECK_FALSE(is_for_busy_redis({"function", "stats"}, false));
  CHECK(f.say("SCRIPT KILL | PING") == "");
  CHECK(f.counter.story == "aside 2 SCRIPT KILL\n");
  f.counter.questions[0]("+OK\r\n");
  CHECK(f.turn() == "+OK\r\n" + busy);
}

TEST_CASE("busy: SCRIPT KILL waits for what its client has sent before") {
  testing::DeskFixture f;
  CHECK(f.say("GET a | SCRIPT KILL") == "");
  CHECK(f.counter.story == "read 0 GET a\n");
  f.desk.on_reply(f.counter.waiters[0], "$-1\r\n");
  f.desk.release(f.counter.waiters[0]);
  CHECK(f.turn() == "$-1\r\n");
  f.turn();
  CHECK(f.counter.story == "read 0 GET a\naside 2 SCRIPT KILL\n");
}

TEST_CASE("busy: a client that waits for something may wait for its own script, and is not refused") {
  testing::DeskFixture f;
  CHECK(f.say("EVAL x 0") == "");
  f.counter.busy_words = "BUSY with a script";
  CHECK(f.say("GET a") == "");
  CHECK(f.counter.story == "write W0 EVAL x 0\n");
  f.counter.busy_words.clear();
  f.turn();
  CHECK(f.counter.story == "write W0 EVAL x 0\nread 0 GET a\n");
}

TEST_CASE("busy: a read that waits behind a script is refused, but not behind its client's own") {
  testing::DeskFixture f;
  f.connect(2);
  f.say("GET a");
  f.say("EVAL x 0 | GET a", 2);
  f.counter.busy_words = "BUSY with a script";
  for (const Waiter& waiter : f.counter.waiters) f.desk.refuse_busy(waiter);
  CHECK(f.turn(1) == "-BUSY with a script\r\n");
  CHECK(f.turn(2) == "");
}

}  // namespace
}  // namespace holdfast
