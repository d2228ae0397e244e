// The cluster protocol: slots, the keys of a request, what clients are told, and what a node refuses.
#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "core/cluster/admission.h"
#include "core/cluster/key_slot.h"
#include "core/cluster/replies.h"
#include "core/cluster/topology.h"
#include "core/command/named_keys.h"
#include "core/resp/words.h"
#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using testing::DeskFixture;
using testing::split;

const std::string kOk = "+OK\r\n";
const std::string kQueued = "+QUEUED\r\n";
const std::string kCrosses = "-" + std::string(kCrossSlot) + "\r\n";

// Slots that a real cluster told.
TEST_CASE("a key's slot") {
  CHECK(key_slot("123456789") == 0x31C3 % kSlots);  // the check value of CRC-16/XMODEM
  CHECK(key_slot("") == 0);
  CHECK(key_slot("foo") == 12182);
  CHECK(key_slot("a") == 15495);
  CHECK(key_slot("b") == 3300);
  CHECK(key_slot(std::string_view("\0\xff\x80", 3)) == key_slot(std::string_view("{\0\xff\x80}", 5)));
}

TEST_CASE("only the first hash tag counts, and only if there is something in it") {
  CHECK(key_slot("{foo}bar") == 12182);
  CHECK(key_slot("bar{foo}{b}") == 12182);
  CHECK(key_slot("{{foo}}") == key_slot("{foo"));
  CHECK(key_slot("{}bar") == 6479);
  CHECK(key_slot("{}{foo}") != 12182);
  CHECK(key_slot("foo{") != 12182);
  CHECK(key_slot("}{foo}") == 12182);
}

TEST_CASE("a pattern has a slot where nothing that it matches can have another") {
  CHECK(pattern_slot("foo") == 12182);
  CHECK(pattern_slot("{foo}*") == 12182);
  CHECK(pattern_slot("weight_{foo}*->field") == 12182);
  for (const char* open : {"*", "w_*", "*{foo}", "{}*", "w?{foo}", "{*}", "{fo\\o}*"}) CHECK(pattern_slot(open) == -1);
}

// `text`: the request; `first`, `last`, `step`: as COMMAND tells.
std::string keys_of(std::string_view text, int first = 0, int last = 0, int step = 0) {
  const std::vector<std::string_view> argv = split(text);
  CommandInfo command;
  command.name = lowered(argv[0]);
  command.first_key = first;
  command.last_key = last;
  command.key_step = step;
  std::string keys;
  for (const std::string_view key : named_keys(command, argv)) keys += (keys.empty() ? "" : " ") + std::string(key);
  return keys;
}

TEST_CASE("the keys of a request stand where the table says") {
  CHECK(keys_of("GET a", 1, 1, 1) == "a");
  CHECK(keys_of("MSET a 1 b 2", 1, -1, 2) == "a b");
  CHECK(keys_of("PING") == "");
}

