// Who is restricted, and what the front desk does with them: signing in, asking Redis first, acting in a user's name.
#include "core/shard/users.h"

#include <doctest/doctest.h>

#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using testing::DeskFixture;

const std::string kOk = "+OK\r\n";

struct UsersFixture : DeskFixture {
  // Further users, and the default user's rules.
  void have(const std::string& rules, std::vector<std::string> others = {}) {
    others.push_back("user default " + rules);
    counter.known = parse_users(others);
    counter.generation++;
    desk.on_users_changed();
  }
  std::string last_answer(std::string_view refusal, SessionId id = 1) {
    return answer(counter.questions.size() - 1, refusal, id);
  }
};

TEST_CASE("who may do everything is not restricted") {
  const Users users =
      parse_users({"user default on nopass ~* &* +@all", "user a off sanitize-payload #12 ~* &* +@all",
                   "user b on nopass ~* resetchannels +@all", "user c on ~* &* +@all -get",
                   "user d on ~* &* +@all (~x +get)", "user holdfast:proxy on ~* &* +@all", "nonsense"});
  REQUIRE(users.size() == 5);
  CHECK_FALSE(users.at("default").restricted);
  CHECK(users.at("default").open);
  CHECK_FALSE(users.at("a").restricted);
  CHECK_FALSE(users.at("a").open);
  CHECK(users.at("b").restricted);
  CHECK(users.at("b").open);
  CHECK(users.at("c").restricted);
  CHECK(users.at("d").restricted);
  // What a file may say and Redis would not.
  CHECK(parse_users({"user e on nopass ~* &* ~*"}).at("e").restricted);
  CHECK(user_text(parse_user_text(user_text(users))) == user_text(users));
}

TEST_CASE("a shadow is not to be seen") {
  CHECK(shadow_of("alice") == "holdfast:as:alice");
  CHECK(is_own_user(shadow_of("alice")));
  CHECK(without_shadow("-NOPERM User holdfast:as:alice has no permissions\r\n") ==
        "-NOPERM User alice has no permissions\r\n");
}

TEST_CASE("the default user has a password: nothing before AUTH but what leads to it") {
  UsersFixture f;
  f.have("on #12 ~* &* +@all");
  f.connect(2);
  CHECK(f.say("GET a", 2) == "-NOAUTH Authentication required.\r\n");
  CHECK(f.say("PING", 2) == "-NOAUTH Authentication required.\r\n");
  CHECK(f.say("HELLO 3", 2).starts_with("-NOAUTH HELLO must be called"));
  CHECK(f.told() == "");
  // Who came before is as good as signed in.
  CHECK(f.say("PING") == "+PONG\r\n");

  CHECK(f.say("AUTH wrong", 2) == "");
  CHECK(f.told() == "password AUTH wrong\n");
  CHECK(f.last_answer("-WRONGPASS no\r\n", 2) == "-WRONGPASS no\r\n");
  CHECK(f.say("PING", 2) == "-NOAUTH Authentication required.\r\n");
  CHECK(f.say("AUTH right | PING", 2) == "");
  CHECK(f.last_answer(kOk, 2) == kOk + "+PONG\r\n");
  CHECK(f.say("RESET | PING", 2) == "+RESET\r\n-NOAUTH Authentication required.\r\n");
}

TEST_CASE("who came before the users were known is not signed in") {
  UsersFixture f;
  f.counter.known.clear();
  f.connect(2);
  f.have("on #12 ~* &* +@all");
  CHECK(f.say("PING", 2) == "-NOAUTH Authentication required.\r\n");
  // Nor is who did not need a password for a while.
  f.have("on nopass ~* &* +@all");
  CHECK(f.say("PING", 2) == "+PONG\r\n");
  f.have("on #12 ~* &* +@all");
  CHECK(f.say("PING", 2) == "-NOAUTH Authentication required.\r\n");
}

TEST_CASE("HELLO signs in before it does anything else") {
  UsersFixture f;
  f.have("on nopass ~* &* +@all", {"user alice on #12 ~* &* +@all"});
  CHECK(f.say("HELLO 3 AUTH alice pw SETNAME me") == "");
  CHECK(f.told() == "password AUTH alice pw\n");
  CHECK(f.last_answer("-WRONGPASS no\r\n") == "-WRONGPASS no\r\n");
  CHECK(f.say("CLIENT GETNAME") == "$-1\r\n");
  f.say("HELLO 3 AUTH alice pw SETNAME me");
  CHECK(f.last_answer(kOk).starts_with("%7\r\n"));
  CHECK(f.say("CLIENT GETNAME | ACL WHOAMI") == "$2\r\nme\r\n$5\r\nalice\r\n");
  CHECK(f.say("HELLO 4 AUTH alice pw").starts_with("-NOPROTO"));
}

