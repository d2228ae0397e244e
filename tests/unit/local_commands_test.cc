// What the proxy answers by itself: as Redis 7.0.15 would.
#include "core/shard/local_commands.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using testing::DeskFixture;

const std::string kOk = "+OK\r\n";

TEST_CASE("PING and ECHO") {
  DeskFixture f;
  CHECK(f.say("PING") == "+PONG\r\n");
  CHECK(f.say("ping hello") == "$5\r\nhello\r\n");
  CHECK(f.say("PING a b") == "-ERR wrong number of arguments for 'ping' command\r\n");
  CHECK(f.say("ECHO hello") == "$5\r\nhello\r\n");
}

TEST_CASE("SELECT takes numbers as Redis does") {
  DeskFixture f;
  CHECK(f.say("SELECT 0") == kOk);
  for (const std::string text : {"01", "-0", "+1", "1x", "", "99999999999999999999"}) {
    CAPTURE(text);
    std::string request;
    append_request(&request, {"SELECT", text});
    // Its own answer, or Redis's: but no database.
    const std::string answer = f.send(request);
    CHECK(answer != kOk);
    if (answer.empty()) f.reply(f.counter.waiters.size() - 1, "-ERR from Redis\r\n");
  }
  f.told();
  f.say("GET a");
  CHECK(f.told() == "read 0 GET a\n");
}

TEST_CASE("HELLO") {
  DeskFixture f;
  const std::string map =
      "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:1\r\n"
      "$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n";
  CHECK(f.say("HELLO") == map);
  CHECK(f.say("HELLO 2") == map);
  CHECK(f.say("HELLO 2 SETNAME me") == map);
  CHECK(f.say("CLIENT GETNAME") == "$2\r\nme\r\n");
  CHECK(f.say("HELLO 4") == "-NOPROTO unsupported protocol version\r\n");
  CHECK(f.say("HELLO abc") == "-ERR Protocol version is not an integer or out of range\r\n");
  CHECK(f.say("HELLO 2 SETNAME").starts_with("-ERR Syntax error in HELLO option 'SETNAME'"));
  CHECK(f.say("HELLO 2 WHAT").starts_with("-ERR Syntax error in HELLO option 'WHAT'"));
  CHECK(f.say("CLIENT GETNAME") == "$2\r\nme\r\n");
}

TEST_CASE("HELLO 3: what the proxy answers by itself is RESP3 from then on") {
  DeskFixture f;
  CHECK(f.say("HELLO 3") ==
        "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n"
        "$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n");
  CHECK(f.say("HELLO").starts_with("%7\r\n"));
  CHECK(f.say("HELLO 4") == "-NOPROTO unsupported protocol version\r\n");
  CHECK(f.say("CLIENT GETNAME") == "_\r\n");
  CHECK(f.say("CLIENT INFO").starts_with("="));
  CHECK(f.say("CLIENT LIST").find(" resp=3 ") != std::string::npos);
  f.say("GET a");
  CHECK(f.counter.waiters.back().protocol == Protocol::kResp3);
  f.reply(f.counter.waiters.size() - 1, "_\r\n");
  CHECK(f.say("HELLO 2").starts_with("*14\r\n"));
  f.say("HELLO 3");
  f.say("RESET");
  f.say("GET a");
  CHECK(f.counter.waiters.back().protocol == Protocol::kResp2);
}

