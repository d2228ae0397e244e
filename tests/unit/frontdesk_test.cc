// Admission: who is served, asked about, refused, held or closed, and that nobody is left without an answer.
#include "core/shard/frontdesk.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/shard/filter.h"
#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using testing::DeskFixture;
using testing::words;

const std::string kOk = "+OK\r\n";

TEST_CASE("reads and writes go to the counter, replies come back in the order of the requests") {
  DeskFixture f;
  CHECK(f.say("GET a | SET a 1 | get b | PING") == "");
  CHECK(f.told() == "read 0 GET a\nwrite W0 SET a 1\nread 0 get b\n");
  CHECK(f.counter.touches == std::vector<uint64_t>{key_hash(0, "a"), key_hash(0, "a"), key_hash(0, "b")});
  CHECK(f.counter.effects == std::vector<Effect>{Effect::kSet});
  CHECK(f.reply(2, "$1\r\nB\r\n") == "");
  CHECK(f.reply(0, "$1\r\nA\r\n") == "$1\r\nA\r\n");
  f.desk.on_reply(f.counter.waiters[1], kOk);
  CHECK(f.turn() == "");  // known, but it may not be seen yet
  f.desk.release(f.counter.waiters[1]);
  CHECK(f.turn() == kOk + "$1\r\nB\r\n+PONG\r\n");
  CHECK(f.desk.commands() == 4);
}

TEST_CASE("any split of a client's bytes is the same to the counter") {
  const std::string bytes =
      words("SELECT 3 | SET a 1") + "get  a\r\n\r\n" + words("MULTI | INCR a | GET b | EXEC | PING");
  DeskFixture whole;
  const std::string replies = whole.send(bytes);
  const std::string story = whole.told();
  CHECK(story == "write W3 SET a 1\nread 3 get a\nwrite W3 INCR a + R3 GET b\n");
  CHECK(replies == kOk);
  for (size_t cut = 1; cut < bytes.size(); cut++) {
    DeskFixture f;
    std::string out = f.send(bytes.substr(0, cut));
    out += f.send(bytes.substr(cut));
    CAPTURE(cut);
    CHECK(f.told() == story);
    CHECK(out == replies);
  }
  DeskFixture f;
  for (const char c : bytes) f.send(std::string(1, c));
  CHECK(f.told() == story);
}

TEST_CASE("what the table does not know is Redis's to decide, in its own words") {
  DeskFixture f;
  CHECK(f.say("FOO.BAR a | PING") == "");
  CHECK(f.told() == "ask 0 FOO.BAR a\n");
  CHECK(f.world.held.contains(1));  // nothing more is read before the answer
  SUBCASE("refused") {
    CHECK(f.answer(0, "-ERR unknown command 'FOO.BAR'\r\n") == "-ERR unknown command 'FOO.BAR'\r\n+PONG\r\n");
    CHECK(f.told() == "");
  }
  SUBCASE("taken: it may write anything") {
    CHECK(f.answer(0, "") == "");
    CHECK(f.told() == "write W0 FOO.BAR a\n");
    CHECK(f.counter.effects == std::vector<Effect>{Effect::kUnknown});
    CHECK(f.counter.touches == std::vector<uint64_t>{kTouchesAnything});
    CHECK(f.reply(0, ":1\r\n") == ":1\r\n+PONG\r\n");
  }
  CHECK(!f.world.held.contains(1));
}

TEST_CASE("a wrong number of arguments is Redis's to refuse, an unknown subcommand too") {
  DeskFixture f;
  f.say("SELECT 3");
  f.say("GET");
  CHECK(f.answer(0, "-ERR wrong number of arguments for 'get' command\r\n").starts_with("-ERR wrong"));
  f.say("EXEC now");
  f.answer(1, "-ERR wrong number\r\n");
  f.say("CLIENT FOO");
  f.answer(2, "-ERR unknown subcommand\r\n");
  CHECK(f.told() == "ask 3 GET\nask 3 EXEC now\nask 3 CLIENT FOO\n");
}