TEST_CASE("a client's certificate names its user") {
  UsersFixture f;
  f.have("on #12 ~* &* +@all", {"user alice on #12 ~* &* +@all", "user gone off #12 ~* &* +@all"});
  f.connect(2, "1.2.3.4", "alice");
  CHECK(f.say("ACL WHOAMI", 2) == "$5\r\nalice\r\n");
  CHECK(f.say("RESET | PING", 2) == "+RESET\r\n-NOAUTH Authentication required.\r\n");
  for (const SessionId id : {3, 4, 5}) {
    f.connect(id, "1.2.3.4", id == 3 ? "gone" : id == 4 ? "nobody" : "holdfast:proxy");
    CHECK(f.say("PING", id) == "-NOAUTH Authentication required.\r\n");
  }
}

TEST_CASE("a certificate's user, of a client that came before the users were known") {
  UsersFixture f;
  f.counter.known.clear();
  f.connect(2, "1.2.3.4", "alice");
  f.have("on #12 ~* &* +@all", {"user alice on #12 ~* &* +@all"});
  CHECK(f.say("ACL WHOAMI", 2) == "$5\r\nalice\r\n");
}

TEST_CASE("Holdfast's own users are nobody's") {
  UsersFixture f;
  CHECK(f.say("AUTH holdfast:proxy holdfast").starts_with("-WRONGPASS "));
  CHECK(f.say("AUTH holdfast:as:alice holdfast").starts_with("-WRONGPASS "));
  CHECK(f.say("ACL SETUSER holdfast:proxy off").starts_with("-ERR "));
  CHECK(f.say("ACL DELUSER a holdfast:proxy").starts_with("-ERR "));
  CHECK(f.told() == "");
}

TEST_CASE("a restricted user: reads go in its name, Redis is asked about all else first") {
  UsersFixture f;
  f.have("on nopass ~* &* +@all", {"user alice on nopass ~a &* +@all"});
  f.say("AUTH alice x");
  f.last_answer(kOk);
  f.told();
  CHECK(f.say("GET a") == "");
  CHECK(f.told() == "read 0 GET a\n");
  CHECK(f.say("SET b 1") == "");
  CHECK(f.told() == "ask 0 SET b 1 as holdfast:as:alice\n");
  CHECK(f.reply(0, "$1\r\nv\r\n") == "$1\r\nv\r\n");
  CHECK(f.last_answer("-NOPERM User holdfast:as:alice may not\r\n") == "-NOPERM User alice may not\r\n");
}

TEST_CASE("a restricted user's write, permitted: it goes the way of any other") {
  UsersFixture f;
  f.have("on nopass ~a &* +@all");
  f.connect(2);
  CHECK(f.say("SET a 1", 2) == "");
  CHECK(f.told() == "ask 0 SET a 1 as holdfast:as:default\n");
  CHECK(f.last_answer("", 2) == "");
  CHECK(f.told() == "write W0 SET a 1\n");
  CHECK(f.counter.effects.back() == Effect::kSet);
  f.reply(0, kOk, 2);
  f.say("EVAL x 0", 2);
  f.told();
  f.last_answer("", 2);
  CHECK(f.told() == "write W0 EVAL x 0\n");
}

TEST_CASE("a restricted user's script while too few replicas keep up: it is told why, as anybody") {
  UsersFixture f;
  f.have("on nopass ~a &* +@all");
  f.connect(2);
  f.say("CONFIG SET min-replicas-to-write 1");
  f.last_answer("");
  f.told();
  CHECK(f.say("EVAL x 0", 2) == "");
  f.last_answer("", 2);
  CHECK(f.told() == "ask 0 EVAL x 0 as holdfast:as:default\nread 0 eval_ro x 0\n");
  const size_t waiter = f.counter.waiters.size() - 1;
  CHECK(f.reply(waiter, "-ERR Write commands are not allowed from read-only scripts. script: x\r\n", 2) ==
        "-NOREPLICAS Not enough good replicas to write. script: x\r\n");
}

TEST_CASE("a restricted user's transaction: each command is asked about, and one refused spoils it") {
  UsersFixture f;
  f.have("on nopass ~a &* +@all");
  f.connect(2);
  CHECK(f.say("MULTI | GET b", 2) == kOk);
  CHECK(f.told() == "ask 0 GET b as holdfast:as:default\n");
  CHECK(f.last_answer("-NOPERM no\r\n", 2) == "-NOPERM no\r\n");
  CHECK(f.say("EXEC", 2).starts_with("-EXECABORT"));
}