TEST_CASE("a client's name and library") {
  DeskFixture f;
  CHECK(f.say("CLIENT ID") == ":1\r\n");
  CHECK(f.say("CLIENT GETNAME") == "$-1\r\n");
  CHECK(f.say("CLIENT SETNAME me") == kOk);
  CHECK(f.say("client getname") == "$2\r\nme\r\n");
  const std::string bad = "-ERR Client names cannot contain spaces, newlines or special characters.\r\n";
  for (const std::string name : {"a b", "a\nb", "\x7f", "\xc3\xa4"}) {
    std::string request;
    append_request(&request, {"CLIENT", "SETNAME", name});
    CHECK(f.send(request) == bad);
  }
  CHECK(f.say("CLIENT GETNAME") == "$2\r\nme\r\n");
  CHECK(f.say("CLIENT SETINFO LIB-NAME lib") == kOk);
  CHECK(f.say("CLIENT SETINFO lib-ver 1.2") == kOk);
  CHECK(f.say("CLIENT SETINFO other 1") == "-ERR Unrecognized option 'other'\r\n");
  const std::string info = f.say("CLIENT INFO");
  for (const std::string part : {"id=1 addr=1.2.3.4:1 laddr=5.6.7.8:6379 ", " name=me ", " db=0 ", " multi=-1 ",
                                 " lib-name=lib lib-ver=1.2 ", " cmd=client|info "}) {
    CAPTURE(part);
    CHECK(info.find(part) != std::string::npos);
  }
  CHECK(f.told() == "");
}

TEST_CASE("CLIENT LIST shows everybody, in the order of their ids") {
  DeskFixture f;
  f.connect(2);
  f.connect(3);
  f.say("SELECT 7", 2);
  f.say("MULTI | GET a", 3);
  f.world.now_ms += 5000;
  const std::string list = f.say("CLIENT LIST");
  const size_t first = list.find("id=1 ");
  const size_t second = list.find("\nid=2 ");
  const size_t third = list.find("\nid=3 ");
  CHECK(first < second);
  CHECK(second < third);
  CHECK(third != std::string::npos);
  CHECK(list.find(" db=7 ", second) < third);
  CHECK(list.find(" flags=x ", third) != std::string::npos);
  CHECK(list.find(" multi=1 ", third) != std::string::npos);
  CHECK(list.find(" age=5 idle=5 ", third) != std::string::npos);
}

TEST_CASE("CLIENT LIST of some") {
  DeskFixture f;
  f.connect(2);
  f.say("SUBSCRIBE c", 2);
  CHECK(f.say("CLIENT LIST ID 2 9").find("id=1 ") == std::string::npos);
  CHECK(f.say("CLIENT LIST ID 2 9").find("id=2 ") != std::string::npos);
  CHECK(f.say("CLIENT LIST TYPE pubsub").find("id=2 ") != std::string::npos);
  CHECK(f.say("CLIENT LIST TYPE normal").find("id=2 ") == std::string::npos);
  CHECK(f.say("CLIENT LIST TYPE replica") == "$0\r\n\r\n");
  CHECK(f.say("CLIENT LIST TYPE nosuch") == "-ERR Unknown client type 'nosuch'\r\n");
  CHECK(f.say("CLIENT LIST ID x") == "-ERR Invalid client ID\r\n");
  CHECK(f.say("CLIENT LIST FOO") == "-ERR syntax error\r\n");
}