TEST_CASE("movable keys") {
  CHECK(keys_of("EVAL script 2 a b c") == "a b");
  CHECK(keys_of("EVALSHA sha 0 a b") == "");
  CHECK(keys_of("EVAL script 3 a b") == "");
  CHECK(keys_of("EVAL script x a b") == "");
  CHECK(keys_of("EVAL script -1 a b") == "");
  CHECK(keys_of("EVAL") == "");
  CHECK(keys_of("FCALL_RO f 1 a") == "a");
  CHECK(keys_of("ZUNION 2 a b WITHSCORES", 1, 1, 1) == "a b");
  CHECK(keys_of("ZUNIONSTORE to 2 a b", 1, 1, 1) == "to a b");
  CHECK(keys_of("ZDIFFSTORE to 3 a b", 1, 1, 1) == "");
  CHECK(keys_of("LMPOP 2 a b LEFT") == "a b");
  CHECK(keys_of("BZMPOP 0 2 a b MIN") == "a b");
  CHECK(keys_of("MSETEX 2 a 1 b 2 EX 10") == "a b");
  CHECK(keys_of("MSETEX 3 a 1 b 2") == "");
  CHECK(keys_of("XREAD COUNT 2 STREAMS a b 0 0") == "a b");
  CHECK(keys_of("XREAD COUNT 2 STREAMS") == "");
  CHECK(keys_of("XREADGROUP GROUP streams c STREAMS a >") == "a");
  CHECK(keys_of("SORT a LIMIT 0 1 BY store GET x STORE b") == "a b");
  CHECK(keys_of("SORT a STORE b STORE c") == "a c");
  CHECK(keys_of("SORT_RO a BY w_*", 1, 1, 1) == "a");
  CHECK(keys_of("GEORADIUS a 1 2 3 m STORE b STOREDIST c") == "a c");
  CHECK(keys_of("GEORADIUSBYMEMBER a store 1 m STORE") == "a");
  CHECK(keys_of("STRALGO LCS KEYS a b") == "a b");
  CHECK(keys_of("STRALGO LCS STRINGS KEYS b") == "");
  CHECK(keys_of("MEMORY USAGE a") == "a");
  CHECK(keys_of("MEMORY DOCTOR") == "");
  CHECK(keys_of("MIGRATE host 1 a 0 9 COPY AUTH keys", 3, 3, 1) == "a");
  CHECK(keys_of("MIGRATE host 1  0 9 AUTH2 keys keys KEYS a b", 3, 3, 1) == "a b");
  CHECK(keys_of("MIGRATE host 1 c 0 9 KEYS a b", 3, 3, 1) == "");
}

TEST_CASE("CLIENT TRACKING counts the keys of reads and scripts, not those of writes") {
  CommandInfo script, write;
  script.name = "eval";
  write.name = "sort";
  script.logged = write.logged = true;
  CHECK(keys_read(script, split("EVAL x 1 a")).size() == 1);
  CHECK(keys_read(write, split("SORT a STORE b")).empty());
}

TEST_CASE("a node's address is the one that the client came by, or what is announced") {
  const auto node = [](const ClusterOptions& options, const ClientRoute& route) {
    return one_node(options, "log", route).shards.at(0).nodes.at(0);
  };
  CHECK(node({}, {"10.0.0.1:6379"}).host == "10.0.0.1");
  CHECK(node({}, {"[::1]:6379"}).host == "::1");
  CHECK(node({}, {"[::ffff:10.0.0.1]:6379"}).host == "10.0.0.1");
  CHECK(node({}, {"10.0.0.1:6379"}).port_for(false) == 6379);
  CHECK(node({}, {"10.0.0.1:6379"}).tls_port == 0);
  CHECK(node({}, {"10.0.0.1:6380", true}).port_for(true) == 6380);
  CHECK(node({}, {"10.0.0.1:6380", true}).port == 0);
  ClusterOptions announced;
  announced.announce_host = "redis.example";
  announced.announce_port = 7000;
  announced.announce_tls_port = 7001;
  CHECK(node(announced, {"10.0.0.1:6379"}).host == "redis.example");
  CHECK(node(announced, {"10.0.0.1:6379"}).port_for(false) == 7000);
  CHECK(node(announced, {"10.0.0.1:6380", true}).port_for(true) == 7001);
}