TEST_CASE("a question that Redis cannot answer any more") {
  DeskFixture f;
  f.connect(2);
  f.say("FOO");
  f.desk.on_asked_lost("LOADING Redis was lost");
  CHECK(f.turn() == "-LOADING Redis was lost\r\n");
  CHECK(f.turn(2) == "");        // it had not asked
  CHECK(f.answer(0, "") == "");  // too late
  f.told();
  f.say("BAR");
  CHECK(f.answer(0, "") == "");  // to the question before
  CHECK(f.told() == "ask 0 BAR\n");
  CHECK(f.answer(1, "-ERR no\r\n") == "-ERR no\r\n");
}

TEST_CASE("who has left gets nothing and does no harm") {
  DeskFixture f;
  f.connect(2);
  f.say("GET a");
  f.say("FOO");
  f.desk.on_disconnected(1);
  CHECK(f.desk.count() == 1);
  CHECK(f.reply(0, "$-1\r\n") == "");
  f.desk.give_up(f.counter.waiters[0], "too late");
  f.desk.restart_reply(f.counter.waiters[0]);
  CHECK(f.answer(0, "") == "");
  CHECK(f.told() == "read 0 GET a\nask 0 FOO\n");
  CHECK(f.say("PING", 2) == "+PONG\r\n");
}

TEST_CASE("while requests must wait, they wait") {
  DeskFixture f;
  f.counter.wait = "the log";
  CHECK(f.say("SET a 1 | SET b 1") == "");
  CHECK(f.world.held.contains(1));
  CHECK(f.say("SET c 1") == "");  // what was under way all the same
  CHECK(f.told() == "");
  f.counter.wait = nullptr;
  f.turn();
  CHECK(f.told() == "write W0 SET a 1\nwrite W0 SET b 1\nwrite W0 SET c 1\n");
  CHECK(!f.world.held.contains(1));
}

TEST_CASE("bytes that are no request are answered as Redis does, then the connection ends") {
  DeskFixture f;
  CHECK(f.send(words("GET a") + "*x\r\n" + words("SET b 1")) == "");
  CHECK(!f.world.closed.contains(1));
  CHECK(f.told() == "read 0 GET a\n");
  CHECK(f.reply(0, "$-1\r\n") == "$-1\r\n-ERR Protocol error: invalid multibulk length\r\n");
  CHECK(f.world.closed.contains(1));
}

TEST_CASE("who speaks HTTP is closed") {
  for (const std::string line : {"POST / HTTP/1.1\r\n", "Host: localhost\r\n"}) {
    DeskFixture f;
    CHECK(f.send(line + "SET a 1\r\n") == "");
    CHECK(f.world.closed.contains(1));
    CHECK(f.told() == "");
  }
}

TEST_CASE("refusals name the command, go before the log, and leave the connection usable") {
  DeskFixture f;
  CHECK(f.say("SHUTDOWN").find("'shutdown'") != std::string::npos);
  CHECK(f.told() == "");
  f.say("XREAD COUNT 1 STREAMS s 0");
  CHECK(f.told() == "read 0 XREAD COUNT 1 STREAMS s 0\n");
}

TEST_CASE("a module's command without its key") {
  DeskFixture f;
  f.say("VCARD");
  CHECK(f.told() == "read 0 VCARD\n");
  CHECK(f.counter.touches[0] == kTouchesNothing);
}

TEST_CASE("over the memory limit what could need memory is refused before the log, nothing else") {
  DeskFixture f;
  f.counter.out_of_memory = true;
  CHECK(f.say("SET a 1").starts_with("-OOM "));
  CHECK(f.say("INCR a").starts_with("-OOM "));
  CHECK(f.told() == "");
  f.say("DEL a | GET a | LPOP l");
  CHECK(f.told() == "write W0 DEL a\nread 0 GET a\nwrite W0 LPOP l\n");
}

TEST_CASE("what need not even wait is refused with the reason") {
  DeskFixture f;
  f.counter.no_writes = "NOTWRITTEN the log does not answer";
  CHECK(f.say("SET a 1") == "-NOTWRITTEN the log does not answer\r\n");
  CHECK(f.say("MULTI | SET a 1 | EXEC") == kOk + "+QUEUED\r\n-NOTWRITTEN the log does not answer\r\n");
  f.say("GET a");
  CHECK(f.told() == "read 0 GET a\n");
  f.counter.no_reads = "LOADING no Redis";
  CHECK(f.say("GET b") == "");  // behind the one that is under way
  f.reply(0, "$-1\r\n");
  CHECK(f.say("FOO") == "-LOADING no Redis\r\n");
  CHECK(f.say("MULTI | GET a | EXEC") == kOk + "+QUEUED\r\n-LOADING no Redis\r\n");
  CHECK(f.say("INFO") == "-LOADING no Redis\r\n");
  CHECK(f.say("PING") == "+PONG\r\n");
  CHECK(f.told() == "");
}

