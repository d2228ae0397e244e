// Protected mode: who comes from elsewhere finds no open door.
#include <doctest/doctest.h>

#include <string>

#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using testing::DeskFixture;

FrontdeskLimits protects() {
  FrontdeskLimits limits;
  limits.protected_mode = true;
  return limits;
}

struct ProtectedFixture : DeskFixture {
  ProtectedFixture() : DeskFixture(protects()) {
    turn();
    connect(2, "127.0.0.1");
  }
  void default_user(const std::string& rules) {
    counter.known = parse_users({"user default " + rules});
    desk.on_users_changed();
  }
};

TEST_CASE("protected mode: who comes from elsewhere is told why not, and let go, without having said anything") {
  ProtectedFixture f;
  CHECK(f.world.closed.contains(1));
  f.connect(3, "10.0.0.3");
  const std::string told = f.turn(3);
  CHECK(
      told.starts_with("-DENIED Redis is running in protected mode because protected mode is enabled and no password "
                       "is set for the default user. "));
  CHECK(told.find("\r\n") == told.size() - 2);
  CHECK(f.world.closed.contains(3));
  CHECK(f.say("GET a", 3) == "");
  CHECK(f.told() == "");
}

TEST_CASE("protected mode: this machine's own clients are served") {
  ProtectedFixture f;
  for (const char* host : {"127.0.0.1", "127.3.2.1", "[::1]", "[::ffff:127.0.0.1]"}) {
    f.connect(3, host);
    CHECK(f.say("PING", 3) == "+PONG\r\n");
    f.desk.on_disconnected(3);
  }
  for (const char* host : {"128.0.0.1", "[::2]", "[::1:2]", "[::ffff:10.0.0.1]", "[fe80::1]"}) {
    f.connect(3, host);
    CHECK(f.say("PING", 3).starts_with("-DENIED "));
    f.desk.on_disconnected(3);
  }
}

TEST_CASE("protected mode: with a password of the default user, or one that is off, everybody may come") {
  ProtectedFixture f;
  f.default_user("on #12 ~* &* +@all");
  f.connect(3, "10.0.0.3");
  CHECK(f.say("GET a", 3) == "-NOAUTH Authentication required.\r\n");
  f.default_user("off nopass ~* &* +@all");
  f.connect(4, "10.0.0.3");
  CHECK(f.say("GET a", 4) == "-NOAUTH Authentication required.\r\n");
  // Redis, too, decides once, when a client comes.
  f.default_user("on nopass ~* &* +@all");
  CHECK(f.say("PING", 3) == "+PONG\r\n");
}

TEST_CASE("protected mode: before the users are known, nobody from elsewhere is served or turned away") {
  ProtectedFixture f;
  f.counter.wait = "attaching";
  f.counter.known.clear();
  f.connect(3, "10.0.0.3");
  CHECK(f.say("PING", 3) == "");
  const auto attached = [&f](const std::string& rules) {
    f.counter.wait = nullptr;
    f.counter.known = parse_users({"user default on nopass ~* &* +@all"});
    f.default_user(rules);
  };
  const std::string open = "on nopass ~* &* +@all";
  SUBCASE("they turn out to be open") {
    attached(open);
    CHECK(f.turn(3).starts_with("-DENIED "));
    CHECK(f.world.closed.contains(3));
  }
  SUBCASE("they turn out to have a password") {
    attached("on #12 ~* &* +@all");
    CHECK(f.turn(3) == "-NOAUTH Authentication required.\r\n");
  }
  SUBCASE("Redis stays away for long") {
    f.counter.wait = nullptr;
    f.counter.no_reads = "LOADING Holdfast is looking for Redis";
    CHECK(f.turn(3) == "-LOADING Holdfast is looking for Redis\r\n");
    CHECK(f.say("CLIENT ID", 3) == "-LOADING Holdfast is looking for Redis\r\n");
    CHECK_FALSE(f.world.closed.contains(3));
    f.counter.no_reads.clear();
    attached(open);
    CHECK(f.turn(3).starts_with("-DENIED "));
  }
  SUBCASE("its request comes at the moment at which they are known") {
    attached(open);
    CHECK(f.say("PING", 3).starts_with("-DENIED "));
  }
  SUBCASE("it has not waited") {
    f.desk.on_disconnected(3);
    attached(open);
    CHECK(f.turn(3) == "");
  }
}

TEST_CASE("protected mode can be changed while clients come and go") {
  ProtectedFixture f;
  CHECK(f.say("CONFIG SET protected-mode no", 2) == "+OK\r\n");
  f.connect(3, "10.0.0.3");
  CHECK(f.say("CONFIG SET protected-mode yes", 3) == "+OK\r\n");
  CHECK(f.say("PING", 3) == "+PONG\r\n");
  f.connect(4, "10.0.0.4");
  CHECK(f.turn(4).starts_with("-DENIED "));
  CHECK(f.told() == "");
}

}  // namespace
}  // namespace holdfast
