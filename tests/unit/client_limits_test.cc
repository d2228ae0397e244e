// maxclients, timeout, buffer limits: to clients these are Redis's settings, but they are about Holdfast's clients.
#include "core/shard/client_limits.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using testing::DeskFixture;

TEST_CASE("client settings: taken as Redis takes them, told as it tells them") {
  FrontdeskLimits limits;
  auto set = [&limits](std::string_view name, std::string_view value) {
    CHECK(is_client_setting(name));
    return set_client_setting(&limits, name, value);
  };
  CHECK(set("MaxClients", "20") == "");
  CHECK(set("timeout", "7") == "");
  CHECK(set("client-query-buffer-limit", "2mb") == "");
  CHECK(set("proto-max-bulk-len", "3mb") == "");
  CHECK(client_setting(limits, "maxclients") == "20");
  CHECK(client_setting(limits, "timeout") == "7");
  CHECK(client_setting(limits, "client-query-buffer-limit") == "2097152");
  CHECK(client_setting(limits, "proto-max-bulk-len") == "3145728");
  CHECK(client_setting(limits, "protected-mode") == "no");
  CHECK(set("protected-mode", "YES") == "");
  CHECK(client_setting(limits, "protected-mode") == "yes");
  CHECK(limits.idle_ms == 7000);
  CHECK(client_setting(limits, "maxmemory-clients") == "0");
  CHECK(set("maxmemory-clients", "10%") == "");
  CHECK(client_setting(limits, "maxmemory-clients") == "10%");
  CHECK(set("maxmemory-clients", "101%") == "percentage argument must be less or equal to 100");
  CHECK(set("maxmemory-clients", "-1%") == "argument must be a memory or percent value");
  CHECK(set("maxmemory-clients", "many") == "argument must be a memory or percent value");
  CHECK(set("maxmemory-clients", "1mb") == "");
  CHECK(client_setting(limits, "maxmemory-clients") == "1048576");
  CHECK(set("protected-mode", "true") == "argument must be 'yes' or 'no'");
  CHECK(set("maxclients", "many") == "argument couldn't be parsed into an integer");
  CHECK(set("maxclients", "0") == "argument must be between 1 and 4294967295 inclusive");
  CHECK(set("maxclients", "4000000000").find("try with 1000000") != std::string::npos);
  CHECK(set("timeout", "-1") == "argument must be between 0 and 2147483647 inclusive");
  CHECK(set("proto-max-bulk-len", "x") == "argument must be a memory value");
  CHECK(set("client-query-buffer-limit", "1") == "argument must be between 1048576 and 9223372036854775807 inclusive");
  CHECK(client_setting(limits, "maxclients") == "20");
  CHECK_FALSE(is_client_setting("maxmemory"));
}

