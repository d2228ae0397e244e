// SYNC, REPLCONF, WAIT and their like, as clients send them.
#include <doctest/doctest.h>

#include <string>

#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using testing::DeskFixture;

void follow(DeskFixture* f, SessionId id) {
  f->desk.find(id)->replica = true;
  f->desk.replicas().follow(id, {"PSYNC", "?", "-1"}, "127.0.0.1");
}

TEST_CASE("a client that follows gets its stream and no replies") {
  DeskFixture f;
  follow(&f, 1);
  CHECK(f.desk.replicas().active());
  CHECK(f.say("REPLCONF ACK 0 | SYNC | REPLCONF capa eof") == "");
  CHECK_FALSE(f.world.closed.contains(1));
  f.connect(2);
  CHECK(f.say("CLIENT LIST TYPE replica", 2).find(" flags=S ") != std::string::npos);
  CHECK(f.say("CLIENT KILL TYPE replica", 2) == ":1\r\n");
  CHECK(f.world.closed.contains(1));
}

TEST_CASE("a replica that asks for something else is let go") {
  DeskFixture f;
  follow(&f, 1);
  f.say("GET a");
  CHECK(f.told() == "");
  CHECK(f.world.closed.contains(1));
}

TEST_CASE("PSYNC in a transaction is Redis's to refuse") {
  DeskFixture f;
  f.say("MULTI | PSYNC ? -1");
  CHECK(f.told() == "ask 0 PSYNC ? -1\n");
  CHECK_FALSE(f.desk.replicas().active());
}

TEST_CASE("PSYNC from a position that is none") {
  DeskFixture f;
  CHECK(f.say("PSYNC x y") == "-ERR value is not an integer or out of range\r\n");
  CHECK_FALSE(f.desk.replicas().active());
  f.say("PSYNC x -1 and more");
  f.turn();
  CHECK(f.desk.replicas().active());
}

TEST_CASE("a replica that comes over IPv6 is told without brackets") {
  DeskFixture f;
  f.connect(2, "[::1]");
  f.say("PSYNC ? -1", 2);
  f.turn();
  CHECK(f.desk.replicas().lines().front().address == "::1");
}

TEST_CASE("WAIT waits for replicas to confirm, as long as it may") {
  DeskFixture f;
  CHECK(f.say("WAIT 0 0") == ":0\r\n");
  CHECK(f.say("WAIT 1 100") == "");
  f.world.now_ms += 99;
  CHECK(f.turn() == "");
  f.world.now_ms += 1;
  CHECK(f.turn() == ":0\r\n");
}

TEST_CASE("who leaves does not wait on") {
  DeskFixture f;
  CHECK(f.say("WAIT 1 0") == "");
  f.desk.on_end(1);
  f.turn();
  CHECK(f.world.closed.contains(1));
}

TEST_CASE("INFO tells of Holdfast's replicas, not of its tap") {
  DeskFixture f;
  f.connect(2);
  f.desk.replicas().configure(2, {"REPLCONF", "ip-address", "10.0.0.1", "listening-port", "7000"});
  follow(&f, 2);
  f.say("INFO replication");
  const std::string text =
      "# Replication\r\nrole:master\r\nconnected_slaves:1\r\nslave0:ip=127.0.0.1,port=0,state=online,offset=1,lag=0\r\n"
      "master_failover_state:no-failover\r\nmaster_replid:x\r\nmaster_repl_offset:99\r\n";
  const std::string reply = f.reply(0, "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n");
  CHECK(reply.find("slave0:ip=10.0.0.1,port=7000,state=wait_bgsave,offset=0,lag=0\r\n") != std::string::npos);
  CHECK(reply.find("127.0.0.1") == std::string::npos);
  CHECK(reply.find("master_repl_offset:0\r\n") != std::string::npos);
  CHECK(reply.find("role:master\r\nconnected_slaves:1\r\n") != std::string::npos);
  CHECK(f.say("ROLE") == "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
}

}  // namespace
}  // namespace holdfast