TEST_CASE("what Redis has said of MULTI is said again") {
  UsersFixture f;
  f.have("on nopass ~a &* +@all");
  f.counter.known.at("default").no_multi = "-NOPERM no multi\r\n";
  f.connect(2);
  CHECK(f.say("MULTI | DISCARD", 2) == "-NOPERM no multi\r\n-ERR DISCARD without MULTI\r\n");
  CHECK(f.told() == "");
}

TEST_CASE("a change of users: what the client sends behind it waits, and it takes effect on who is there") {
  UsersFixture f;
  f.have("on nopass ~* &* +@all", {"user alice on nopass ~a &* +@all", "user bob on nopass ~* &* +@all"});
  f.connect(2);
  f.connect(3);
  f.say("AUTH alice x", 2);
  f.last_answer(kOk, 2);
  f.say("AUTH bob x | SUBSCRIBE c", 3);
  f.last_answer(kOk, 3);
  f.told();
  CHECK(f.say("ACL DELUSER alice | GET a") == "");
  CHECK(f.told() == "users ACL DELUSER alice\n");
  f.have("on nopass ~* &* +@all", {"user bob on nopass ~* resetchannels +@all"});
  f.counter.changes.back()(":1\r\n");
  CHECK(f.turn() == ":1\r\n");
  CHECK(f.world.closed.contains(2));
  CHECK(f.told() == "ask 0 SUBSCRIBE c as holdfast:as:bob\nread 0 GET a\n");
  CHECK_FALSE(f.world.closed.contains(3));
  f.last_answer("-NOPERM may not access one of the channels\r\n", 3);
  CHECK(f.world.closed.contains(3));
}

TEST_CASE("requirepass is the password of the user default, and a change like any other") {
  UsersFixture f;
  CHECK(f.say("CONFIG SET requirepass pw") == "");
  CHECK(f.told() == "users ACL SETUSER default resetpass >pw\n");
  f.counter.changes.back()(kOk);
  CHECK(f.turn() == kOk);
  f.send("*4\r\n$6\r\nCONFIG\r\n$3\r\nSET\r\n$11\r\nrequirepass\r\n$0\r\n\r\n");
  CHECK(f.told() == "users ACL SETUSER default resetpass nopass\n");
  f.counter.changes.back()("-NOTWRITTEN no log\r\n");
  CHECK(f.turn() == "-NOTWRITTEN no log\r\n");
  CHECK(f.say("CONFIG SET requirepass a requirepass b").find("duplicate parameter") != std::string::npos);
  CHECK(f.say("MULTI | CONFIG SET requirepass pw | EXEC").find("cannot be in a transaction") != std::string::npos);
  CHECK(f.told() == "");
}

TEST_CASE("nothing is served before it is known who may do what") {
  UsersFixture f;
  f.counter.known.clear();
  f.counter.no_reads = "LOADING no Redis";
  f.counter.no_writes = "NOTWRITTEN no Redis";
  f.connect(2);
  CHECK(f.say("PING", 2).starts_with("-LOADING "));
  CHECK(f.say("GET a", 2).starts_with("-LOADING "));
  CHECK(f.say("SET a 1", 2).starts_with("-NOTWRITTEN "));
  CHECK(f.say("MULTI | SET a 1 | CLIENT LIST | EXEC", 2) == kOk + "+QUEUED\r\n+QUEUED\r\n-NOTWRITTEN no Redis\r\n");
  CHECK(f.say("MULTI | CLIENT LIST | EXEC", 2) == kOk + "+QUEUED\r\n-LOADING no Redis\r\n");
  CHECK(f.told() == "");
}

TEST_CASE("a transaction that was begun before it was known who may do what") {
  UsersFixture f;
  f.counter.known.clear();
  f.connect(2);
  CHECK(f.say("MULTI | SET b 1", 2) == kOk + "+QUEUED\r\n");
  SUBCASE("by somebody who must sign in") {
    f.have("on #12 ~* &* +@all");
    CHECK(f.say("EXEC", 2) == "-EXECABORT Transaction discarded because of: NOAUTH Authentication required.\r\n");
  }
  SUBCASE("by somebody who may not do everything: Redis looks at each command") {
    f.have("on nopass ~a &* +@all");
    CHECK(f.say("EXEC", 2) == "");
    CHECK(f.told() == "write W0 SET b 1\n");
    CHECK(f.counter.effects.back() == Effect::kUnknown);
  }
}

}  // namespace
}  // namespace holdfast
