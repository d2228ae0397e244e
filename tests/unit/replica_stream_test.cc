// What replicas of Holdfast get: settled effects, by who asked for them.
#include "core/replication/replica_stream.h"

#include <doctest/doctest.h>

#include <string>

#include "core/shard/effect_units.h"
#include "tests/unit/test_unit.h"

namespace holdfast {
namespace {

using testing::add_ops;
using testing::as_words;
using testing::words;

EffectList effects_of(std::string_view text) {
  Unit unit;
  add_ops(&unit, text);
  EffectList effects;
  for (const Op& op : unit.ops) effects.add(unit.bytes_of(op), op.db);
  return effects;
}

ReplicaStream::Effects shown(const Unit* batch, std::string_view effects, int64_t offset, uint64_t removal = 0) {
  ReplicaStream::Effects shown = for_replicas(batch, effects_of(effects), 15, 1000);
  shown.offset = offset;
  shown.removal = removal;
  return shown;
}

std::string all_of(const ReplicaStream& stream, int64_t from = 0) {
  std::string out;
  for (std::string_view piece = stream.read(from); !piece.empty(); piece = stream.read(from)) {
    out += piece;
    from += static_cast<int64_t>(piece.size());
  }
  return as_words(out);
}

// The stream of one batch.
std::string served(const Unit& batch, std::string_view effects) {
  ReplicaStream stream;
  stream.begin("id");
  stream.add(shown(&batch, effects, 10));
  stream.settle(10, 0);
  return all_of(stream);
}

Unit unit(std::string_view text) {
  Unit unit;
  add_ops(&unit, text);
  return unit;
}

TEST_CASE("replica stream: each client's command goes plain") {
  CHECK(served(unit("SET a 1 | SELECT 3 | INCR b"), "SET a 1 | SELECT 3 | INCR b") ==
        "SELECT 0 | SET a 1 | SELECT 3 | INCR b");
}

TEST_CASE("replica stream: a transaction stays one, unless one effect is all that came of it") {
  Unit both = unit("SET a 1 | SET b 2 | DEL c | SET d 4");
  both.ops[1].in_transaction = both.ops[2].in_transaction = true;
  both.ops[1].last_piece = false;
  CHECK(served(both, "SET a 1 | SET b 2 | SET d 4") == "SELECT 0 | SET a 1 | SET b 2 | SET d 4");
  CHECK(served(both, "SET a 1 | SET b 2 | DEL c | SET d 4") ==
        "SELECT 0 | SET a 1 | MULTI | SET b 2 | DEL c | EXEC | SET d 4");
}

TEST_CASE("replica stream: what a script did is not torn apart") {
  CHECK(served(unit("SET a 1 | EVAL s 0 | INCR b"), "SET a 1 | INCR b | INCR c | INCR b") ==
        "SELECT 0 | SET a 1 | MULTI | INCR b | INCR c | INCR b | EXEC");
}

TEST_CASE("replica stream: an expired key is removed in one with what met it") {
  CHECK(served(unit("INCR a"), "DEL a | INCR a") == "SELECT 0 | MULTI | DEL a | INCR a | EXEC");
}

TEST_CASE("replica stream: a blocked call's attempt is its own") {
  Unit push = unit("LPUSH l a | LMPOP 1 l LEFT | SET x 1");
  push.ops[1].waiter.filter = Filter::kBlocked;
  CHECK(served(push, "LPUSH l a | LPOP l 1 | SET x 1") == "SELECT 0 | LPUSH l a | LPOP l 1 | SET x 1");
  CHECK(served(push, "LPUSH l a | SET x 1") == "SELECT 0 | LPUSH l a | SET x 1");
}

TEST_CASE(
    "replica stream: effects between batches belong together as Redis had them; the reserved database is hidden") {
  ReplicaStream stream;
  stream.begin("id");
  stream.add(shown(nullptr, "DEL a | DEL b", 5));
  stream.add(shown(nullptr, "DEL c | SELECT 15 | DEL d", 6));
  stream.settle(6, 0);
  CHECK(all_of(stream) == "SELECT 0 | MULTI | DEL a | DEL b | EXEC | DEL c");
}

TEST_CASE("replica stream: nothing before it is settled") {
  ReplicaStream stream;
  stream.begin("id");
  stream.add(shown(nullptr, "DEL a", 5, 1));
  stream.add(shown(nullptr, "DEL b", 9, 1));
  stream.settle(9, 0);
  CHECK(stream.offset() == 0);
  CHECK_FALSE(stream.passed(5));
  stream.settle(5, 1);
  CHECK(all_of(stream) == "SELECT 0 | DEL a");
  CHECK(stream.passed(5));
  CHECK_FALSE(stream.passed(9));
}

TEST_CASE("replica stream: a copy's place is behind what it holds, and begins with SELECT") {
  ReplicaStream stream;
  stream.begin("id");
  stream.add(shown(nullptr, "DEL a", 5));
  stream.settle(5, 0);
  stream.mark();
  stream.add(shown(nullptr, "DEL b", 9));
  stream.add(shown(nullptr, "DEL c", 12));
  stream.settle(12, 0);
  SUBCASE("between the two") { CHECK(all_of(stream, stream.place_of(9)) == "SELECT 0 | DEL c"); }
  SUBCASE("before both") { CHECK(all_of(stream, stream.place_of(8)) == "SELECT 0 | DEL b | SELECT 0 | DEL c"); }
  SUBCASE("behind both") {
    const int64_t place = stream.place_of(14);
    stream.add(shown(nullptr, "DEL d", 20));
    stream.settle(20, 0);
    CHECK(all_of(stream, place) == "SELECT 0 | DEL d");
  }
}

TEST_CASE("replica stream: as much is kept as somebody needs, or as was asked for") {
  ReplicaStream stream;
  stream.begin("id");
  for (int i = 1; i <= 200; i++) {
    stream.add(shown(nullptr, "DEL " + std::string(1000, 'x'), i));
    stream.settle(i, 0);
  }
  stream.keep(0, 1000);
  CHECK(stream.kept_from() == 0);
  stream.keep(stream.offset(), 1 << 20);
  CHECK(stream.kept_from() == 0);
  stream.keep(stream.offset(), 1000);
  CHECK(stream.kept_from() > 0);
  CHECK(stream.kept_from() <= stream.offset() - 1000);
}

}  // namespace
}  // namespace holdfast
