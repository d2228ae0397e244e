// The main link: what goes to Redis, and who gets which of its replies.
#include "core/shard/backend.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/test_unit.h"

namespace holdfast {
namespace {

using testing::add_ops;
using testing::as_words;
using testing::words;

const std::string kRole = "*3\r\n$6\r\nmaster\r\n:500\r\n*0\r\n";

std::string one_line(std::string_view reply) {
  std::string text(reply);
  for (size_t at = 0; (at = text.find("\r\n", at)) != std::string::npos;) text.replace(at, 2, ";");
  return text;
}

struct Fixture : BackendEvents {
  Backend backend{this, "secret"};
  std::string story;  // "1.2 +OK;" a reply for slot 2 of session 1; "…" behind it: more pieces to come
  std::string error;

  Fixture() { backend.set_reserved_db(15); }

  void on_reply(const Waiter& waiter, std::string_view reply, bool last) override {
    story += std::to_string(waiter.session) + "." + std::to_string(waiter.slot) + " " + one_line(reply) +
             (last ? "\n" : "…\n");
  }
  void on_reads_done(ReplyGroup group, int64_t offset) override {
    story += "reads";
    for (const ReplyGroup::Member& member : group.members) story += " " + std::to_string(member.waiter.slot);
    story += " at " + std::to_string(offset) + "\n";
  }
  void on_batch_replied(Batch* batch) override {
    story += "batch " + std::to_string(batch->position) + (batch->refused() ? " refused\n" : " replied\n");
  }
  void on_backend_error(const std::string& reason) override { error = reason; }