TEST_CASE("CLIENT LIST of some, as Valkey takes it") {
  DeskFixture f;
  f.counter.build.client_filters = ClientFilter::Dialect::kValkey;
  f.connect(2, "5.6.7.8");
  f.connect(3);
  f.say("CLIENT SETNAME joe", 2);
  f.say("CLIENT CAPA redirect", 2);
  f.say("SELECT 7", 2);
  f.say("SUBSCRIBE c", 3);
  f.world.now_ms += 5000;
  f.say("PING", 3);
  const auto numbers = [&](const std::string& filter) {
    std::string found;
    const std::string list = f.say("CLIENT LIST " + filter);
    if (list.starts_with('-')) return list.substr(0, list.size() - 2);
    for (const char* number : {"1", "2", "3"}) {
      if (list.find("id=" + std::string(number) + " ") != std::string::npos) found += number;
    }
    return found;
  };
  CHECK(numbers("NAME joe") == "2");
  CHECK(numbers("NOT-NAME joe") == "13");
  CHECK(numbers("FLAGS P") == "3");
  CHECK(numbers("FLAGS PN") == "");
  CHECK(numbers("NOT-FLAGS P") == "12");
  CHECK(numbers("DB 7") == "2");
  CHECK(numbers("NOT-DB 0") == "2");
  CHECK(numbers("IP 5.6.7.8") == "2");
  CHECK(numbers("NOT-IP 5.6.7.8") == "13");
  CHECK(numbers("IP 5.6.7") == "");
  CHECK(numbers("CAPA r") == "2");
  CHECK(numbers("IDLE 5") == "2");  // 1 is who asks
  CHECK(numbers("MAXAGE 5") == "123");
  CHECK(numbers("MAXAGE 6") == "");
  CHECK(numbers("ID 1 2 DB 7") == "2");
  CHECK(numbers("ID 1 ID 3") == "13");
  CHECK(numbers("NOT-ID 1 NOT-ID 3") == "2");
  CHECK(numbers("SKIPME yes") == "23");
  CHECK(numbers("DB 7 DB 0 SKIPME yes") == "3");
  CHECK(numbers("TYPE pubsub") == "3");
  CHECK(numbers("NOT-TYPE pubsub SKIPME yes") == "2");
  CHECK(numbers("USER default NOT-USER default") == "");
  CHECK(numbers("LIB-NAME x") == "");
  CHECK(numbers("NOT-LIB-VER x") == "123");

  CHECK(numbers("ID x") == "-ERR syntax error");
  CHECK(numbers("NOT-ID 0") == "-ERR client-id should be greater than 0");
  CHECK(numbers("FLAGS Z") == "-ERR Unknown flags found in the provided filter: Z");
  CHECK(numbers("NOT-CAPA z") == "-ERR Unknown capa found in the NOT-CAPA filter: z");
  CHECK(numbers("IDLE 0") == "-ERR idle should be greater than 0");
  CHECK(numbers("NOT-IDLE 1") == "-ERR syntax error");
  CHECK(numbers("NOT-DB x") == "-ERR NOT-DB is not an integer or out of range");
  CHECK(numbers("NAME") == "-ERR syntax error");
  CHECK(f.say("CLIENT KILL NAME joe") == ":1\r\n");
  CHECK(f.world.closed.contains(2));
  CHECK(f.say("CLIENT KILL NOT-ID 99") == ":1\r\n");
  CHECK(!f.world.closed.contains(1));
}

TEST_CASE("CLIENT KILL of those that are old") {
  DeskFixture f;
  f.connect(2);
  CHECK(f.say("CLIENT KILL MAXAGE 1 ID 2") == "-ERR syntax error\r\n");
  f.counter.build.client_filters = ClientFilter::Dialect::kRedisAge;
  CHECK(f.say("CLIENT KILL MAXAGE 0 ID 2") == "-ERR maxage should be greater than 0\r\n");
  CHECK(f.say("CLIENT KILL MAXAGE 1 ID 2") == ":0\r\n");
  f.world.now_ms += 1000;
  CHECK(f.say("CLIENT KILL MAXAGE 1 ID 3 ID 2") == ":1\r\n");  // the last ID counts
  CHECK(f.say("CLIENT LIST MAXAGE 1") == "-ERR syntax error\r\n");
}

TEST_CASE("CLIENT KILL by number, as 6.2 takes it") {
  DeskFixture f;
  CHECK(f.say("CLIENT KILL ID 0 TYPE normal") == "-ERR client-id should be greater than 0\r\n");
  f.counter.build.client_filters = ClientFilter::Dialect::kRedis6;
  CHECK(f.say("CLIENT KILL ID x TYPE normal") == "-ERR value is not an integer or out of range\r\n");
  CHECK(f.say("CLIENT KILL ID 0 TYPE normal") == ":0\r\n");
  CHECK(f.say("CLIENT KILL MAXAGE 1 TYPE normal") == "-ERR syntax error\r\n");
}