TEST_CASE("ids are the log's and the node's, whoever asks") {
  ClusterOptions one, other;
  one.node_name = "pod-0";
  other.node_name = "pod-1";
  const Topology a = one_node(one, "log", {"10.0.0.1:1"}), again = one_node(one, "log", {"10.0.0.2:2", true}),
                 b = one_node(other, "log", {"10.0.0.1:1"}), elsewhere = one_node(one, "log2", {"10.0.0.1:1"});
  CHECK(a.myself == again.myself);
  CHECK(std::set<std::string>{a.myself, b.myself, elsewhere.myself}.size() == 3);
  CHECK(a.shards[0].id == b.shards[0].id);
  CHECK(a.shards[0].id != elsewhere.shards[0].id);
  CHECK(a.myself.size() == 40);
  CHECK(a.myself.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(a.myself == "36a3f28ee77f4f943c7ee49a1c73ab1254ea0f93");
}

// Two shards; of the first one a follower, too.
Topology two_shards() {
  const auto node = [](std::string id, int port, bool leader) {
    return ClusterNode{std::move(id), "h", port, 0, leader};
  };
  Topology topology;
  topology.myself = "B";
  topology.shards = {{"S1", {{0, 99}, {200, 200}}, {node("A", 1, true), node("B", 2, false)}},
                     {"S2", {{100, 199}}, {node("C", 3, true)}}};
  return topology;
}

TEST_CASE("answers of a cluster of several shards") {
  const Topology topology = two_shards();
  const ClusterView view{topology, ClusterDialect::kRedis6, Protocol::kResp2, false};
  CHECK(cluster_slots(view) ==
        "*3\r\n"
        "*4\r\n:0\r\n:99\r\n*3\r\n$1\r\nh\r\n:1\r\n$1\r\nA\r\n*3\r\n$1\r\nh\r\n:2\r\n$1\r\nB\r\n"
        "*4\r\n:200\r\n:200\r\n*3\r\n$1\r\nh\r\n:1\r\n$1\r\nA\r\n*3\r\n$1\r\nh\r\n:2\r\n$1\r\nB\r\n"
        "*3\r\n:100\r\n:199\r\n*3\r\n$1\r\nh\r\n:3\r\n$1\r\nC\r\n");
  const std::string follower = "B h:2@10002 myself,slave A 0 0 0 connected";
  const std::string nodes =
      "A h:1@10001 master - 0 0 0 connected 0-99 200\n" + follower + "\nC h:3@10003 master - 0 0 0 connected 100-199\n";
  CHECK(cluster_nodes(view) == "$" + std::to_string(nodes.size()) + "\r\n" + nodes + "\r\n");
  CHECK(cluster_replicas(view, "A") == "*1\r\n$" + std::to_string(follower.size()) + "\r\n" + follower + "\r\n");
  CHECK(cluster_replicas(view, "B") == "-ERR The specified node is not a master\r\n");
  CHECK(cluster_replicas(view, "C") == "*0\r\n");
  CHECK(cluster_replicas(view, "D") == "-ERR Unknown node D\r\n");
  const std::string info = cluster_info(view);
  for (const char* line :
       {"cluster_state:fail", "cluster_slots_assigned:201", "cluster_known_nodes:3", "cluster_size:2"})
    CHECK(info.find(std::string(line) + "\r\n") != std::string::npos);
}

TEST_CASE("slots join") {
  CHECK(joined_slot(kNoSlot, 3) == 3);
  CHECK(joined_slot(3, kNoSlot) == 3);
  CHECK(joined_slot(3, 3) == 3);
  CHECK(joined_slot(3, 4) == kManySlots);
  CHECK(joined_slot(kManySlots, kNoSlot) == kManySlots);
  CHECK(joined_slot(kManySlots, 3) == kManySlots);
  CHECK(joined_slot(kNoSlot, kManySlots) == kManySlots);
}

struct ClusterDesk : DeskFixture {
  ClusterDesk() : DeskFixture({}, enabled()) {}
  static ClusterOptions enabled() {
    ClusterOptions options;
    options.enabled = true;
    return options;
  }
};

TEST_CASE("keys of different slots are refused before the log") {
  ClusterDesk f;
  CHECK(f.say("MSET a 1 b 2") == kCrosses);
  CHECK(f.say("EVAL x 2 a b") == kCrosses);
  CHECK(f.say("BLPOP a b 0") == kCrosses);
  CHECK(f.say("WATCH a b") == kCrosses);
  CHECK(f.say("XREAD BLOCK 0 STREAMS a b 0 0") == kCrosses);
  f.counter.out_of_memory = true;
  CHECK(f.say("MSET a 1 b 2") == kCrosses);
  f.counter.out_of_memory = false;
  CHECK(f.told() == "");
  f.say("MSET {a}1 1 {a}2 2");
  CHECK(f.told() == "write W0 MSET {a}1 1 {a}2 2\n");
  DeskFixture alone;
  alone.say("MSET a 1 b 2");
  CHECK(alone.told() == "write W0 MSET a 1 b 2\n");
}

TEST_CASE("a transaction's keys share one slot") {
  ClusterDesk f;
  CHECK(f.say("MULTI | SET a 1 | SET b 1 | EXEC | PING") == kOk + kQueued + kQueued + kCrosses + "+PONG\r\n");
  CHECK(f.say("MULTI | MGET a b | SET a 1 | EXEC") ==
        kOk + kCrosses + kQueued + "-EXECABORT Transaction discarded because of previous errors.\r\n");
  CHECK(f.told() == "");
  f.say("MULTI | SET a 1 | PING | SET {a}b 1 | EXEC");
  CHECK(f.told() == "write W0 SET a 1 + L +PONG + W0 SET {a}b 1\n");
}

TEST_CASE("what a command itself refuses in a cluster is queued, and never sent") {
  ClusterDesk f;
  CHECK(f.say("SWAPDB 0 1") == "-ERR SWAPDB is not allowed in cluster mode\r\n");
  CHECK(f.say("SELECT 1") == "-ERR SELECT is not allowed in cluster mode\r\n");
  CHECK(f.say("MULTI | SWAPDB 0 1 | EXEC") == kOk + kQueued + "*1\r\n-ERR SWAPDB is not allowed in cluster mode\r\n");
  CHECK(f.told() == "");
  f.say("MULTI | SWAPDB 0 1 | GET a | EXEC");
  CHECK(f.told() == "reads L -ERR SWAPDB is not allowed in cluster mode + R0 GET a\n");
}

TEST_CASE("the keys of a slot are looked for page by page") {
  ClusterDesk f;
  CHECK(f.say("CLUSTER COUNTKEYSINSLOT 12182") == "");
  CHECK(f.told() == "look R0 SCAN 0 COUNT 1000\n");
  CHECK(f.answer_look(0, std::string("*2\r\n$2\r\n17\r\n*2\r\n$3\r\nfoo\r\n$3\r\nbar\r\n")) == "");
  CHECK(f.told() == "look R0 SCAN 17 COUNT 1000\n");
  // What SCAN tells twice counts once.
  CHECK(f.answer_look(1, std::string("*2\r\n$1\r\n0\r\n*2\r\n$3\r\nfoo\r\n$6\r\n{foo}1\r\n")) == "");
  CHECK(f.told() == "when settled\n");
  f.desk.release(f.counter.waiters.back());
  CHECK(f.turn() == ":2\r\n");
}

TEST_CASE("a slot is looked through behind the client's own writes") {
  ClusterDesk f;
  f.say("SET a 1 | CLUSTER COUNTKEYSINSLOT 1");
  CHECK(f.told() == "write W0 SET a 1\n");
  CHECK(f.reply(0, kOk) == kOk);
  f.turn();
  CHECK(f.told() == "look R0 SCAN 0 COUNT 1000\n");
}

TEST_CASE("no more keys are looked for than are wanted") {
  ClusterDesk f;
  f.say("CLUSTER GETKEYSINSLOT 12182 1");
  f.answer_look(0, std::string("*2\r\n$2\r\n17\r\n*2\r\n$3\r\nfoo\r\n$6\r\n{foo}1\r\n"));
  f.desk.release(f.counter.waiters.back());
  CHECK(f.turn() == "*1\r\n$3\r\nfoo\r\n");
  CHECK(f.told() == "look R0 SCAN 0 COUNT 1000\nwhen settled\n");
}

TEST_CASE("a client may leave while its slot is looked through, and Redis be lost") {
  ClusterDesk f;
  f.say("CLUSTER COUNTKEYSINSLOT 1");
  f.desk.on_disconnected(1);
  f.counter.looks[0](std::string("*2\r\n$2\r\n17\r\n*0\r\n"));
  CHECK(f.counter.looks.size() == 1);
  f.connect(2);
  f.say("CLUSTER COUNTKEYSINSLOT 1", 2);
  CHECK(f.answer_look(1, Error{"LOADING it is gone"}, 2) == "-LOADING it is gone\r\n");
}

TEST_CASE("before it has been attached for the first time, a node cannot name itself") {
  ClusterDesk f;
  f.counter.log = "";
  f.counter.no_reads = "LOADING Holdfast is looking at the log";
  CHECK(f.say("CLUSTER MYID") == "-LOADING Holdfast is looking at the log\r\n");
}

}  // namespace
}  // namespace holdfast
