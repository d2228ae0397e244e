// Users in Redis and in the log: a change is tried, logged, applied and answered, in this order, whatever is lost
// between.
#include "core/shard/user_keeper.h"

#include <doctest/doctest.h>

#include "tests/unit/commit_line_fixture.h"

namespace holdfast {
namespace {

const std::string kOk = "+OK\r\n";
const std::string kOpen = "user default on nopass ~* &* +@all";

std::string list(const std::vector<std::string>& lines) {
  std::string reply;
  append_array_header(&reply, lines.size());
  for (const std::string& line : lines) append_bulk(&reply, line);
  return reply;
}

struct NoEvents : BackendEvents {
  void on_reply(const Waiter&, std::string_view, bool) override {}
  void on_reads_done(ReplyGroup, int64_t) override {}
  void on_batch_replied(Batch*) override {}
  void on_backend_error(const std::string& reason) override { FAIL(reason); }
};

struct KeeperFixture : testing::CommitLineFixture {
  NoEvents events;
  ShardOptions options;
  Backend backend{&events, options.own_password};
  int changes = 0;
  UserKeeper keeper{&world, &backend, &line, options, [this] { changes++; }};
  std::string answer;

  void on_users_committed(Position position) override { keeper.on_committed(position); }
  void on_users_void(const std::string& reason) override { keeper.on_void(reason); }