TEST_CASE("CLIENT LIST tells what a connection has carried") {
  DeskFixture f;
  const std::string list = f.say("CLIENT LIST");
  const auto number = [](const std::string& text, const std::string& field) {
    return std::stoi(text.substr(text.find(field) + field.size()));
  };
  CHECK(number(list, " tot-net-in=") == static_cast<int>(testing::words("CLIENT LIST").size()));
  CHECK(number(list, " tot-net-out=") == 0);
  CHECK(number(list, " tot-cmds=") == 0);
  const std::string next = f.say("CLIENT LIST");
  CHECK(number(next, " tot-net-in=") == 2 * static_cast<int>(testing::words("CLIENT LIST").size()));
  CHECK(number(next, " tot-net-out=") == static_cast<int>(list.size()));
  CHECK(number(next, " tot-cmds=") == 1);
  f.say("CLIENT NO-TOUCH on");
  CHECK(f.say("CLIENT LIST").find(" flags=T ") != std::string::npos);
  f.say("RESET");
  CHECK(f.say("CLIENT LIST").find(" flags=N ") != std::string::npos);
}

TEST_CASE("6.2 sets one at a time") {
  DeskFixture f;
  f.counter.build.cluster_dialect = ClusterDialect::kRedis6;
  f.say("CONFIG SET timeout 7 hz 20");
  CHECK(f.told() == "read 0 CONFIG SET timeout 7 hz 20\n");
  CHECK(f.reply(0, "-ERR no\r\n") == "-ERR no\r\n");
  CHECK(f.desk.limits().idle_ms == 0);
  CHECK(f.say("CONFIG SET timeout 7") == kOk);
}

TEST_CASE("what 6.2 does not know it says itself") {
  DeskFixture f;
  f.counter.build.cluster_dialect = ClusterDialect::kRedis6;
  for (const std::string line : {"CLIENT NO-TOUCH on", "CLIENT SETINFO lib-name x", "PUBSUB SHARDNUMSUB"}) {
    CAPTURE(line);
    f.say(line, 1);
    CHECK(f.told() == "read 0 " + line + "\n");
    f.reply(0, "-ERR Unknown subcommand\r\n");
  }
}

TEST_CASE("EXEC that is refused ends its transaction") {
  DeskFixture f;
  f.say("SUBSCRIBE c");
  CHECK(f.say("EXEC") ==
        "-EXECABORT Transaction discarded because of: Can't execute 'exec': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / "
        "PING / QUIT / RESET are allowed in this context\r\n");
  f.say("RESET");
  f.counter.known = parse_users({"user default on >x ~* &* +@all"});
  f.connect(2);
  CHECK(f.say("EXEC", 2) == "-EXECABORT Transaction discarded because of: NOAUTH Authentication required.\r\n");
  CHECK(f.say("GET a", 2) == "-NOAUTH Authentication required.\r\n");
}

TEST_CASE("HELLO with a name that is none") {
  DeskFixture f;
  const std::string kNoName = "-ERR Client names cannot contain spaces, newlines or special characters.\r\n";
  CHECK(f.say("HELLO 2 AUTH joe x SETNAME a\nb").empty());
  CHECK(f.told() == "password AUTH joe x\n");
  f.connect(2);
  CHECK(f.say("HELLO 2 SETNAME a\nb AUTH joe x", 2) == kNoName);
  f.counter.build.hello_looks_first = true;
  CHECK(f.say("HELLO 2 AUTH joe x nonsense", 2) == "-ERR Syntax error in HELLO option 'nonsense'\r\n");
  CHECK(f.say("HELLO 2 AUTH joe x SETNAME a\nb", 2) == kNoName);
  CHECK(f.told() == "");
}

TEST_CASE("CLIENT KILL") {
  DeskFixture f;
  f.connect(2);
  f.connect(3);
  CHECK(f.say("CLIENT KILL ID 99") == ":0\r\n");
  CHECK(f.say("CLIENT KILL ID x") == "-ERR client-id should be greater than 0\r\n");
  CHECK(f.say("CLIENT KILL TYPE nosuch") == "-ERR Unknown client type 'nosuch'\r\n");
  CHECK(f.say("CLIENT KILL USER nosuch") == "-ERR No such user 'nosuch'\r\n");
  CHECK(f.say("CLIENT KILL ID 99 WHAT 1") == "-ERR syntax error\r\n");
  CHECK(f.say("CLIENT KILL 9.9.9.9:1") == "-ERR No such client\r\n");
  CHECK(f.say("CLIENT KILL 1.2.3.4:3") == kOk);
  CHECK(f.world.closed.contains(3));
  CHECK(f.say("CLIENT KILL TYPE normal") == ":1\r\n");
  CHECK(f.world.closed.contains(2));
  CHECK(!f.world.closed.contains(1));
  CHECK(f.say("CLIENT KILL ID 1 SKIPME no") == ":1\r\n");
  CHECK(f.world.closed.contains(1));
}