TEST_CASE("QUIT is answered behind everything before it, nothing after it is read") {
  DeskFixture f;
  CHECK(f.say("SET a 1 | QUIT | SET b 1") == "");
  CHECK(f.told() == "write W0 SET a 1\n");
  CHECK(!f.world.closed.contains(1));
  CHECK(f.reply(0, kOk) == kOk + kOk);
  CHECK(f.world.closed.contains(1));
}

TEST_CASE("draining: nothing more is read, what was read is answered, then all are closed") {
  DeskFixture f;
  f.connect(2);
  f.say("SET a 1");
  f.desk.drain();
  CHECK(f.world.held == std::set<SessionId>{1, 2});
  CHECK(!f.desk.drained());
  f.turn();
  CHECK(f.world.closed.contains(2));
  CHECK(!f.world.closed.contains(1));
  f.say("SET b 1");
  f.say("SET c 1", 2);
  CHECK(f.told() == "write W0 SET a 1\n");
  CHECK(f.reply(0, kOk) == kOk);
  CHECK(f.world.closed.contains(1));
  CHECK(f.desk.drained());
}

TEST_CASE("who connects while all is drained is closed") {
  DeskFixture f;
  f.desk.drain();
  f.connect(2);
  f.say("PING", 2);
  CHECK(f.world.closed.contains(2));
  CHECK(f.told() == "");
}

TEST_CASE("draining, or the client's own end, answers what was asked") {
  DeskFixture f;
  f.say("FOO");
  SUBCASE("draining") {
    f.desk.drain();
    CHECK(!f.desk.drained());
  }
  SUBCASE("the client sends no more") { f.desk.on_end(1); }
  CHECK(f.turn() == "");
  CHECK(!f.world.closed.contains(1));
  CHECK(f.answer(0, "-ERR unknown\r\n") == "-ERR unknown\r\n");
  CHECK(f.world.closed.contains(1));
}

TEST_CASE("a client that sends no more is answered before it is closed") {
  DeskFixture f;
  SUBCASE("at once") {
    f.say("GET a");
    f.desk.on_end(1);
  }
  SUBCASE("and what had to wait too") {
    f.counter.wait = "the log";
    f.say("GET a");
    f.desk.on_end(1);
    f.turn();
    CHECK(!f.world.closed.contains(1));
    f.counter.wait = nullptr;
  }
  f.turn();
  CHECK(f.told() == "read 0 GET a\n");
  CHECK(!f.world.closed.contains(1));
  CHECK(f.reply(0, "$-1\r\n") == "$-1\r\n");
  CHECK(f.world.closed.contains(1));
}

TEST_CASE("what takes too long is answered, what comes afterwards is dropped") {
  DeskFixture f;
  f.say("SET a 1 | GET a");
  f.world.now_ms += 100;
  f.say("GET b");
  const auto late = [&](const Session& session, const Session::Oldest& oldest) {
    CHECK(session.id() == 1);
    const std::string error = oldest.write ? "UNKNOWN too late" : "UNAVAILABLE too late";
    return f.world.now_ms - oldest.since_ms >= 100 ? error : "";
  };
  f.desk.check_time(f.world.now_ms, late);
  CHECK(f.turn() == "-UNKNOWN too late\r\n-UNAVAILABLE too late\r\n");
  CHECK(f.reply(0, kOk) == "");
  CHECK(f.reply(2, "$-1\r\n") == "$-1\r\n");
  f.say("FOO");
  f.world.now_ms += 100;
  f.desk.check_time(f.world.now_ms, late);
  CHECK(f.turn() == "-UNAVAILABLE too late\r\n");
}