TEST_CASE("client settings: output limits, by class") {
  FrontdeskLimits limits;
  auto set = [&limits](std::string_view value) {
    return set_client_setting(&limits, "client-output-buffer-limit", value);
  };
  auto get = [&limits] { return client_setting(limits, "client-output-buffer-limit"); };
  CHECK(get() == "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60");
  CHECK(set("normal 1mb 10kb 5") == "");
  CHECK(set("PubSub 100 50 1 replica 1 2 3") == "");
  CHECK(get() == "normal 1048576 10240 5 slave 1 2 3 pubsub 100 50 1");
  CHECK(set("normal 1") == "Wrong number of arguments in buffer limit configuration.");
  CHECK(set("") == "Wrong number of arguments in buffer limit configuration.");
  CHECK(set("pubsub 1 1 1 master 1 1 1") == "Invalid client class specified in buffer limit configuration.");
  CHECK(set("pubsub 1 -1 1") == "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
  CHECK(get() == "normal 1048576 10240 5 slave 1 2 3 pubsub 100 50 1");  // nothing of what is refused
}

TEST_CASE("CONFIG SET of client settings is Holdfast's, with others behind what Redis says of those") {
  DeskFixture f;
  CHECK(f.say("CONFIG SET maxclients 7 timeout 3") == "+OK\r\n");
  CHECK(f.told() == "");
  CHECK(f.desk.limits().clients == 7);
  CHECK(
      f.say("CONFIG SET timeout x").starts_with("-ERR CONFIG SET failed (possibly related to argument 'timeout') - "));
  f.say("CONFIG SET hz 20 timeout 5");
  CHECK(f.told() == "look R0 CONFIG SET hz 20\n");
  CHECK(f.desk.limits().idle_ms == 3000);
  SUBCASE("taken") {
    CHECK(f.answer_look(0, std::string("+OK\r\n")) == "+OK\r\n");
    CHECK(f.desk.limits().idle_ms == 5000);
  }
  SUBCASE("refused") {
    CHECK(f.answer_look(0, std::string("-ERR no\r\n")) == "-ERR no\r\n");
    CHECK(f.desk.limits().idle_ms == 3000);
  }
}

TEST_CASE("a larger argument than before must be one for Redis, too; a smaller one is refused here") {
  DeskFixture f;
  f.say("CONFIG SET proto-max-bulk-len 600mb");
  CHECK(f.told() == "look R0 CONFIG SET proto-max-bulk-len 629145600\n");
  f.answer_look(0, std::string("+OK\r\n"));
  f.connect(2);
  CHECK(f.say("CONFIG SET proto-max-bulk-len 1mb", 2) == "+OK\r\n");
  CHECK(f.told() == "");
  CHECK(f.send("*2\r\n$3\r\nGET\r\n$2000000\r\n") == "-ERR Protocol error: invalid bulk length\r\n");
}

TEST_CASE("who does not read is let go at its hard limit, and at the soft one after a while") {
  FrontdeskLimits limits;
  limits.normal = OutputLimit{1000, 100, 2};
  DeskFixture f(limits);
  f.world.unsent[1] = 101;
  f.say("PING");
  CHECK_FALSE(f.world.cut.contains(1));
  f.world.now_ms += 2000;
  f.say("PING");
  CHECK_FALSE(f.world.cut.contains(1));
  SUBCASE("in time it has read") {
    f.world.unsent[1] = 0;
    f.say("PING");
    f.world.unsent[1] = 101;
    f.world.now_ms += 1000;
    f.say("PING");
    CHECK_FALSE(f.world.cut.contains(1));
  }
  SUBCASE("too late") {
    f.world.now_ms += 1;
    f.desk.check_time(f.world.now_ms, [](const Session&, const Session::Oldest&) { return std::string(); });
    CHECK(f.world.cut.contains(1));
  }
  SUBCASE("too much") {
    f.world.unsent[1] = 1001;
    f.say("PING");
    CHECK(f.world.cut.contains(1));
  }
  SUBCASE("one reply that is too much, however fast it would read") {
    f.world.unsent[1] = 0;
    f.say("GET a");
    CHECK(f.reply(0, "$1000\r\n" + std::string(1000, 'x') + "\r\n") == "");
    CHECK(f.world.cut.contains(1));
  }
}

TEST_CASE("a subscriber has limits of its own, and one in any case") {
  FrontdeskLimits limits;
  limits.normal = OutputLimit{1, 0, 0};
  limits.subscribers = OutputLimit{};
  limits.output_bytes = 500;
  DeskFixture f(limits);
  f.say("SUBSCRIBE c");
  f.world.unsent[1] = 400;
  auto publish = [&f] {
    f.desk.on_published({false, "c", "hello", 1});
    f.desk.deliver(1, 0);
    f.turn();
  };
  publish();
  CHECK_FALSE(f.world.cut.contains(1));
  f.world.unsent[1] = 500;
  publish();
  CHECK(f.world.cut.contains(1));
}

TEST_CASE("messages that wait for the log count for their subscribers, and are dropped with the last of them") {
  FrontdeskLimits limits;
  limits.subscribers = OutputLimit{1000, 0, 0};
  DeskFixture f(limits);
  f.connect(2);
  f.connect(3);
  f.say("SUBSCRIBE c");
  f.say("PSUBSCRIBE *", 2);
  const auto publish = [&f](const std::string& channel, size_t bytes) {
    f.desk.on_published({false, channel, std::string(bytes, 'x'), 9});
    f.desk.deliver(1, 0);
    f.turn();
  };
  publish("c", 400);
  publish("other", 400);
  CHECK(f.world.cut.empty());
  CHECK(f.desk.find(1)->message_bytes < 500);
  SUBCASE("one of them is over its limit") {
    publish("other", 200);
    CHECK(f.world.cut == std::set<SessionId>{2});
    f.desk.on_disconnected(2);
    f.say("PSUBSCRIBE *", 3);
    f.desk.deliver(9, 0);
    // What was for the other one only has gone.
    CHECK(f.turn().size() > 400);
    CHECK(f.turn(3).size() < 500);
  }
  SUBCASE("they leave when the log has them, and count no more") {
    f.desk.deliver(9, 0);
    CHECK(f.turn(2).size() > 800);
    CHECK(f.desk.find(2)->message_bytes == 0);
    publish("other", 800);
    CHECK(f.world.cut.empty());
  }
  SUBCASE("Redis is rebuilt: they are gone") {
    f.desk.on_redis_rebuilt(1, 0);
    CHECK(f.desk.find(2)->message_bytes == 0);
    f.desk.deliver(9, 0);
    CHECK(f.turn(2) == "");
  }
}

TEST_CASE("too much waits at once, or for too long") {
  const OutputLimit limit{1000, 100, 5};
  OutputWatch watch;
  CHECK(!watch.over(limit, 1000, 1));
  CHECK(watch.soft());
  CHECK(watch.over(limit, 1001, 1));
  CHECK(!watch.over(limit, 101, 5001));
  CHECK(watch.over(limit, 101, 5002));
  CHECK(!watch.over(limit, 100, 5003));  // from here on it counts anew
  CHECK(!watch.soft());
  CHECK(!watch.over(limit, 101, 9000));
  CHECK(!watch.over(limit, 101, 14'000));
  CHECK(watch.over(limit, 101, 14'001));
  CHECK(!OutputWatch().over({}, SIZE_MAX, 1));
}

}  // namespace
}  // namespace holdfast