TEST_CASE("CLIENT in all other forms") {
  DeskFixture f;
  CHECK(f.say("CLIENT NO-EVICT on") == kOk);
  CHECK(f.say("CLIENT NO-EVICT maybe").starts_with("-ERR "));
  f.say("CLIENT HELP");
  CHECK(f.told() == "read 0 CLIENT HELP\n");
}

TEST_CASE("what Redis answers as a read, filtered or not") {
  DeskFixture f;
  f.say("INFO | INFO server | CONFIG GET maxmemory | CONFIG RESETSTAT | DEBUG OBJECT a");
  CHECK(f.told() ==
        "read 0 INFO\nread 0 INFO server\nread 0 CONFIG GET maxmemory\nread 0 CONFIG RESETSTAT\n"
        "read 0 DEBUG OBJECT a\n");
  CHECK(f.counter.waiters[0].filter == Filter::kInfo);
  CHECK(f.counter.waiters[2].filter == Filter::kConfigGet);
  CHECK(f.counter.waiters[3].filter == Filter::kResetStat);
}

TEST_CASE("what would change the Redis behind is refused") {
  DeskFixture f;
  CHECK(f.say("DEBUG SEGFAULT").starts_with("-ERR "));
  CHECK(f.told() == "");
}

TEST_CASE("a setting that must stay as it is may be set to what it is") {
  DeskFixture f;
  const std::string is = "*2\r\n$12\r\nrepl-timeout\r\n$4\r\n3600\r\n";
  SUBCASE("to another value: refused with the reason") {
    CHECK(f.say("CONFIG SET hz 10 repl-timeout 3") == "");
    CHECK(f.told() == "look R0 CONFIG GET repl-timeout\n");
    CHECK(f.answer_look(0, is).find("'repl-timeout') - Holdfast follows") != std::string::npos);
    CHECK(f.told() == "");
  }
  SUBCASE("to that value: nothing changes, and the others go to Redis") {
    f.say("CONFIG SET hz 10 repl-timeout 3600");
    f.told();
    f.answer_look(0, is);
    CHECK(f.told() == "look R0 CONFIG SET hz 10\n");
    CHECK(f.answer_look(1, std::string("+OK\r\n")) == kOk);
  }
  SUBCASE("alone") {
    f.say("CONFIG SET repl-timeout 3600");
    CHECK(f.answer_look(0, is) == kOk);
  }
  SUBCASE("Redis knows no such setting, or several") {
    f.say("CONFIG SET stop-writes-on-bgsave-error* 1");
    CHECK(f.answer_look(0, std::string("*0\r\n")).find("could refuse a write") != std::string::npos);
  }
}

TEST_CASE("CONFIG SET port: clients are accepted elsewhere, with all that was set beside it or not at all") {
  DeskFixture f;
  const std::string failed = "-ERR CONFIG SET failed (possibly related to argument 'port') - ";
  CHECK(f.say("CONFIG SET port 7001") == kOk);
  CHECK(f.world.port == 7001);
  CHECK(f.say("CONFIG SET timeout 7 port 7000") == failed + "Unable to listen on this port. Check server logs.\r\n");
  CHECK(f.world.port == 7001);
  CHECK(f.desk.limits().idle_ms == 0);
  CHECK(f.say("CONFIG SET port 65536") == failed + "argument must be between 0 and 65535 inclusive\r\n");
  CHECK(f.say("CONFIG SET port x") == failed + "argument couldn't be parsed into an integer\r\n");
  CHECK(f.say("CONFIG SET port 1 PORT 2") == failed + "duplicate parameter\r\n");
  CHECK(f.told() == "");
  SUBCASE("Redis takes its part") {
    f.say("CONFIG SET hz 20 port 7002");
    CHECK(f.world.port == 7002);
    CHECK(f.answer_look(0, std::string(kOk)) == kOk);
    CHECK(f.world.port == 7002);
  }
  SUBCASE("Redis does not") {
    f.say("CONFIG SET hz x port 7002");
    CHECK(f.answer_look(0, std::string("-ERR no\r\n")) == "-ERR no\r\n");
    CHECK(f.world.port == 7001);
  }
  SUBCASE("taken, with a part of Redis's") {
    CHECK(f.say("CONFIG SET hz 20 port 7000").starts_with(failed + "Unable"));
    CHECK(f.told() == "");
  }
}

