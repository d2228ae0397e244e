// What is counted of clients' requests, and how it is told.
#include <doctest/doctest.h>

#include <string>

#include "core/shard/filter.h"
#include "core/stats/info_sections.h"
#include "tests/unit/desk_fixture.h"

namespace holdfast {
namespace {

using testing::DeskFixture;

struct StatisticsFixture : DeskFixture {
  Statistics& statistics = desk.statistics();

  std::string info(const std::string& of_redis) {
    std::string text = of_redis;
    show_statistics(&text, statistics, counter.own);
    return text;
  }
  // The line of a command, without its times.
  std::string line(const std::string& name) {
    const std::string text = info("# Commandstats\r\n");
    const size_t at = text.find("cmdstat_" + name + ":");
    if (at == std::string::npos) return "";
    const std::string whole = text.substr(at, text.find('\r', at) - at);
    const size_t calls = whole.find("calls="), usec = whole.find(",usec="), rest = whole.find(",rejected");
    return whole.substr(calls, usec - calls) + whole.substr(rest);
  }
  std::string errors() { return info("# Errorstats\r\n").substr(14); }
  uint64_t usec(const std::string& name) { return statistics.commands().at(name)->usec; }
  // The newest entry of SLOWLOG.
  std::string newest(const CommandLog& log) {
    if (log.entries().empty()) return "";
    std::string text;
    for (const std::string& word : log.entries().front().argv) text += (text.empty() ? "" : " ") + word;
    return text;
  }
  size_t last() const { return counter.waiters.size() - 1; }
};

TEST_CASE("statistics: a command's time goes from when it is taken until its reply may leave") {
  StatisticsFixture f;
  f.say("SET a 1");
  f.world.now_ms += 7;
  f.desk.on_reply(f.counter.waiters[0], "+OK\r\n");
  f.world.now_ms += 5;  // the log has it
  f.statistics.time_passes();
  CHECK(f.line("set") == "");
  f.desk.release(f.counter.waiters[0]);
  CHECK(f.turn() == "+OK\r\n");
  CHECK(f.line("set") == "calls=1,rejected_calls=0,failed_calls=0");
  CHECK(f.usec("set") == 12'000);
  CHECK(f.info("# Commandstats\r\nx\r\n\r\n# Keyspace\r\n") ==
        "# Commandstats\r\ncmdstat_set:calls=1,usec=12000,usec_per_call=12000.00,rejected_calls=0,failed_calls=0\r\n"
        "\r\n# Keyspace\r\n");
  CHECK(f.info("# Server\r\na:1\r\n\r\n# Latencystats\r\n") ==
        "# Server\r\na:1\r\n\r\n# Latencystats\r\nlatency_percentiles_usec_set:p50=12058.623,p99=12058.623,"
        "p99.9=12058.623\r\n");
  CHECK(f.info("# Server\r\na:1\r\n") == "# Server\r\na:1\r\n");
}

TEST_CASE("statistics: what is answered at once counts, too") {
  StatisticsFixture f;
  f.say("PING | CLIENT ID | PING");
  CHECK(f.line("ping") == "calls=2,rejected_calls=0,failed_calls=0");
  CHECK(f.line("client|id") == "calls=1,rejected_calls=0,failed_calls=0");
  // Also behind a reply that is still to come.
  f.say("GET a | PING");
  CHECK(f.line("ping") == "calls=3,rejected_calls=0,failed_calls=0");
  CHECK(f.line("get") == "");
}

TEST_CASE("statistics: refused before it is executed, or failed") {
  StatisticsFixture f;
  f.say("SET a");
  f.answer(0, "-ERR wrong number of arguments for 'set' command\r\n");
  CHECK(f.line("set") == "calls=0,rejected_calls=1,failed_calls=0");
  f.say("NOSUCH");
  f.answer(1, "-ERR unknown command\r\n");
  CHECK(f.line("nosuch") == "");
  f.counter.out_of_memory = true;
  f.say("SET a 1");
  CHECK(f.line("set") == "calls=0,rejected_calls=2,failed_calls=0");
  f.counter.out_of_memory = false;
  f.say("LPUSH a 1");
  f.reply(f.last(), "-WRONGTYPE Operation against a key\r\n");
  CHECK(f.line("lpush") == "calls=1,rejected_calls=0,failed_calls=1");
  f.say("GET a");
  f.reply(f.last(), "-NOPERM no\r\n");
  CHECK(f.line("get") == "calls=0,rejected_calls=1,failed_calls=0");
  f.say("SET a 1");
  f.desk.give_up(f.counter.waiters[f.last()], "UNKNOWN no confirmation");
  CHECK(f.line("set") == "calls=1,rejected_calls=2,failed_calls=1");
  f.say("SET a 1");
  f.desk.give_up(f.counter.waiters[f.last()], "NOTWRITTEN the log is gone");
  CHECK(f.line("set") == "calls=1,rejected_calls=3,failed_calls=1");
  f.say("EVAL x 0");
  f.reply(f.last(), "-OOM command not allowed script: f_1, on @user_script:1.\r\n");
  CHECK(f.line("eval") == "calls=1,rejected_calls=0,failed_calls=1");
  CHECK(f.errors() ==
        "errorstat_ERR:count=2\r\nerrorstat_NOPERM:count=1\r\nerrorstat_NOTWRITTEN:count=1\r\nerrorstat_OOM:count=2\r\n"
        "errorstat_UNKNOWN:count=1\r\nerrorstat_WRONGTYPE:count=1\r\n");
  CHECK(f.info("# Stats\r\ntotal_error_replies:99\r\nx:1\r\n") == "# Stats\r\ntotal_error_replies:8\r\nx:1\r\n");
}

TEST_CASE("statistics: a transaction counts its commands, what is queued does not") {
  StatisticsFixture f;
  f.statistics.set("slowlog-log-slower-than", "0");
  f.say("MULTI | SET a 1 | LPUSH a 2 | PING");
  CHECK(f.line("set") == "");
  f.say("EXEC");
  f.world.now_ms += 3;
  f.statistics.time_passes();
  const Waiter& waiter = f.counter.waiters[f.last()];
  f.desk.on_reply(waiter, "+OK\r\n");
  f.desk.on_reply(waiter, "-WRONGTYPE no\r\n");
  // Executed a second time: the first does not count.
  f.desk.restart_reply(waiter);
  f.desk.on_reply(waiter, "+OK\r\n");
  f.desk.on_reply(waiter, "-WRONGTYPE no\r\n");
  f.desk.on_reply(waiter, "+PONG\r\n");
  f.desk.release(waiter);
  f.turn();
  CHECK(f.line("multi") == "calls=1,rejected_calls=0,failed_calls=0");
  CHECK(f.line("set") == "calls=1,rejected_calls=0,failed_calls=0");
  CHECK(f.line("lpush") == "calls=1,rejected_calls=0,failed_calls=1");
  CHECK(f.line("ping") == "calls=1,rejected_calls=0,failed_calls=0");
  CHECK(f.line("exec") == "calls=1,rejected_calls=0,failed_calls=0");
  CHECK(f.usec("lpush") == 3000);
  CHECK(f.usec("exec") == 3000);
  CHECK(f.errors() == "errorstat_WRONGTYPE:count=1\r\n");
  // EXEC is not shown, its commands are.
  REQUIRE(f.statistics.slow.entries().size() == 4);
  CHECK(f.newest(f.statistics.slow) == "PING");
  CHECK(f.statistics.slow.entries()[2].argv[0] == "SET");

  f.say("MULTI | SET");
  f.answer(0, "-ERR wrong number of arguments for 'set' command\r\n");
  f.say("EXEC");
  CHECK(f.line("set") == "calls=1,rejected_calls=1,failed_calls=0");
  CHECK(f.line("exec") == "calls=2,rejected_calls=0,failed_calls=1");
  // Nothing of it was executed.
  f.say("MULTI | SET b 1 | EXEC");
  f.desk.give_up(f.counter.waiters[f.last()], "NOTWRITTEN no");
  CHECK(f.line("set") == "calls=1,rejected_calls=1,failed_calls=0");
  CHECK(f.line("exec") == "calls=2,rejected_calls=1,failed_calls=1");
}

TEST_CASE("statistics: a blocked client's waiting does not count") {
  StatisticsFixture f;
  f.statistics.set("slowlog-log-slower-than", "0");
  f.say("BLPOP list 0");
  f.world.now_ms += 2;
  f.statistics.time_passes();
  f.answer_look(0, std::string(":0\r\n"));
  f.world.now_ms += 60'000;
  f.statistics.time_passes();
  f.seen("RPUSH list x");
  f.turn();
  f.answer_look(1, std::string(":1\r\n:0\r\n"));
  f.world.now_ms += 5;
  f.statistics.time_passes();
  CHECK(f.reply(f.last(), "$1\r\nx\r\n") != "");
  CHECK(f.line("blpop") == "calls=1,rejected_calls=0,failed_calls=0");
  CHECK(f.line("lpop") == "");
  CHECK(f.usec("blpop") == 7000);
  CHECK(f.newest(f.statistics.slow) == "BLPOP list 0");
}

TEST_CASE("statistics: SLOWLOG shows what the client sent, and who it is") {
  StatisticsFixture f;
  f.say("CLIENT SETNAME me");
  f.say("SET a 1 EX 10");
  f.world.now_ms += 10;
  f.statistics.time_passes();
  f.reply(0, "+OK\r\n");
  REQUIRE(f.statistics.slow.entries().size() == 1);
  CHECK(f.newest(f.statistics.slow) == "SET a 1 EX 10");
  CHECK(f.statistics.slow.entries()[0].value == 10'000);
  CHECK(f.say("SLOWLOG LEN") == ":1\r\n");
  CHECK(f.say("SLOWLOG GET") ==
        "*1\r\n*6\r\n:0\r\n:1700000000\r\n:10000\r\n*5\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n$2\r\nEX\r\n$2\r\n10\r\n"
        "$9\r\n1.2.3.4:1\r\n$2\r\nme\r\n");
  CHECK(f.say("SLOWLOG GET 0") == "*0\r\n");
  CHECK(f.say("SLOWLOG RESET") == "+OK\r\n");
  CHECK(f.say("SLOWLOG GET -1") == "*0\r\n");
  f.told();
  for (const char* wrong : {"SLOWLOG GET -2", "SLOWLOG GET x", "SLOWLOG GET 1 2", "SLOWLOG HELP"}) {
    CHECK(f.say(wrong) == "");
    CHECK(f.told() == "read 0 " + std::string(wrong) + "\n");
    f.reply(f.last(), "-ERR as Redis says it\r\n");
  }
  f.counter.build.cluster_dialect = ClusterDialect::kRedis6;
  CHECK(f.say("SLOWLOG GET -2") == "*0\r\n");
}

TEST_CASE("statistics: requests that were under way when the log was switched on are not shown") {
  StatisticsFixture f;
  for (const char* setting :
       {"slowlog-log-slower-than", "commandlog-request-larger-than", "commandlog-reply-larger-than"}) {
    f.statistics.set(setting, "-1");
  }
  f.say("NOSUCH a");  // asked about
  f.connect(2);
  f.say("GET a", 2);
  f.statistics.set("slowlog-log-slower-than", "0");
  CHECK(f.reply(0, "$1\r\nx\r\n", 2) != "");
  f.answer(0, "");
  CHECK(f.told().ends_with("write W0 NOSUCH a\n"));
  CHECK(f.reply(f.last(), "+OK\r\n") != "");
  CHECK(f.line("get") != "");
  CHECK(f.statistics.slow.entries().empty());
  f.say("GET b");
  f.reply(f.last(), "$1\r\nx\r\n");
  CHECK(f.newest(f.statistics.slow) == "GET b");
}

TEST_CASE("statistics: COMMANDLOG tells of large requests and replies, too") {
  StatisticsFixture f;
  f.statistics.set("commandlog-request-larger-than", "100");
  f.statistics.set("commandlog-reply-larger-than", "50");
  const std::string large(100, 'x');
  f.say("SET a " + large);
  f.reply(f.last(), "+OK\r\n");
  f.say("GET a");
  f.reply(f.last(), "$50\r\n" + large.substr(50) + "\r\n");
  CHECK(f.newest(f.statistics.large_requests) == "SET a " + large);
  CHECK(f.newest(f.statistics.large_replies) == "GET a");
  CHECK(f.statistics.large_replies.entries()[0].value == 57);
  CHECK(f.say("COMMANDLOG LEN large-request") == ":1\r\n");
  CHECK(f.say("COMMANDLOG LEN large-reply") == ":1\r\n");
  CHECK(f.say("COMMANDLOG LEN slow") == ":0\r\n");
  CHECK(f.say("COMMANDLOG GET -1 large-reply").find("$3\r\nGET\r\n") != std::string::npos);
  CHECK(f.say("COMMANDLOG RESET large-reply") == "+OK\r\n");
  CHECK(f.say("COMMANDLOG LEN large-reply") == ":0\r\n");
  f.told();
  f.say("COMMANDLOG LEN what");
  CHECK(f.told() == "read 0 COMMANDLOG LEN what\n");
}

TEST_CASE("statistics: LATENCY HISTOGRAM") {
  StatisticsFixture f;
  f.say("CLIENT ID");
  f.say("GET a");
  f.world.now_ms += 1;
  f.statistics.time_passes();
  f.reply(0, "$1\r\nx\r\n");
  const std::string of_get = "$3\r\nget\r\n*4\r\n$5\r\ncalls\r\n:1\r\n$14\r\nhistogram_usec\r\n*2\r\n:1056\r\n:1\r\n";
  const std::string of_id = "$9\r\nclient|id\r\n*4\r\n$5\r\ncalls\r\n:1\r\n$14\r\nhistogram_usec\r\n*2\r\n:1\r\n:1\r\n";
  CHECK(f.say("LATENCY HISTOGRAM get set nosuch") == "*2\r\n" + of_get);
  CHECK(f.say("LATENCY HISTOGRAM CLIENT") == "*2\r\n" + of_id);
  CHECK(f.say("LATENCY HISTOGRAM client|id get") == "*4\r\n" + of_id + of_get);
  f.say("HELLO 3");
  CHECK(f.say("LATENCY HISTOGRAM get").starts_with("%1\r\n$3\r\nget\r\n%2\r\n$5\r\ncalls\r\n"));
  f.statistics.set("latency-tracking", "no");
  f.statistics.reset();
  f.say("CLIENT ID");
  CHECK(f.say("LATENCY HISTOGRAM") == "%0\r\n");
}

TEST_CASE("statistics: CONFIG RESETSTAT begins anew, and is the first that counts") {
  StatisticsFixture f;
  f.say("PING | SET a");
  f.answer(0, "-ERR wrong\r\n");
  f.say("CONFIG RESETSTAT");
  f.reply(f.last(), "+OK\r\n");
  CHECK(
      f.info("# Commandstats\r\n") ==
      "# "
      "Commandstats\r\ncmdstat_config|resetstat:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=0\r\n");
  CHECK(f.errors() == "");
  CHECK(f.statistics.errors.total() == 0);
}

TEST_CASE("statistics: settings") {
  StatisticsFixture f;
  f.statistics.set("latency-tracking-info-percentiles", "0.0 50 100.00");
  CHECK(f.statistics.percentiles() == std::vector<double>{0, 50, 100});
  f.say("PING");
  CHECK(f.info("# Latencystats\r\n") ==
        "# Latencystats\r\nlatency_percentiles_usec_ping:p0=0.001,p50=0.001,p100=0.001\r\n");
  f.statistics.set("latency-tracking-info-percentiles", "");
  CHECK(f.statistics.percentiles().empty());
  CHECK(Statistics::is_setting("SLOWLOG-max-len"));
  CHECK(!Statistics::is_setting("maxmemory"));
}

TEST_CASE("statistics: a client that leaves has had its commands taken all the same") {
  StatisticsFixture f;
  f.say("GET a");
  f.connect(2);
  f.say("BLPOP list 0", 2);
  f.answer_look(0, std::string(":0\r\n"), 2);
  f.desk.on_disconnected(1);
  f.desk.on_disconnected(2);
  CHECK(f.line("get") == "calls=1,rejected_calls=0,failed_calls=0");
  CHECK(f.line("blpop") == "calls=1,rejected_calls=0,failed_calls=0");
}

TEST_CASE("error counts: the first word, of so many") {
  CHECK(ErrorCounts::word_of("-WRONGTYPE no\r\n") == "WRONGTYPE");
  CHECK(ErrorCounts::word_of("-nothing\r\n") == "ERR");
  CHECK(ErrorCounts::word_of("- x\r\n") == "ERR");
  CHECK(ErrorCounts::word_of("-" + std::string(40, 'A') + " x\r\n") == "ERR");
  for (const auto beyond : {ErrorCounts::Beyond::kDisabled, ErrorCounts::Beyond::kOverflow}) {
    ErrorCounts errors;
    errors.set_beyond(beyond);
    for (int i = 0; i < 140; i++) errors.add("-E" + std::to_string(i) + " x\r\n");
    CHECK(errors.total() == 140);
    CHECK(errors.by_word().size() <= ErrorCounts::kMostWords + 1);
    if (beyond == ErrorCounts::Beyond::kOverflow) {
      CHECK(errors.by_word().at("ERRORSTATS_OVERFLOW") == 12);
      CHECK(errors.by_word().at("E127") == 1);
    } else {
      CHECK(errors.by_word().size() == 1);
      CHECK(errors.by_word().at("ERRORSTATS_DISABLED") == 1);
    }
    errors.reset();
    errors.add("-ERR x\r\n");
    CHECK(errors.by_word().at("ERR") == 1);
  }
}

// ---- what scripts do

struct ScriptsFixture : StatisticsFixture {
  ScriptsFixture() { counter.own.set_table(&testing::test_table()); }
  uint32_t number(const std::string& name) const { return testing::test_table().find_name(name)->number; }
  static std::string redis(const std::string& commands, const std::string& errors, int total) {
    return "# Stats\r\ntotal_error_replies:" + std::to_string(total) + "\r\n\r\n# Commandstats\r\n" + commands +
           "\r\n# Errorstats\r\n" + errors;
  }
  static std::string stat(const std::string& name, int calls, int usec, int failed) {
    return "cmdstat_" + name + ":calls=" + std::to_string(calls) + ",usec=" + std::to_string(usec) +
           ",usec_per_call=1.00,rejected_calls=0,failed_calls=" + std::to_string(failed) + "\r\n";
  }
};

TEST_CASE("own calls: what Redis has executed besides counts as clients' doing") {
  ScriptsFixture f;
  f.counter.own.begin(f.redis(f.stat("set", 100, 1000, 7), "errorstat_ERR:count=5\r\n", 5));
  f.counter.own.executed(f.number("set"), "+OK\r\n");
  f.counter.own.executed(f.number("set"), "-WRONGTYPE no\r\n");
  f.counter.own.executed(f.number("set"), "-NOPERM no\r\n");  // Redis does not count it as a call either
  f.counter.own.executed_marker();
  f.counter.own.executed_select();
  f.counter.own.refused("-WRONGTYPE no\r\n");
  f.counter.own.refused("-NOPERM no\r\n");
  // Of 105 calls of SET 100 were before, 3 Holdfast's own.
  const std::string told =
      f.info(f.redis(f.stat("set", 105, 1050, 9) + f.stat("select", 1, 1, 0) + f.stat("eval", 3, 1, 0) +
                         f.stat("incr", 4, 40, 1) + f.stat("nosuch", 4, 40, 1) + f.stat("ping", 9, 9, 0),
                     "errorstat_ERR:count=6\r\nerrorstat_NOPERM:count=1\r\nerrorstat_WRONGTYPE:count=1\r\n", 8));
  CHECK(told ==
        "# Stats\r\ntotal_error_replies:1\r\n\r\n# Commandstats\r\n"
        "cmdstat_incr:calls=4,usec=40,usec_per_call=10.00,rejected_calls=0,failed_calls=1\r\n"
        "cmdstat_set:calls=2,usec=20,usec_per_call=10.00,rejected_calls=0,failed_calls=1\r\n"
        "\r\n# Errorstats\r\nerrorstat_ERR:count=1\r\n");
}

TEST_CASE("own calls: what Redis has not saved yet, without the markers") {
  OwnCalls own;
  const auto info = [](int changes, int saves) {
    return "# Persistence\r\nrdb_changes_since_last_save:" + std::to_string(changes) +
           "\r\nrdb_last_save_time:100\r\nrdb_saves:" + std::to_string(saves) + "\r\n";
  };
  const auto unsaved = [&](int changes, int saves) { return own.changes_unsaved(info(changes, saves)); };
  CHECK(unsaved(3, 1) == 3);
  for (int i = 0; i < 5; i++) own.executed_marker();
  CHECK(unsaved(3 + 5 + 2, 1) == 5);
  // A save, behind which one batch has come that it did not know of.
  own.executed_marker();
  CHECK(unsaved(2, 2) == 2);
  own.executed_marker();
  CHECK(unsaved(4, 2) == 3);
  CHECK(unsaved(0, 2) == 0);
  // Redis was made anew: what it counts now holds no marker of before.
  own.begin(info(1, 2));
  CHECK(unsaved(3, 2) == 3);
}

TEST_CASE("own calls: RESETSTAT, and a Redis that was lost") {
  ScriptsFixture f;
  f.counter.own.begin(f.redis(f.stat("incr", 4, 40, 0), "errorstat_ERR:count=5\r\n", 5));
  f.counter.own.reset();
  const std::string now = f.redis(f.stat("incr", 1, 10, 0), "errorstat_ERR:count=1\r\n", 1);
  CHECK(f.info(now).find("cmdstat_incr:calls=1,") != std::string::npos);
  CHECK(f.info(now).find("errorstat_ERR:count=1") != std::string::npos);
  f.counter.own.end();
  CHECK(f.info(now).find("cmdstat_incr") == std::string::npos);
  CHECK(f.info(now).find("errorstat_ERR") == std::string::npos);
}

}  // namespace
}  // namespace holdfast