  // What went to Redis since the last call.
  std::string sent() { return testing::as_words(backend.take_output()); }
  std::string work(const std::string& refusal = {}) {
    keeper.work({}, refusal);
    return sent();
  }
  // Redis has the users `lines`, and takes over those that the log has.
  void attach(const std::vector<std::string>& lines = {kOpen}) {
    keeper.attach();
    backend.on_data(list(lines));
    backend.on_data(list(lines) + "+PONG\r\n");
    backend.on_data("+PONG\r\n");
    sent();
  }
  void change(std::string_view request) {
    keeper.change(testing::split(request), [this](const std::string& reply) { answer = reply; });
  }
  // The trial of one user's rules, who had none before.
  void tried(const std::string& reply, const std::string& rules) {
    backend.on_data(":0\r\n" + reply + list({kOpen, "user holdfast:trial:0 " + rules}) + ":1\r\n");
  }
};

TEST_CASE("a change is tried where nobody sees it, logged, applied, and answered last") {
  KeeperFixture f;
  f.lead();
  f.attach();
  f.change("ACL SETUSER bob on >pw +@all");
  CHECK(f.work() ==
        "ACL DELUSER holdfast:trial:0 | ACL SETUSER holdfast:trial:0 on >pw +@all | ACL LIST | ACL DELUSER "
        "holdfast:trial:0");
  f.tried(kOk, "on #12 +@all ~* &*");
  CHECK(f.work() == "");
  CHECK(f.answer == "");
  f.log.commit();
  f.turn();
  CHECK(f.answer == "");
  CHECK(f.sent() == "ACL DELUSER bob | ACL SETUSER bob on #12 +@all ~* &* | ACL LIST");
  f.backend.on_data(":0\r\n+OK\r\n" + list({"user bob on #12 +@all ~* &*", kOpen}));
  CHECK(f.keeper.users().size() == 1);  // not before Redis has got all that belongs to them
  CHECK(f.sent() == "PING");
  const int before = f.changes;
  f.backend.on_data("+PONG\r\n");
  CHECK(f.changes == before + 1);
  CHECK(f.answer == "");  // what was asked on the change comes first
  CHECK(f.sent() == "PING");
  f.backend.on_data("+PONG\r\n");
  CHECK(f.answer == kOk);
  CHECK(f.keeper.users().contains("bob"));
  CHECK(f.keeper.position() != kNoPosition);
}

TEST_CASE("what Redis does not take is told in its words, and stands nowhere") {
  KeeperFixture f;
  f.lead();
  f.attach();
  f.change("ACL SETUSER bob +nonsense");
  f.work();
  f.tried("-ERR Error in ACL SETUSER modifier '+nonsense'\r\n", "off -@all");
  CHECK(f.answer == "-ERR Error in ACL SETUSER modifier '+nonsense'\r\n");
  CHECK(f.work() == "");
  CHECK(f.keeper.position() == kNoPosition);
}

TEST_CASE("a Redis that tells of no users gets all that the log has") {
  KeeperFixture f;
  f.keeper.learn_recorded({0, kOpen + "\n"});
  f.keeper.attach();
  f.sent();
  f.backend.on_data("-ERR no\r\n");
  CHECK(f.sent() == "ACL SETUSER default off resetpass resetkeys resetchannels -@all on nopass ~* &* +@all | ACL LIST");
}

TEST_CASE("a user whose rules Redis does not tell is not logged") {
  KeeperFixture f;
  f.lead();
  f.attach();
  f.change("ACL SETUSER bob on");
  f.work();
  f.backend.on_data(":0\r\n+OK\r\n-ERR no\r\n:1\r\n");
  CHECK(f.answer.starts_with("-NOTWRITTEN "));
  CHECK(f.keeper.position() == kNoPosition);
}

TEST_CASE("the log takes nothing, or does not take it: not written") {
  KeeperFixture f;
  f.lead();
  f.attach();
  f.change("ACL SETUSER bob on");
  f.work();
  f.tried(kOk, "on -@all");
  SUBCASE("it has stalled") {
    f.work("NOTWRITTEN the log is gone");
    CHECK(f.answer == "-NOTWRITTEN the log is gone\r\n");
  }
  SUBCASE("it refuses") {
    f.work();
    f.keeper.on_void("the log did not take it");
    CHECK(f.answer == "-NOTWRITTEN the log did not take it\r\n");
  }
  CHECK_FALSE(f.keeper.users().contains("bob"));
}

TEST_CASE("Redis is lost before the log has it: it is tried again; behind that, the next attach applies it") {
  KeeperFixture f;
  f.lead();
  f.attach();
  f.change("ACL SETUSER bob on");
  f.work();
  SUBCASE("before") {
    f.backend.reset();
    f.keeper.on_redis_lost();
    CHECK(f.work() == "");
    f.attach();
    CHECK(f.work().starts_with("ACL DELUSER holdfast:trial:0 | ACL SETUSER holdfast:trial:0 on"));
    CHECK(f.answer == "");
  }
  SUBCASE("behind") {
    f.tried(kOk, "on ~* &* +@all");
    f.work();
    f.backend.reset();
    f.keeper.on_redis_lost();
    f.log.commit();
    f.turn();
    CHECK(f.answer == "");
    f.keeper.attach();
    f.backend.on_data(list({kOpen}));
    CHECK(f.sent() == "ACL LIST | ACL DELUSER bob | ACL SETUSER bob on ~* &* +@all | ACL LIST");
    f.backend.on_data(":0\r\n+OK\r\n" + list({"user bob on ~* &* +@all", kOpen}) + "+PONG\r\n+PONG\r\n");
    CHECK(f.answer == kOk);
  }
}

TEST_CASE("a restricted user gets a shadow, and what it may not is learnt before MULTI and DISCARD are added") {
  KeeperFixture f;
  f.lead();
  f.keeper.attach();
  f.backend.on_data(list({"user al on nopass ~a resetchannels -@all +get", kOpen}));
  f.sent();
  f.backend.on_data(list({"user al on nopass ~a resetchannels -@all +get", kOpen}));
  CHECK(
      f.sent() ==
      "ACL SETUSER holdfast:as:al reset on nopass ~a resetchannels -@all +get resetpass on >holdfast | AUTH "
      "holdfast:as:al holdfast | EXEC | DISCARD | AUTH holdfast:proxy holdfast | ACL SETUSER holdfast:as:al +discard | "
      "AUTH "
      "holdfast:as:al holdfast | MULTI | DISCARD | AUTH holdfast:proxy holdfast | ACL SETUSER holdfast:as:al +multi | "
      "PING");
  CHECK_FALSE(f.keeper.attached());
  f.backend.on_data(kOk + kOk + "-EXECABORT because of NOPERM holdfast:as:al\r\n-ERR DISCARD without MULTI\r\n" + kOk +
                    kOk + kOk + "-NOPERM holdfast:as:al no\r\n-ERR DISCARD without MULTI\r\n" + kOk + kOk +
                    "+PONG\r\n");
  CHECK(f.keeper.attached());
  const User& user = f.keeper.users().at("al");
  CHECK(user.no_exec == "-EXECABORT because of NOPERM al\r\n");
  CHECK(user.no_multi == "-NOPERM al no\r\n");
  CHECK(user.no_discard == "");
}

TEST_CASE("what the settings say holds before anybody is served, and waits for the log") {
  KeeperFixture f;
  f.options.requirepass = "pw";
  f.lead();
  f.attach();
  CHECK_FALSE(f.keeper.attached());
  CHECK(f.keeper.users().empty());
  CHECK(f.changes == 0);
  CHECK(f.work() ==
        "ACL DELUSER holdfast:trial:0 | ACL SETUSER holdfast:trial:0 on nopass ~* &* +@all | ACL SETUSER "
        "holdfast:trial:0 "
        "resetpass >pw | ACL LIST | ACL DELUSER holdfast:trial:0");
  f.backend.on_data(":0\r\n+OK\r\n+OK\r\n" + list({kOpen, "user holdfast:trial:0 on #12 ~* &* +@all"}) + ":1\r\n");
  CHECK(f.work("NOTWRITTEN the log is gone") == "");
  CHECK_FALSE(f.keeper.attached());
  f.work();
  f.log.commit();
  f.turn();
  f.sent();
  f.backend.on_data("+OK\r\n" + list({"user default on #12 ~* &* +@all"}) + "+PONG\r\n+PONG\r\n");
  CHECK(f.keeper.attached());
  CHECK(f.changes == 1);
  CHECK_FALSE(f.keeper.users().at("default").open);
}

}  // namespace
}  // namespace holdfast