TEST_CASE("CONFIG SET tls-…: about Holdfast's own clients, all or nothing") {
  DeskFixture f;
  const std::string failed = "-ERR CONFIG SET failed (possibly related to argument 'tls-ciphers') - ";
  CHECK(f.say("CONFIG SET TLS-ciphers HIGH tls-port 7443 port 7001") == kOk);
  CHECK(f.world.tls["tls-ciphers"] == "HIGH");
  CHECK(f.world.tls["tls-port"] == "7443");
  CHECK(f.say("CONFIG SET port 7002 tls-ciphers bad timeout 7") ==
        failed + "Unable to update TLS configuration. Check server logs.\r\n");
  CHECK(f.world.port == 7001);
  CHECK(f.desk.limits().idle_ms == 0);
  CHECK(f.say("CONFIG SET tls-ciphers a tls-ciphers b") == failed + "duplicate parameter\r\n");
  CHECK(f.told() == "");
  SUBCASE("Redis takes its part") {
    f.say("CONFIG SET hz 20 tls-port 0");
    CHECK(f.answer_look(0, std::string(kOk)) == kOk);
    CHECK(f.world.tls["tls-port"] == "0");
  }
  SUBCASE("Redis does not") {
    f.say("CONFIG SET hz x tls-port 0");
    CHECK(f.answer_look(0, std::string("-ERR no\r\n")) == "-ERR no\r\n");
    CHECK(f.world.tls["tls-port"] == "7443");
  }
  SUBCASE("a port that one has and the other is to get") {
    CHECK(f.say("CONFIG SET port 7443 tls-port 0") == kOk);
    CHECK(f.world.port == 7443);
    f.say("CONFIG SET hz x port 0 tls-port 7443");
    CHECK(f.world.tls["tls-port"] == "7443");
    CHECK(f.answer_look(0, std::string("-ERR no\r\n")) == "-ERR no\r\n");
    CHECK(f.world.port == 7443);
    CHECK(f.world.tls["tls-port"] == "0");
    CHECK(f.say("CONFIG SET port 7000 tls-port 0 tls-ciphers x").starts_with("-ERR CONFIG SET failed"));
    CHECK(f.world.tls["tls-ciphers"] == "HIGH");
  }
  SUBCASE("how Redis itself speaks TLS is not for clients to say") {
    CHECK(f.say("CONFIG SET tls-replication no") == "");
    CHECK(f.told() == "look R0 CONFIG GET tls-replication\n");
  }
}

TEST_CASE("min-replicas-to-write: nothing is written without them, and Redis sees to it that no script does") {
  DeskFixture f;
  const std::string refused = "-NOREPLICAS Not enough good replicas to write.\r\n";
  CHECK(f.say("CONFIG SET min-replicas-to-write 1") == kOk);
  CHECK(f.say("SET a 1") == refused);
  CHECK(f.say("PUBLISH c m") == "");
  f.told();
  f.counter.waiters.clear();
  f.say("GET a");
  CHECK(f.told() == "read 0 GET a\n");
  f.say("EVAL body 1 a", 1);
  CHECK(f.told() == "read 0 eval_ro body 1 a\n");
  f.desk.on_reply(f.counter.waiters.back(),
                  "-ERR Write commands are not allowed from read-only scripts. script: x\r\n");
  f.desk.release(f.counter.waiters.back());
  f.connect(2);
  SUBCASE("it is refused to queue a write") {
    CHECK(f.say("MULTI | SET a 1 | EXEC", 2) ==
          kOk + refused + "-EXECABORT Transaction discarded because of previous errors.\r\n");
  }
  SUBCASE("it came when the write was queued") {
    CHECK(f.say("CONFIG SET min-slaves-to-write 0", 2) == kOk);
    CHECK(f.say("MULTI | SET a 1", 2) == kOk + "+QUEUED\r\n");
    f.connect(3);
    CHECK(f.say("CONFIG SET min-replicas-to-write 1", 3) == kOk);
    CHECK(f.say("EXEC", 2) == "-EXECABORT Transaction discarded because of: " + refused.substr(1));
  }
  SUBCASE("a lag of 0 switches it off") {
    CHECK(f.say("CONFIG SET min-replicas-max-lag 0", 2) == kOk);
    f.say("SET a 1", 2);
    CHECK(f.told() == "write W0 SET a 1\n");
  }
}