  std::string output() { return as_words(backend.take_output()); }
  std::string told() { return std::exchange(story, {}); }
  void reads(std::string_view text) {
    auto unit = std::make_unique<Unit>();
    add_ops(unit.get(), text);
    for (Op& op : unit->ops) {
      op.waiter.slot = 1;
      op.last_piece = &op == &unit->ops.back();
    }
    backend.reads_at_once(std::move(unit));
  }
};

TEST_CASE("reads go out as they are, with a question for the offset at the end of the turn") {
  Fixture f;
  f.backend.read({1, 1}, 7, 0, words("GET a"));
  f.backend.read({2, 5}, 8, 0, words("GET b"));
  f.backend.read({1, 2}, 9, 3, words("GET c"));
  CHECK(f.output() == "SELECT 0 | GET a | GET b | SELECT 3 | GET c | ROLE");
  CHECK(f.output() == "");
  f.backend.on_data("+OK\r\n$1\r\nA\r\n$-1\r\n+OK\r\n-ERR wrong\r\n");
  CHECK(f.told() == "1.1 $1;A;\n2.5 $-1;\n1.2 -ERR wrong;\n");
  f.backend.on_data(kRole);
  CHECK(f.told() == "reads 1 5 2 at 500\n");
  CHECK(f.backend.owed() == 0);
  f.backend.read({1, 3}, 9, 3, words("GET d"));
  CHECK(f.output() == "GET d | ROLE");
  CHECK(f.error.empty());
}

TEST_CASE("a batch goes out all or nothing, with its marker last, and each of its replies to whom it belongs") {
  Fixture f;
  Batch batch;
  batch.position = 9;
  add_ops(&batch, "SET a 1 | GET a | SELECT 3 | LPUSH l x", 1, 1);
  add_ops(&batch, "SET b 2", 2, 7);
  f.backend.apply(&batch, "the-marker");
  CHECK(f.output() ==
        "MULTI | SELECT 0 | SET a 1 | GET a | SELECT 3 | LPUSH l x | SELECT 0 | SET b 2 | SELECT 15 | "
        "SET holdfast:marker the-marker | EXEC");
  f.backend.on_data("+OK\r\n");
  for (int i = 0; i < 9; i++) f.backend.on_data("+QUEUED\r\n");
  CHECK(f.told() == "");
  f.backend.on_data("*9\r\n+OK\r\n+OK\r\n$1\r\n1\r\n+OK\r\n:1\r\n+OK\r\n+OK\r\n+OK\r\n");
  CHECK(f.told() == "1.1 +OK;\n1.2 $1;1;\n1.3 :1;\n2.7 +OK;\n");
  CHECK(batch.ops[3].answered);
  f.backend.on_data("+OK\r\n");
  CHECK(f.told() == "batch 9 replied\n");
  CHECK(!batch.refused());
  CHECK(f.backend.owed() == 0);
}

Waiter resp3(SessionId session, uint64_t slot) { return {session, slot, Filter::kNone, Protocol::kResp3}; }

TEST_CASE("each client is answered in its own protocol") {
  Fixture f;
  f.backend.read({1, 1}, 7, 0, words("GET a"));
  f.backend.read(resp3(2, 1), 7, 0, words("GET a"));
  f.backend.read(resp3(2, 2), 7, 0, words("GET b"));
  f.backend.read({1, 2}, 7, 0, words("GET b"));
  CHECK(f.output() == "SELECT 0 | GET a | HELLO 3 | GET a | GET b | HELLO 2 | GET b | ROLE");
  f.backend.on_data("+OK\r\n$-1\r\n%1\r\n+proto\r\n:3\r\n_\r\n_\r\n*2\r\n+proto\r\n:2\r\n$-1\r\n" + kRole);
  CHECK(f.told() == "1.1 $-1;\n2.1 _;\n2.2 _;\n1.2 $-1;\nreads 1 1 2 2 at 500\n");
  CHECK(f.backend.owed() == 0);
  CHECK(f.error.empty());
}

TEST_CASE("a batch changes the protocol in front of itself, and inside only where its clients differ") {
  Fixture f;
  Batch one, mixed;
  add_ops(&one, "SET a 1");
  one.ops[0].waiter = resp3(1, 1);
  f.backend.apply(&one, "m");
  f.backend.read(resp3(1, 2), 7, 0, words("GET a"));
  CHECK(f.output() ==
        "HELLO 3 | MULTI | SELECT 0 | SET a 1 | SELECT 15 | SET holdfast:marker m | EXEC | SELECT 0 | GET a | ROLE");
  add_ops(&mixed, "SET a 1 | SET b 2", 1, 3);
  mixed.ops[0].waiter = resp3(1, 3);
  f.backend.apply(&mixed, "m");
  // Whether EXEC is carried out is not known yet, so neither is the protocol.
  f.backend.read({1, 5}, 7, 0, words("GET a"));
  CHECK(f.output() ==
        "MULTI | SET a 1 | HELLO 2 | SET b 2 | SELECT 15 | SET holdfast:marker m | EXEC | SELECT 0 | HELLO 2 | GET a | "
        "ROLE");
}

TEST_CASE("a Redis that refuses to change the protocol cannot be worked with") {
  Fixture f;
  f.backend.read(resp3(1, 1), 7, 0, words("GET a"));
  f.backend.on_data("+OK\r\n-NOPROTO no\r\n");
  CHECK(f.error == "Redis refuses HELLO: NOPROTO no");
}

TEST_CASE("the database in which a batch ends is not where reads go") {
  Fixture f;
  Batch batch;
  add_ops(&batch, "SET a 1");
  f.backend.read({1, 1}, 7, 0, words("GET a"));
  f.backend.apply(&batch, "m");
  f.backend.read({1, 2}, 7, 0, words("GET a"));
  CHECK(f.output() ==
        "SELECT 0 | GET a | MULTI | SET a 1 | SELECT 15 | SET holdfast:marker m | EXEC | SELECT 0 | GET a | ROLE");
}

TEST_CASE("a transaction's pieces are told as pieces, what the proxy answers in its place") {
  Fixture f;
  Batch batch;
  add_ops(&batch, "SET a 1");
  Op local;
  local.kind = Op::Kind::kLocal;
  local.waiter = {1, 1};
  local.reply = "+local\r\n";
  batch.ops[0].last_piece = false;
  local.last_piece = false;
  batch.ops.insert(batch.ops.begin(), local);
  batch.ops.push_back(local);
  local.last_piece = true;
  batch.ops.push_back(local);
  f.backend.apply(&batch, "m");
  CHECK(f.output() == "MULTI | SELECT 0 | SET a 1 | SELECT 15 | SET holdfast:marker m | EXEC");
  f.backend.on_data("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*4\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n");
  CHECK(f.told() == "1.1 +local;…\n1.1 +OK;…\n1.1 +local;…\n1.1 +local;\nbatch -1 replied\n");
}

TEST_CASE("what the proxy answers at the end of a transaction of reads is not forgotten") {
  Fixture f;
  auto unit = std::make_unique<Unit>();
  add_ops(unit.get(), "GET a");
  unit->ops[0].last_piece = false;
  Op local;
  local.kind = Op::Kind::kLocal;
  local.waiter = {1, 1};
  local.reply = "+local\r\n";
  unit->ops.push_back(local);
  f.backend.reads_at_once(std::move(unit));
  CHECK(f.output() == "MULTI | SELECT 0 | GET a | EXEC | ROLE");
  f.backend.on_data("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n$-1\r\n" + kRole);
  CHECK(f.told() == "1.1 $-1;…\n1.1 +local;\nreads 1 at 500\n");
}

TEST_CASE("the reads of each turn wait for the offset of their own") {
  Fixture f;
  f.backend.read({1, 1}, 7, 0, words("GET a"));
  f.output();
  f.backend.read({1, 2}, 7, 0, words("GET b"));
  f.output();
  f.backend.on_data("+OK\r\n$-1\r\n" + kRole + "$-1\r\n*3\r\n$6\r\nmaster\r\n:600\r\n*0\r\n");
  CHECK(f.told() == "1.1 $-1;\nreads 1 at 500\n1.2 $-1;\nreads 2 at 600\n");
}

TEST_CASE("a refused batch: nobody is told yet, but what Redis said is kept") {
  Fixture f;
  Batch batch;
  batch.position = 9;
  add_ops(&batch, "SET a 1 | LPUSH l x | GET a");
  f.backend.apply(&batch, "m");
  f.output();
  f.backend.on_data("+OK\r\n+OK\r\n+QUEUED\r\n-OOM too much\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
  CHECK(f.told() == "");
  f.backend.on_data("-EXECABORT Transaction discarded because of previous errors.\r\n");
  CHECK(f.told() == "batch 9 refused\n");
  CHECK(batch.refusal == "-OOM too much\r\n");
  CHECK(batch.ops[0].reply.empty());
  CHECK(batch.ops[1].reply == "-OOM too much\r\n");
  CHECK(batch.ops[2].reply.empty());
  CHECK(f.backend.owed() == 0);
  f.backend.read({1, 1}, 7, 15, words("GET a"));
  CHECK(f.output() == "SELECT 15 | GET a | ROLE");
}

TEST_CASE("reads of a transaction go out at once and are answered together") {
  Fixture f;
  f.reads("GET a | SELECT 3 | GET b");
  CHECK(f.output() == "MULTI | SELECT 0 | GET a | SELECT 3 | GET b | EXEC | ROLE");
  f.backend.on_data("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*4\r\n+OK\r\n$-1\r\n+OK\r\n*-1\r\n" + kRole);
  CHECK(f.told() == "1.1 $-1;…\n1.1 *-1;\nreads 1 at 500\n");
}

TEST_CASE("after a refused transaction of reads the database is selected again") {
  Fixture f;
  f.backend.read({1, 1}, 7, 0, words("GET a"));
  f.reads("SELECT 3 | GET b");
  f.output();
  f.backend.on_data("+OK\r\n$-1\r\n+OK\r\n+QUEUED\r\n-BUSY a script\r\n");
  f.told();
  SUBCASE("once the refusal is known") {
    f.backend.on_data("-EXECABORT because\r\n" + kRole);
    CHECK(f.told() == "1.1 -BUSY a script;\nreads 1 1 at 500\n");
    f.backend.read({1, 2}, 7, 3, words("GET c"));
    CHECK(f.output() == "SELECT 3 | GET c | ROLE");
  }
  SUBCASE("and before") {
    f.backend.read({1, 2}, 7, 3, words("GET c"));
    CHECK(f.output() == "SELECT 3 | GET c | ROLE");
  }
}

TEST_CASE("asking changes nothing and answers with Redis's own refusal") {
  Fixture f;
  std::vector<std::string> answers;
  const auto keep = [&](std::string_view refusal) { answers.emplace_back(refusal); };
  f.backend.ask(2, words("FOO a"), {}, keep);
  f.backend.ask(2, words("BAR"), {}, keep);
  CHECK(f.output() == "SELECT 2 | MULTI | FOO a | DISCARD | MULTI | BAR | DISCARD");
  f.backend.on_data("+OK\r\n+OK\r\n-ERR unknown command\r\n+OK\r\n+OK\r\n+QUEUED\r\n+OK\r\n");
  CHECK(answers == std::vector<std::string>{"-ERR unknown command\r\n", ""});
  CHECK(f.backend.owed() == 0);
}

TEST_CASE(
    "in the name of a restricted user: the link signs in as its shadow, and comes back for what is Holdfast's own") {
  Fixture f;
  std::string answer;
  f.backend.read({1, 1}, 7, 2, words("GET a"), "holdfast:as:alice");
  f.backend.read({1, 2}, 7, 2, words("GET b"), "holdfast:as:alice");
  f.backend.ask(2, words("SET a 1"), "holdfast:as:alice", [&](std::string_view refusal) { answer = refusal; });
  CHECK(f.output() ==
        "SELECT 2 | AUTH holdfast:as:alice secret | GET a | GET b | MULTI | SET a 1 | DISCARD | AUTH holdfast:proxy "
        "secret "
        "| ROLE");
  f.backend.on_data("+OK\r\n+OK\r\n-NOPERM a\r\n$1\r\nb\r\n+OK\r\n-NOPERM b\r\n+OK\r\n+OK\r\n" + kRole);
  CHECK(answer == "-NOPERM b\r\n");
  CHECK(f.backend.owed() == 0);

  Batch batch;
  batch.position = 1;
  add_ops(&batch, "EVAL x 0 | SET c 1", 3, 3);
  batch.ops[0].user = "holdfast:as:alice";
  f.backend.apply(&batch, "m");
  CHECK(f.output() ==
        "MULTI | SELECT 0 | AUTH holdfast:as:alice secret | EVAL x 0 | AUTH holdfast:proxy secret | SET c 1 | SELECT "
        "15 | "
        "SET holdfast:marker m | EXEC");
}

TEST_CASE("a shadow that Redis does not know: nothing may be executed in Holdfast's own name instead") {
  Fixture f;
  f.backend.read({1, 1}, 7, 0, words("GET a"), "holdfast:as:alice");
  f.output();
  f.backend.on_data("+OK\r\n-WRONGPASS no\r\n");
  CHECK(f.error == "Redis refuses AUTH: WRONGPASS no");
}

TEST_CASE("a client's password is tried, and the link signs in again as itself") {
  Fixture f;
  std::string answer;
  f.backend.check_password({"AUTH", "alice", "pw"}, [&](std::string_view reply) { answer = reply; });
  CHECK(f.output() == "AUTH alice pw | HELLO | AUTH holdfast:proxy secret");
  SUBCASE("it is wrong") {
    f.backend.on_data("-WRONGPASS no\r\n*2\r\n$5\r\nproto\r\n:2\r\n+OK\r\n");
    CHECK(answer == "-WRONGPASS no\r\n");
  }
  SUBCASE("it is wrong, and Redis does not say so") {
    f.backend.on_data("*2\r\n$5\r\nproto\r\n:2\r\n+OK\r\n");
    CHECK(answer == "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
  }
  SUBCASE("it is right") {
    f.backend.on_data("+OK\r\n*2\r\n$5\r\nproto\r\n:2\r\n+OK\r\n");
    CHECK(answer == "+OK\r\n");
  }
  CHECK(f.error.empty());
  CHECK(f.backend.owed() == 0);
}

TEST_CASE("what comes in place of the answer to a sign-in is an error") {
  Fixture f;
  SUBCASE("before a read") {
    f.backend.read({1, 1}, 7, 0, words("GET a"), "holdfast:as:alice");
    f.output();
    f.backend.on_data("+OK\r\n$1\r\nx\r\n");
  }
  SUBCASE("in a batch") {
    Batch batch;
    batch.position = 1;
    add_ops(&batch, "EVAL x 0", 0, 0);
    batch.ops[0].user = "holdfast:as:alice";
    f.backend.apply(&batch, "m");
    f.output();
    f.backend.on_data("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*6\r\n+OK\r\n:1\r\n");
  }
  CHECK(f.error.starts_with("Redis refuses AUTH"));
}

TEST_CASE("a script that is to find a limit of memory gets one around it, inside the batch") {
  Fixture f;
  Batch batch;
  add_ops(&batch, "SET a 1 | EVAL s 0 | SET b 2", 1, 1);
  batch.ops[1].at_limit = true;
  batch.ops[1].user = "holdfast:as:alice";
  f.backend.apply(&batch, "m");
  CHECK(f.output() ==
        "MULTI | SELECT 0 | SET a 1 | CONFIG SET maxmemory 1152921504606846976 | AUTH holdfast:as:alice secret | "
        "EVAL s 0 | AUTH holdfast:proxy secret | CONFIG SET maxmemory 0 | SET b 2 | SELECT 15 | "
        "SET holdfast:marker m | EXEC");
  f.backend.on_data("+OK\r\n");
  for (int i = 0; i < 10; i++) f.backend.on_data("+QUEUED\r\n");
  f.backend.on_data("*10\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n-OOM no\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n");
  CHECK(f.told() == "1.1 +OK;\n1.2 -OOM no;\n1.3 +OK;\nbatch -1 replied\n");
}

TEST_CASE("a question of Holdfast's own") {
  Fixture f;
  std::string answer;
  f.backend.request(-1, {"INFO", "memory"}, [&](std::string_view reply) { answer = reply; });
  f.backend.request(15, {"GET", "k"}, [&](std::string_view reply) { answer += reply; });
  CHECK(f.output() == "INFO memory | SELECT 15 | GET k");
  f.backend.on_data("$2\r\nhi\r\n+OK\r\n$-1\r\n");
  CHECK(answer == "$2\r\nhi\r\n$-1\r\n");
}

// Two batches, reads, a question and nested replies, in pieces of any size.
TEST_CASE("any split of the bytes tells the same") {
  const std::string bytes =
      "+OK\r\n$3\r\nx\r\n\r\n"                                                             // SELECT, GET
      "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n"                                // the first batch
      "*4\r\n*2\r\n$1\r\na\r\n*1\r\n:5\r\n+OK\r\n+OK\r\n+OK\r\n"                           //
      "+OK\r\n+QUEUED\r\n-ERR no\r\n+QUEUED\r\n+QUEUED\r\n-EXECABORT because of that\r\n"  // the second
      "+OK\r\n+OK\r\n-ERR unknown\r\n+OK\r\n" +                                            // a question
      kRole;
  const auto run = [&](const std::vector<size_t>& cuts) {
    Fixture f;
    Batch first;
    first.position = 1;
    add_ops(&first, "MGET a b | SET c 1", 3, 3);
    Batch second;
    second.position = 2;
    add_ops(&second, "SET d 1", 4, 4);
    f.backend.read({1, 1}, 7, 0, words("GET a"));
    f.backend.apply(&first, "m");
    f.backend.apply(&second, "m");
    f.backend.ask(0, words("FOO"), {}, [&](std::string_view refusal) { f.story += std::string(refusal); });
    f.output();
    size_t at = 0;
    for (const size_t cut : cuts) {
      f.backend.on_data(std::string(bytes.substr(at, cut - at)));
      at = cut;
    }
    f.backend.on_data(bytes.substr(at));
    CHECK(f.error.empty());
    CHECK(f.backend.owed() == 0);
    return f.story;
  };
  const std::string whole = run({});
  CHECK(whole.find("3.3 *2;$1;a;*1;:5;\n3.4 +OK;\nbatch 1 replied\nbatch 2 refused\n-ERR unknown") !=
        std::string::npos);
  std::vector<size_t> each;
  for (size_t cut = 1; cut < bytes.size(); cut++) {
    each.push_back(cut);
    CAPTURE(cut);
    CHECK(run({cut}) == whole);
    if (cut + 3 < bytes.size()) CHECK(run({cut, cut + 3}) == whole);
  }
  CHECK(run(each) == whole);
}

TEST_CASE("answers that do not fit end the connection with a reason") {
  Fixture f;
  SUBCASE("nobody asked") { f.backend.on_data("+OK\r\n"); }
  SUBCASE("no reply") {
    f.backend.read({1, 1}, 7, 0, words("GET a"));
    f.output();
    f.backend.on_data("+OK\r\nwhat\r\n");
  }
  SUBCASE("not a master") {
    f.backend.read({1, 1}, 7, 0, words("GET a"));
    f.output();
    f.backend.on_data("+OK\r\n$-1\r\n*5\r\n$5\r\nslave\r\n$15\r\n192.168.100.100\r\n:1\r\n$9\r\nconnected\r\n:7\r\n");
    CHECK(f.told() == "1.1 $-1;\n");  // and not that it is done
  }
  SUBCASE("MULTI refused") {
    Batch batch;
    add_ops(&batch, "SET a 1");
    f.backend.apply(&batch, "m");
    f.output();
    f.backend.on_data("-NOPERM no\r\n");
    CHECK(!batch.refused());
  }
  SUBCASE("EXEC with another count") {
    Batch batch;
    add_ops(&batch, "SET a 1");
    f.backend.apply(&batch, "m");
    f.output();
    f.backend.on_data("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n+OK\r\n+OK\r\n");
    CHECK(f.told() == "");
  }
  SUBCASE("EXEC without a result") {
    Batch batch;
    add_ops(&batch, "SET a 1");
    f.backend.apply(&batch, "m");
    f.output();
    f.backend.on_data("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*-1\r\n");
    CHECK(f.told() == "");
  }
  CHECK(!f.error.empty());
}

TEST_CASE("reads that wait behind what another client has sent") {
  Fixture f;
  const auto slots = [&] {
    std::string text;
    for (const Waiter& waiter : f.backend.reads_behind()) text += std::to_string(waiter.slot) + " ";
    return text;
  };
  SUBCASE("a read") {
    f.backend.read({1, 1}, 7, 0, words("EVAL_RO s 0"));
    f.backend.read({1, 2}, 7, 0, words("GET a"));
    f.backend.read({2, 3}, 7, 0, words("GET a"));
    f.backend.read({3, 4}, 7, 1, words("GET a"));
    CHECK(slots() == "3 4 ");
    f.backend.on_data("+OK\r\n$-1\r\n$-1\r\n");
    CHECK(slots() == "4 ");
  }
  SUBCASE("a batch") {
    Batch batch;
    add_ops(&batch, "EVAL s 0");
    f.backend.apply(&batch, "m");
    f.backend.read({2, 3}, 7, 0, words("GET a"));
    CHECK(slots() == "3 ");
  }
  SUBCASE("nothing") { CHECK(slots() == ""); }
}

TEST_CASE("what was owed by a connection that is gone") {
  Fixture f;
  f.backend.read({1, 1}, 7, 0, words("GET a"));
  f.backend.read({2, 2}, 7, 0, words("GET a"));
  f.output();
  f.backend.on_data("+OK\r\n$-1\r\n");  // known, but not yet as of which offset
  f.backend.read({3, 3}, 7, 0, words("GET a"));
  f.reads("GET a | GET b");
  std::string slots;
  for (const Waiter& waiter : f.backend.owed_reads()) slots += std::to_string(waiter.slot) + " ";
  CHECK(slots == "1 2 3 1 ");
  f.backend.on_data("*2\r\n$1\r\na\r\n");
  f.backend.reset();
  CHECK(f.backend.owed() == 0);
  CHECK(f.backend.owed_reads().empty());
  CHECK(f.output() == "");
  f.told();
  f.backend.read({5, 5}, 7, 0, words("GET a"));
  CHECK(f.output() == "SELECT 0 | GET a | ROLE");
  f.backend.on_data("+OK\r\n$-1\r\n" + kRole);
  CHECK(f.told() == "5.5 $-1;\nreads 5 at 500\n");
  CHECK(f.error.empty());
}

}  // namespace
}  // namespace holdfast
