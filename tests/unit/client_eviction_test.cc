// The memory of clients: what is told of it, and who goes when there is too much.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using testing::DeskFixture;

struct Room : DeskFixture {
  using DeskFixture::DeskFixture;

  // A field of the client's line, as client 1 sees it.
  int64_t field(int client, const std::string& name) {
    const std::string list = say("CLIENT LIST ID " + std::to_string(client));
    const size_t at = list.find(" " + name + "=");
    return at == std::string::npos ? -1 : std::stoll(list.substr(at + name.size() + 2));
  }
  // It sends the beginning of a request of that size.
  void begin_large(SessionId client, size_t bytes, size_t sent) {
    send("*2\r\n$4\r\nECHO\r\n$" + std::to_string(bytes) + "\r\n" + std::string(sent, 'x'), client);
  }
  void set_limit(const std::string& value) { CHECK(say("CONFIG SET maxmemory-clients " + value) == "+OK\r\n"); }
  void tick() {
    world.now_ms += 3000;
    desk.check_time(world.now_ms, [](const Session&, const Session::Oldest&) { return std::string(); });
    turn();
  }
};

TEST_CASE("memory of clients: where it is") {
  Room f;
  f.connect(2);
  const int64_t nothing = f.field(2, "tot-mem");
  const auto more = [&] { return f.field(2, "tot-mem") - nothing; };
  SUBCASE("a request that is coming: the argument that is not whole") {
    f.begin_large(2, 100'000, 50'000);
    CHECK(f.field(2, "qbuf") == 50'000);
    CHECK(f.field(2, "qbuf-free") > 49'000);
    CHECK(f.field(2, "argv-mem") == 23);
    CHECK(more() > 100'000);
    f.send(std::string(50'000, 'x') + "\r\n", 2);
    CHECK(f.field(2, "qbuf") == 0);
    CHECK(f.field(2, "qbuf-free") > 100'000);  // for the next one like it
    f.tick();
    CHECK(more() == 0);
  }
  SUBCASE("a request under way, and its reply") {
    f.say("GET " + std::string(1000, 'k'), 2);
    CHECK(f.field(2, "argv-mem") > 1000);
    const size_t waiter = f.counter.waiters.size() - 1;
    f.desk.on_reply(f.counter.waiters[waiter], "$5000\r\n" + std::string(5000, 'x') + "\r\n");
    CHECK(f.field(2, "obl") > 5000);
    f.desk.release(f.counter.waiters[waiter]);
    f.world.unsent[2] = 5010;
    f.turn();
    CHECK(f.field(2, "argv-mem") == 0);
    CHECK(f.field(2, "obl") == 0);
    CHECK(f.field(2, "omem") == 5010);
    CHECK(more() == 5010);
  }
  SUBCASE("a request that waits for its turn") {
    f.say("BLPOP " + std::string(1000, 'k') + " 0", 2);
    CHECK(f.field(2, "argv-mem") > 1000);
  }
  SUBCASE("a transaction") {
    f.say("MULTI | SET a " + std::string(1000, 'x'), 2);
    CHECK(f.field(2, "multi-mem") > 1000);
    f.say("DISCARD", 2);
    CHECK(f.field(2, "multi-mem") == 0);
    CHECK(more() == 0);
  }
  SUBCASE("watched keys") {
    f.say("WATCH " + std::string(1000, 'k'), 2);
    CHECK(more() > 1000);
    f.answer_look(0, std::string(":-1\r\n"), 2);
    f.say("UNWATCH", 2);
    CHECK(more() == 0);
  }
  SUBCASE("subscriptions") {
    f.say("SUBSCRIBE " + std::string(1000, 'c'), 2);
    f.say("PSUBSCRIBE " + std::string(1000, 'p'), 2);
    CHECK(more() > 2000);
    f.say("UNSUBSCRIBE | PUNSUBSCRIBE", 2);
    CHECK(more() == 0);
  }
  SUBCASE("tracked prefixes") {
    f.say("CLIENT TRACKING ON BCAST PREFIX " + std::string(1000, 'p'), 2);
    CHECK(more() > 1000);
    f.say("CLIENT TRACKING OFF", 2);
    CHECK(more() == 0);
  }
}

TEST_CASE("maxmemory-clients: the largest goes first, no more than are needed") {
  Room f;
  for (SessionId id = 2; id <= 4; id++) f.connect(id);
  f.begin_large(2, 300'000, 1);
  f.begin_large(3, 500'000, 1);
  f.begin_large(4, 400'000, 1);
  CHECK(f.world.cut.empty());
  f.set_limit("1300000");
  CHECK(f.world.cut.empty());
  f.set_limit("750000");
  CHECK(f.world.cut == std::set<SessionId>{3});
  CHECK(f.world.notes.find("over maxmemory-clients (750000)") != std::string::npos);
  f.set_limit("700000");
  CHECK(f.world.cut == std::set<SessionId>{3, 4});
  // They have gone for everybody, also before the world says so.
  const std::string list = f.say("CLIENT LIST");
  CHECK(list.find("addr=1.2.3.4:2") != std::string::npos);
  CHECK(list.find("addr=1.2.3.4:3") == std::string::npos);
  f.desk.on_disconnected(3);
  f.desk.on_disconnected(4);
  f.connect(5);
  f.begin_large(5, 300'000, 1);
  CHECK(f.world.cut.size() == 2);
  f.send(std::string(200'000, 'x'), 5);  // what it had room for
  CHECK(f.world.cut.size() == 2);
  f.begin_large(1, 100'000, 1);
  CHECK(f.world.cut.size() == 3);
}

TEST_CASE("maxmemory-clients: what is sent counts, until it has gone") {
  Room f;
  f.connect(2);
  f.set_limit("200000");
  f.world.unsent[2] = 150'000;
  f.say("PING", 2);
  CHECK(f.world.cut.empty());
  f.world.unsent[2] = 0;  // nobody tells
  f.world.unsent[1] = 150'000;
  f.say("PING");
  CHECK(f.world.cut.empty());
  f.world.unsent[2] = 100'000;
  f.say("PING", 2);
  CHECK(f.world.cut == std::set<SessionId>{1});
}

TEST_CASE("maxmemory-clients: CLIENT NO-EVICT spares, but not from what Holdfast itself can bear") {
  FrontdeskLimits limits;
  limits.total_bytes = 2'000'000;
  Room f(limits);
  f.connect(2);
  f.connect(3);
  CHECK(f.say("CLIENT NO-EVICT ON") == "+OK\r\n");
  CHECK(f.say("CLIENT NO-EVICT ON", 2) == "+OK\r\n");
  CHECK(f.say("CLIENT INFO").find(" flags=e ") != std::string::npos);
  f.set_limit("500000");
  f.begin_large(2, 1'000'000, 1);
  f.begin_large(3, 200'000, 1);
  CHECK(f.world.cut == std::set<SessionId>{3});
  SUBCASE("not any more") {
    // It is in the middle of a request: another says it for it in Redis's place.
    f.say("CONFIG SET maxmemory-clients 0");
    f.desk.on_disconnected(2);
    f.connect(4);
    f.say("CLIENT NO-EVICT ON", 4);
    f.set_limit("500000");
    f.world.unsent[4] = 600'000;
    f.say("PING", 4);
    CHECK_FALSE(f.world.cut.contains(4));
    f.say("CLIENT NO-EVICT OFF", 4);
    CHECK(f.world.cut.contains(4));
  }
  SUBCASE("above limits.total-bytes") {
    f.world.unsent[1] = 1'200'000;
    f.say("PING");
    CHECK(f.world.cut == std::set<SessionId>{1, 3});
    CHECK(f.world.notes.find("over limits.total-bytes (2000000)") != std::string::npos);
  }
}

TEST_CASE("maxmemory-clients: who is over a limit of its own goes first, and alone if that is enough") {
  FrontdeskLimits limits;
  limits.normal = OutputLimit{300'000, 0, 0};
  Room f(limits);
  f.connect(2);
  f.connect(3);
  f.set_limit("1000000");
  f.begin_large(2, 700'000, 1);
  f.say("GET a", 3);
  const size_t waiter = f.counter.waiters.size() - 1;
  f.desk.on_reply(f.counter.waiters[waiter], "$400000\r\n" + std::string(400'000, 'x') + "\r\n");
  f.desk.release(f.counter.waiters[waiter]);
  SUBCASE("at the end of the turn") { f.turn(); }
  SUBCASE("before another is served") { f.desk.on_data(1, "PING\r\n"); }
  CHECK(f.world.cut == std::set<SessionId>{3});
}

TEST_CASE("maxmemory-clients: a percentage of maxmemory, if there is one") {
  Room f;
  f.connect(2);
  f.set_limit("10%");
  f.world.unsent[2] = 500'000;
  f.tick();
  CHECK(f.world.cut.empty());
  f.counter.memory.set_limit(6'000'000);
  f.tick();
  CHECK(f.world.cut.empty());
  f.counter.memory.set_limit(4'000'000);
  f.tick();
  CHECK(f.world.cut == std::set<SessionId>{2});
}

TEST_CASE("maxmemory-clients: never so little that nobody could say anything") {
  Room f;
  f.set_limit("1");
  CHECK(f.say("PING") == "+PONG\r\n");
  CHECK(f.world.cut.empty());
}

}  // namespace
}  // namespace holdfast