TEST_CASE("DEBUG DIGEST is of what clients see, and waits for rest") {
  DeskFixture f;
  f.say("DEBUG DIGEST");
  CHECK(f.told() == "ask 0 DEBUG DIGEST\n");
  f.counter.resting = false;
  f.counter.questions.front()("");
  f.turn();
  CHECK(f.told() == "");
  f.counter.resting = true;
  f.turn();
  CHECK(f.told() == "digest\n");
  f.counter.digests.front()("+00ff\r\n");
  CHECK(f.turn() == "+00ff\r\n");
}

TEST_CASE("DEBUG LOADAOF and RELOAD make Redis anew from the log, where Redis lets the client use DEBUG") {
  DeskFixture f;
  for (const char* request : {"DEBUG RELOAD NOFLUSH", "DEBUG RELOAD nosave noflush"}) {
    CHECK(f.say(request) == "-ERR Error trying to load the RDB dump, check server logs.\r\n");
  }
  std::string request = "DEBUG LOADAOF";
  SUBCASE("") { request = "DEBUG RELOAD"; }
  SUBCASE("") { request = "DEBUG reload NOSAVE"; }
  SUBCASE("") { request = "DEBUG reload NOFLUSH MERGE"; }
  f.say(request);
  CHECK(f.told() == "ask 0 " + request + "\n");
  SUBCASE("it does") {
    f.counter.questions.front()("");
    f.desk.resume();
    CHECK(f.told() == "load anew\n");
    f.desk.on_reply(f.counter.waiters.front(), kOk);
    f.desk.release(f.counter.waiters.front());
    f.desk.flush();
    CHECK(f.world.sent[1] == kOk);
  }
  SUBCASE("it does not") {
    f.counter.questions.front()("-ERR DEBUG command not allowed.\r\n");
    f.desk.resume();
    f.desk.flush();
    CHECK(f.told() == "");
    CHECK(f.world.sent[1] == "-ERR DEBUG command not allowed.\r\n");
  }
}

TEST_CASE("RESET forgets what the connection had") {
  DeskFixture f;
  f.say("SELECT 3 | CLIENT SETNAME me | MULTI");
  CHECK(f.say("RESET") == "+RESET\r\n");
  CHECK(f.say("CLIENT GETNAME") == "$-1\r\n");
  f.say("GET a");
  CHECK(f.told() == "read 0 GET a\n");
}

TEST_CASE("ROLE and WAIT") {
  DeskFixture f;
  CHECK(f.say("ROLE") == "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
  CHECK(f.say("WAIT 0 0") == ":0\r\n");
  CHECK(f.say("WAIT x 0") == "-ERR value is not an integer or out of range\r\n");
  CHECK(f.say("WAIT 0 x") == "-ERR timeout is not an integer or out of range\r\n");
  CHECK(f.say("WAIT 0 -1") == "-ERR timeout is negative\r\n");
}

TEST_CASE("WAIT is answered behind the writes before it") {
  DeskFixture f;
  CHECK(f.say("SET a 1 | WAIT 0 0") == "");
  CHECK(f.reply(0, kOk) == kOk);
  CHECK(f.turn() == ":0\r\n");
}

}  // namespace
}  // namespace holdfast