TEST_CASE("who sends nothing for long is closed, who waits for an answer is not") {
  FrontdeskLimits limits;
  limits.idle_ms = 1000;
  DeskFixture f(limits);
  f.connect(2);
  f.connect(3);
  f.say("GET a", 2);
  f.say("FOO", 3);
  const auto patient = [](const Session&, const Session::Oldest&) { return std::string(); };
  f.world.now_ms += 1000;
  f.desk.check_time(f.world.now_ms, patient);
  CHECK(f.world.closed.empty());
  f.world.now_ms += 1;
  f.desk.check_time(f.world.now_ms, patient);
  CHECK(f.world.closed == std::set<SessionId>{1});
}

TEST_CASE("INFO and CONFIG GET do not show the reserved database") {
  DeskFixture f;
  f.say("INFO keyspace | CONFIG GET databases | CONFIG GET nothing");
  CHECK(f.told() == "read 0 INFO keyspace\nread 0 CONFIG GET databases\nread 0 CONFIG GET nothing\n");
  const std::string before = "# Keyspace\r\ndb0:keys=1\r\n";
  const std::string text = before + "db15:keys=1\r\ndb150:keys=1\r\n";
  const std::string filtered = before + "db150:keys=1\r\n";
  const auto bulk = [](const std::string& bytes) {
    return "$" + std::to_string(bytes.size()) + "\r\n" + bytes + "\r\n";
  };
  CHECK(f.reply(0, bulk(text)) == bulk(filtered));
  CHECK(f.reply(1, "*2\r\n$9\r\ndatabases\r\n$2\r\n16\r\n") == "*2\r\n$9\r\ndatabases\r\n$2\r\n15\r\n");
  CHECK(f.reply(2, "-ERR no\r\n") == "-ERR no\r\n");
  f.say("CONFIG GET *");
  CHECK(f.reply(3, "*4\r\n$1\r\na\r\n$9\r\ndatabases\r\n$9\r\ndatabases\r\n$2\r\n16\r\n") ==
        "*4\r\n$1\r\na\r\n$9\r\ndatabases\r\n$9\r\ndatabases\r\n$2\r\n15\r\n");
}

TEST_CASE("INFO tells Holdfast's port and what its clients have done") {
  DeskFixture f;
  f.connect(2);
  f.say("PING | PING");
  const auto bulk = [](const std::string& bytes) {
    return "$" + std::to_string(bytes.size()) + "\r\n" + bytes + "\r\n";
  };
  const std::string from = "# All\r\ntcp_port:1\r\ntotal_connections_received:1\r\ntotal_commands_processed:70\r\n";
  f.say("INFO");
  CHECK(f.reply(0, bulk(from)) ==
        bulk("# All\r\ntcp_port:6379\r\ntotal_connections_received:2\r\ntotal_commands_processed:3\r\n"));
  f.say("CONFIG RESETSTAT");
  f.reply(1, "+OK\r\n");
  f.say("INFO");
  CHECK(f.reply(2, bulk(from)) ==
        bulk("# All\r\ntcp_port:6379\r\ntotal_connections_received:0\r\ntotal_commands_processed:1\r\n"));
}

TEST_CASE("only the reserved database's line is taken out") {
  const auto bulk = [](const std::string& bytes) {
    return "$" + std::to_string(bytes.size()) + "\r\n" + bytes + "\r\n";
  };
  const std::string head = "# Keyspace\r\n";
  CHECK(filter_reply(Filter::kInfo, bulk(head + "db15:k=1\r\n"), {.reserved_db = 1}) == bulk(head + "db15:k=1\r\n"));
  CHECK(filter_reply(Filter::kInfo, bulk(head + "db1:k=1\r\ndb15:k=1\r\n"), {.reserved_db = 1}) ==
        bulk(head + "db15:k=1\r\n"));
  CHECK(filter_reply(Filter::kInfo, bulk(head + "db1:k=1"), {.reserved_db = 1}) == bulk(head));
  CHECK(filter_reply(Filter::kInfo, bulk("# Clients\r\nconnected_clients:1\r\nblocked_clients:0\r\n"), {1, 20, 3}) ==
        bulk("# Clients\r\nconnected_clients:20\r\nblocked_clients:3\r\n"));
}

}  // namespace
}  // namespace holdfast
