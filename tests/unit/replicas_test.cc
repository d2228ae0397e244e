// The conversation with a replica of Holdfast.
#include "core/shard/replicas.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/fake_world.h"
#include "tests/unit/resp_words.h"

namespace holdfast {
namespace {

using testing::FakeWorld;
using testing::words;

const std::string kRedis(40, 'r');
const std::string kRdb = "REDIS0010" + std::string("\xff") + "12345678";

struct Fixture {
  FakeWorld world;
  Replicas replicas{&world};
  OutputLimit limit{1 << 20, 0, 0};
  int64_t settled = 100;
  uint64_t removals = 0, newest_removal = 0;

  void turn() { replicas.work({true, kRedis, settled, removals, newest_removal, 15, "p"}, limit, 10'000); }
  // Redis's side.
  void copy(int64_t offset, std::string_view rdb = kRdb) {
    DataCopy& copy = replicas.copy();
    copy.on_link_up();
    copy.on_link_data("+OK\r\n+OK\r\n+FULLRESYNC " + kRedis + " " + std::to_string(offset) + "\r\n");
    copy.on_link_data("$" + std::to_string(rdb.size()) + "\r\n" + std::string(rdb));
  }
  void effect(std::string_view command, int64_t offset) {
    ReplicaStream::Effects effects;
    effects.bytes = words(command);
    effects.commands.push_back({effects.bytes.size(), 0});
    effects.units.push_back(1);
    effects.offset = offset;
    replicas.add(std::move(effects));
  }
  std::string conf(SessionId id, std::vector<std::string_view> arguments) {
    arguments.insert(arguments.begin(), "REPLCONF");
    return replicas.configure(id, arguments);
  }
};

TEST_CASE("replicas: SYNC gets the length, the copy and what comes behind it") {
  Fixture f;
  f.replicas.follow(1, {"SYNC"}, "127.0.0.1");
  f.turn();
  f.effect("INCR a", 110);  // in the copy
  f.copy(110);
  f.world.take(1);
  f.turn();
  CHECK(f.world.take(1).find('$') == std::string::npos);  // not settled yet
  f.settled = 110;
  f.turn();
  CHECK(f.world.take(1) == "$18\r\n" + kRdb);
  f.effect("INCR b", 120);
  f.settled = 120;
  f.turn();
  CHECK(f.world.take(1) == words("SELECT 0 | INCR b"));
}

TEST_CASE("replicas: a copy waits for the removals that it shows") {
  Fixture f;
  f.replicas.follow(1, {"SYNC"}, "127.0.0.1");
  f.turn();
  f.copy(100);
  f.newest_removal = 7;
  f.turn();
  f.world.take(1);
  f.turn();
  CHECK(f.world.take(1) == "");
  f.removals = 7;
  f.turn();
  CHECK(f.world.take(1) == "$18\r\n" + kRdb);
}

TEST_CASE("replicas: PSYNC names the stream; who comes back to it goes on") {
  Fixture f;
  CHECK(f.conf(1, {"capa", "eof", "capa", "psync2"}) == "+OK\r\n");
  f.replicas.follow(1, {"PSYNC", "?", "-1"}, "127.0.0.1");
  f.turn();
  f.copy(100);
  f.turn();
  const std::string header = "+FULLRESYNC " + f.replicas.replid() + " 0\r\n$18\r\n";
  CHECK(f.world.take(1).ends_with(header + kRdb));
  // A copy that was sent is not loaded yet.
  CHECK(f.replicas.confirmed(f.replicas.offset()) == 0);
  CHECK(f.replicas.lines().front().offset == 0);
  CHECK(f.conf(1, {"ACK", "0"}) == "");
  CHECK(f.replicas.confirmed(f.replicas.offset()) == 1);
  f.effect("INCR a", 110);
  f.settled = 110;
  f.turn();
  const std::string stream = words("SELECT 0 | INCR a");
  CHECK(f.world.take(1) == stream);
  CHECK(f.replicas.confirmed(f.replicas.offset()) == 0);
  CHECK(f.conf(1, {"ACK", std::to_string(stream.size())}) == "");
  CHECK(f.replicas.confirmed(f.replicas.offset()) == 1);

  f.replicas.forget(1);
  f.conf(2, {"capa", "psync2"});
  f.replicas.follow(2, {"PSYNC", f.replicas.replid(), "1"}, "127.0.0.1");
  f.turn();
  CHECK(f.world.take(2) == "+CONTINUE " + f.replicas.replid() + "\r\n" + stream);
  f.replicas.follow(3, {"PSYNC", std::string(40, 'x'), "1"}, "127.0.0.1");
  f.turn();
  CHECK(f.world.take(3) == "");
}

TEST_CASE("replicas: a Redis that was made anew ends the stream") {
  Fixture f;
  f.replicas.follow(1, {"SYNC"}, "127.0.0.1");
  f.turn();
  f.replicas.restart();
  CHECK(f.world.cut.contains(1));
  CHECK_FALSE(f.replicas.active());
}

TEST_CASE("replicas: who does not read is let go, and who says nothing") {
  Fixture f;
  f.replicas.follow(1, {"PSYNC", "?", "-1"}, "127.0.0.1");
  f.turn();
  f.copy(100);
  f.turn();
  SUBCASE("too much waits for it") {
    f.world.unsent[1] = 2 << 20;
    f.turn();
  }
  SUBCASE("it confirms nothing") {
    f.world.now_ms += Replicas::kTimeoutMs;
    f.turn();
    CHECK_FALSE(f.world.cut.contains(1));
    f.world.now_ms += 1;
    f.turn();
  }
  CHECK(f.world.cut.contains(1));
  CHECK(f.replicas.empty());
}

TEST_CASE("replicas: a copy that fails is asked for again") {
  Fixture f;
  f.replicas.follow(1, {"SYNC"}, "127.0.0.1");
  f.turn();
  f.replicas.copy().on_link_down("gone");
  f.turn();
  CHECK(f.world.notes.find("gone") != std::string::npos);
  f.world.now_ms += 2000;
  f.turn();
  f.copy(100);
  f.turn();
  CHECK(f.world.take(1).ends_with("$18\r\n" + kRdb));
}

TEST_CASE("replicas: REPLCONF") {
  Fixture f;
  CHECK(f.conf(1, {"listening-port", "7000", "ip-address", "10.0.0.1"}) == "+OK\r\n");
  CHECK(f.conf(1, {"listening-port", "x"}) == "-ERR value is not an integer or out of range\r\n");
  CHECK(f.conf(1, {"capa"}) == "-ERR syntax error\r\n");
  CHECK(f.conf(1, {"whatever", "1"}) == "-ERR Unrecognized REPLCONF option: whatever\r\n");
  CHECK(f.conf(1, {"rdb-only", "2"}) == "-ERR value is out of range, must be between 0 and 1\r\n");
  f.replicas.follow(1, {"PSYNC", "?", "-1"}, "127.0.0.1");
  REQUIRE(f.replicas.lines().size() == 1);
  CHECK(f.replicas.lines()[0].address == "10.0.0.1");
  CHECK(f.replicas.lines()[0].port == 7000);
  CHECK_FALSE(f.replicas.lines()[0].online);
}

}  // namespace
}  // namespace holdfast
