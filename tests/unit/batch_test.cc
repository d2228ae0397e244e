#include "core/shard/batch.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

namespace holdfast {
namespace {

std::string story(const Unit& unit) {
  std::string out;
  for (const Op& op : unit.ops) {
    out += std::to_string(op.db) + ":" + std::string(unit.bytes_of(op)) + " ";
  }
  return out;
}

Op in_db(int db) {
  Op op;
  op.db = db;
  return op;
}

TEST_CASE("a unit's first command is taken without a copy, others go behind it") {
  Unit unit;
  std::string large(1000, 'x');
  const char* const where = large.data();
  unit.take(in_db(1), std::move(large));
  CHECK(unit.bytes.data() == where);
  unit.take(in_db(2), "two");
  unit.add(in_db(3), "three");
  CHECK(story(unit) == "1:" + std::string(1000, 'x') + " 2:two 3:three ");
}

TEST_CASE("so is the first unit of a batch") {
  Unit first, second;
  first.take(in_db(1), std::string(1000, 'x'));
  first.add(in_db(1), "one");
  second.add(in_db(2), "two");
  second.add(in_db(3), "three");
  const char* const where = first.bytes.data();
  Batch batch;
  batch.append(std::move(first));
  CHECK(batch.bytes.data() == where);
  batch.append(std::move(second));
  batch.append(Unit{});
  CHECK(story(batch) == "1:" + std::string(1000, 'x') + " 1:one 2:two 3:three ");
}

}  // namespace
}  // namespace holdfast
