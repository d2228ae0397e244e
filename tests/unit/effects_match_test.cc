// Is what Redis did what the log says? Where a replica could end elsewhere, the answer must be no.
#include "core/shard/effects_match.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/test_unit.h"

namespace holdfast {
namespace {

using testing::add_ops;
using testing::as_words;
using testing::words;

constexpr int64_t kNow = 1'000'000;

EffectList effects_of(std::string_view text) {
  EffectList effects;
  const std::string bytes = words(text);
  std::string_view rest = bytes;
  RequestParser parser;
  int db = 0;
  while (!rest.empty() && parser.parse(rest) == RequestParser::Status::kComplete) {
    if (parser.argv()[0] == "SELECT") {
      db = std::stoi(std::string(parser.argv()[1]));
    } else {
      effects.add(rest.substr(0, parser.consumed()), db);
    }
    rest.remove_prefix(parser.consumed());
  }
  return effects;
}

bool match(std::string_view batch, std::string_view effects) {
  Unit unit;
  add_ops(&unit, batch);
  return effects_match(unit, effects_of(effects), kNow);
}

TEST_CASE("the commands' own bytes") {
  CHECK(match("", ""));
  CHECK(match("SET a 1", "SET a 1"));
  CHECK(match("SET a 1 | LPUSH l x | SELECT 3 | DEL b", "SET a 1 | LPUSH l x | SELECT 3 | DEL b"));
  CHECK(match("GET a | SET a 1 | MGET a b", "SET a 1"));  // reads ride along

  CHECK(!match("SET a 1", "SET a 2"));
  CHECK(!match("SET a 1", "SET b 1"));
  CHECK(!match("LPUSH l x", "LPUSH l x y"));
  CHECK(!match("SET a 1 | SET b 2", "SET b 2 | SET a 1"));
  CHECK(!match("SET a 1", "SELECT 3 | SET a 1"));
  CHECK(!match("SELECT 3 | SET a 1", "SET a 1"));
}

TEST_CASE("what Redis did besides is a deviation, wherever it stands") {
  CHECK(!match("", "DEL a"));
  CHECK(!match("GET a", "DEL a"));
  CHECK(!match("SET a 1", "SET a 1 | DEL b"));
  CHECK(!match("SET a 1", "DEL b | SET a 1"));
  CHECK(!match("SET a 1 | SET b 1", "SET a 1 | DEL c | SET b 1"));
  CHECK(!match("SET a 1", "SET a 1 | SET a 1"));
  CHECK(!match("SETNX a 1", "DEL a | SETNX a 1"));  // it had expired
}

TEST_CASE("a command that changed nothing leaves nothing, where that is known to be so") {
  CHECK(match("DEL a", ""));
  CHECK(match("SETNX a 1", ""));
  CHECK(match("SET a 1 NX", ""));
  CHECK(match("SETNX a 1 | SET b 1", "SET b 1"));
  CHECK(match("SET b 1 | SETNX a 1", "SET b 1"));
  CHECK(match("INCR a", ""));  // a wrong type

  CHECK(!match("APPEND a x", ""));  // the leader may have refused what a replica would take
  CHECK(match("APPEND a x", "APPEND a x"));
}

TEST_CASE("what is not known is never a match") {
  CHECK(!match("SPOP s", "SREM s x"));
  CHECK(!match("SPOP s", "SPOP s"));
  CHECK(!match("SPOP s", ""));
  CHECK(!match("GETDEL a", "DEL a"));  // an expiry's, as likely as not
  CHECK(!match("EVAL script 0", ""));
  CHECK(!match("EVAL script 0", "SET a 1"));
  CHECK(!match("UNKNOWN.COMMAND a", "UNKNOWN.COMMAND a"));
  CHECK(!match("SET a 1 | SPOP s | SET b 1", "SET a 1 | SET b 1"));
}

TEST_CASE("known rewritings") {
  CHECK(match("INCRBYFLOAT a 1.5", "SET a 3 KEEPTTL"));
  CHECK(!match("INCRBYFLOAT a 1.5", "SET b 3 KEEPTTL"));
  CHECK(!match("INCRBYFLOAT a 1.5", "SET a 3"));
  CHECK(!match("INCRBYFLOAT a 1.5", "DEL a KEEPTTL x"));

  CHECK(match("HINCRBYFLOAT h f 1", "HSET h f 1"));
  CHECK(match("HINCRBYFLOAT h f 1", "HSETEX h KEEPTTL FIELDS 1 f 1"));
  CHECK(!match("HINCRBYFLOAT h f 1", "HSET h g 1"));
  CHECK(!match("HINCRBYFLOAT h f 1", "HSET i f 1"));
  CHECK(!match("HINCRBYFLOAT h f 1", "HSET h f 1 g 1"));
  CHECK(!match("HINCRBYFLOAT h f 1", "HSETEX h KEEPTTL FIELDS 1 g 1"));

  CHECK(match("GETEX a", ""));
  CHECK(match("GETEX a PXAT 2000000", "PEXPIREAT a 2000000"));
  CHECK(match("GETEX a PERSIST", "PERSIST a"));
  CHECK(!match("GETEX a PXAT 2000000", "PEXPIREAT a 2000001"));
  CHECK(!match("GETEX a PXAT 2000000", "PEXPIREAT b 2000000"));
  CHECK(!match("GETEX a PXAT 2000000", "PERSIST a"));
  CHECK(!match("GETEX a PXAT 5", "DEL a"));

  CHECK(match("GEOADD g 1 2 m", "ZADD g 12345 m"));
  CHECK(!match("GEOADD g 1 2 m", "ZADD h 12345 m"));
  CHECK(!match("GEOADD g 1 2 m", "ZREM g m"));
}

TEST_CASE("SET loses the options that only decide, no others") {
  CHECK(match("SET a 1 GET", "SET a 1"));
  CHECK(match("SET a 1 NX GET", "SET a 1"));
  CHECK(match("set a 1 xx get", "SET a 1"));
  CHECK(match("SET a 1 GET PXAT 2000000", "SET a 1 PXAT 2000000"));
  CHECK(match("SET a GET GET", "SET a GET"));
  CHECK(match("SET a 1 KEEPTTL", "SET a 1 KEEPTTL"));

  CHECK(!match("SET a 1 GET", "SET a 2"));
  CHECK(!match("SET a GET 1", "SET a 1"));
  CHECK(!match("SET GET 1", "SET 1"));
  CHECK(!match("SET a 1 PXAT 2000000", "SET a 1"));
  CHECK(!match("SET a 1 KEEPTTL GET", "SET a 1"));
  CHECK(!match("SET a 1 GET", "SET a 1 KEEPTTL"));
  CHECK(!match("SET a 1 GET PXAT 2000000", "SET a 1 PXAT 2000001"));
  CHECK(!match("SET a 1 GET", "SETEX a 1"));
}

TEST_CASE("a SET whose time has passed may leave nothing although a replica would set the key") {
  CHECK(match("SET a 1 NX PXAT " + std::to_string(kNow + 1001), ""));
  CHECK(!match("SET a 1 PXAT " + std::to_string(kNow + 1000), ""));  // the clocks may differ by a second
  CHECK(!match("SET a 1 NX PXAT " + std::to_string(kNow - 1), ""));
  CHECK(!match("SET a 1 GET pxat " + std::to_string(kNow - 1), ""));
  CHECK(match("SET a 1 PXAT 5", "SET a 1 PXAT 5"));
  CHECK(!match("SET a 1 PXAT 5", "UNLINK a"));
}

// SETNX on a key that has expired on the leader leaves a DEL; a replica would not expire the key. When the DEL that was
// seen could be the expiry's instead of the next command's, the two would part.
TEST_CASE("a removal behind a command of the same key without effect is not taken for the command's own") {
  CHECK(!match("SETNX a 1 | DEL a", "DEL a"));
  CHECK(!match("SETNX a 1 | UNLINK a", "UNLINK a"));
  CHECK(!match("INCR h | HDEL h f", "HDEL h f"));
  CHECK(!match("SETNX a 1 | DEL a b", "DEL a b"));  // any of several keys
  CHECK(!match("DEL a b | DEL a", "DEL a"));
  CHECK(!match("SETNX a 1 | SET b 1 | DEL a", "SET b 1 | DEL a"));

  CHECK(match("SETNX a 1 | DEL b", "DEL b"));
  CHECK(match("SETNX a 1 | SELECT 3 | DEL a", "SELECT 3 | DEL a"));  // another database's a
  CHECK(match("DEL a | SETNX a 1", "DEL a"));
  CHECK(match("SETNX a 1 | SET a 2", "SET a 2"));
  CHECK(match("DEL a | DEL b", "DEL a | DEL b"));
}

TEST_CASE("which commands a replica may execute unseen") {
  CHECK(may_replay_unseen(Effect::kExact));
  CHECK(may_replay_unseen(Effect::kOwnBytes));
  CHECK(may_replay_unseen(Effect::kSet));
  CHECK(!may_replay_unseen(Effect::kUnknown));
}

TEST_CASE("removals tell their keys") {
  std::vector<uint64_t> keys;
  CHECK(only_removals(effects_of("DEL a b | SELECT 3 | unlink c"), &keys));
  CHECK(keys == std::vector<uint64_t>{key_hash(0, "a"), key_hash(0, "b"), key_hash(3, "c")});
  for (const std::string text : {"SET a 1", "DEL a | SET a 1", "SET a 1 | DEL a", "HDEL h f", "FLUSHALL", "DEL"}) {
    CAPTURE(text);
    CHECK(!only_removals(effects_of(text), &keys));
  }
}

TEST_CASE("effects as they stand in the log") {
  int db = -1;
  CHECK(as_words(effects_value(effects_of("SET a 1 | SELECT 3 | SET b 1 | DEL c | SELECT 0 | DEL d"), kNow, &db)) ==
        "SELECT 0 | SET a 1 | SELECT 3 | SET b 1 | DEL c | SELECT 0 | DEL d");
  CHECK(db == 0);
  CHECK(as_words(effects_value(effects_of("DEL e"), kNow, &db)) == "DEL e");
  CHECK(effects_value(effects_of(""), kNow, &db).empty());
}

TEST_CASE("relative TTLs of effects become absolute: replayed later they would be longer") {
  int db = 0;
  CHECK(as_words(effects_value(effects_of("EXPIRE a 10 | SET b 1 PX 500 | SET c 1 PXAT 7"), kNow, &db)) ==
        "PEXPIREAT a 1010000 | SET b 1 PXAT 1000500 | SET c 1 PXAT 7");
}

}  // namespace
}  // namespace holdfast
