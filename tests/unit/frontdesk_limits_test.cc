// What one client, or all together, may make the proxy keep.
#include <doctest/doctest.h>

#include <string>

#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using testing::DeskFixture;

std::string bulk(size_t bytes) { return "$" + std::to_string(bytes) + "\r\n" + std::string(bytes, 'x') + "\r\n"; }

TEST_CASE("a client has so many requests under way, no more") {
  FrontdeskLimits limits;
  limits.waiting_per_session = 2;
  limits.waiting_at_first = 2;
  DeskFixture f(limits);
  f.connect(2);
  f.say("GET a | GET b | GET c | GET d");
  CHECK(f.told() == "read 0 GET a\nread 0 GET b\n");
  CHECK(f.world.held.contains(1));
  f.say("GET e", 2);  // others are served
  CHECK(f.told() == "read 0 GET e\n");
  f.reply(0, "$-1\r\n");
  f.turn();
  CHECK(f.told() == "read 0 GET c\n");
  f.reply(1, "$-1\r\n");
  f.turn();
  CHECK(f.told() == "read 0 GET d\n");
  CHECK(!f.world.held.contains(1));
}

TEST_CASE("a request that is too large ends the connection, not the others") {
  FrontdeskLimits limits;
  limits.query_bytes = 1000;
  DeskFixture f(limits);
  f.connect(2);
  f.send("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5000\r\n" + std::string(900, 'x'));
  CHECK(!f.world.closed.contains(1));
  f.send(std::string(100, 'x'));
  CHECK(f.world.closed.contains(1));
  CHECK(f.world.notes.find("1000 bytes") != std::string::npos);
  f.send(std::string(5000, 'x'));
  CHECK(f.told() == "");
  CHECK(f.say("PING", 2) == "+PONG\r\n");
}

TEST_CASE("fewer, as long as nothing is known of the size of its replies") {
  FrontdeskLimits limits;
  limits.waiting_at_first = 1;
  DeskFixture f(limits);
  f.say("GET a | GET b | GET c");
  CHECK(f.told() == "read 0 GET a\n");
  f.reply(0, "$-1\r\n");
  f.turn();
  CHECK(f.told() == "read 0 GET b\nread 0 GET c\n");
}

TEST_CASE("who does not read its replies gets no more of them") {
  FrontdeskLimits limits;
  limits.output_bytes = 1000;
  limits.waiting_at_first = 1;
  DeskFixture f(limits);
  f.connect(2);
  f.say("GET a");
  f.reply(0, bulk(600));
  f.world.unsent[1] = 600;
  f.told();
  f.say("GET b | GET c");
  CHECK(f.told() == "read 0 GET b\n");  // another one of that size would be too much
  CHECK(f.world.held.contains(1));
  f.say("GET d", 2);
  CHECK(f.told() == "read 0 GET d\n");
  f.reply(1, bulk(600));
  f.world.unsent[1] = 1200;
  f.turn();
  CHECK(f.told() == "");
  f.world.unsent[1] = 0;
  f.turn();
  CHECK(f.told() == "read 0 GET c\n");
  CHECK(!f.world.held.contains(1));
}

TEST_CASE("a single reply may be larger than the limit") {
  FrontdeskLimits limits;
  limits.output_bytes = 1000;
  DeskFixture f(limits);
  for (int i = 0; i < 3; i++) {
    f.say("GET a");
    CHECK(f.told() == "read 0 GET a\n");
    CHECK(f.reply(f.counter.waiters.size() - 1, bulk(5000)) == bulk(5000));
  }
}

TEST_CASE("all together keep so much; each client gets one at least") {
  FrontdeskLimits limits;
  limits.total_bytes = 2000;
  DeskFixture f(limits);
  f.connect(2);
  f.say("GET a");
  f.desk.on_reply(f.counter.waiters[0], bulk(1500));  // known, but it may not be seen yet
  f.turn();
  f.told();
  f.say("GET b | GET c", 2);
  CHECK(f.told() == "read 0 GET b\n");
  CHECK(f.world.held.contains(2));
  SUBCASE("until it has gone out") {
    f.desk.release(f.counter.waiters[0]);
    f.turn();
  }
  SUBCASE("until who waited for it has left") { f.desk.on_disconnected(1); }
  f.turn(2);
  CHECK(f.told() == "read 0 GET c\n");
  CHECK(!f.world.held.contains(2));
}

}  // namespace
}  // namespace holdfast
