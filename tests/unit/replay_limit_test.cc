// Time travel: which of the pieces of a replay belong to the state at a position or a time.
#include "core/replication/replay_limit.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace holdfast {
namespace {

constexpr Position kAnyPosition = std::numeric_limits<Position>::max();
constexpr int64_t kAnyTime = std::numeric_limits<int64_t>::max();

ReplayPiece batch(Position position, int64_t time_ms) {
  return {"b" + std::to_string(position), position, true, position, time_ms, {}};
}

ReplayPiece after(Position of, Position recorded, int64_t time_ms) {
  return {"a" + std::to_string(of) + "@" + std::to_string(recorded), of, false, recorded, time_ms, {}};
}

// Batches at 1, 2 and 5; effects behind 1 and 2 told at 3 and 4; behind 5 at 6. Times are ten times the position.
std::vector<ReplayPiece> pieces() {
  return {batch(1, 10), after(1, 3, 30), batch(2, 20), after(2, 3, 30), after(2, 4, 40), batch(5, 50), after(5, 6, 60)};
}

std::string admitted(ReplayLimit limit, std::vector<ReplayPiece> all) {
  std::string out;
  for (const ReplayPiece& piece : limit.admit(std::move(all))) out += (out.empty() ? "" : " ") + piece.commands;
  return out;
}

TEST_CASE("without a limit all is admitted") {
  CHECK(admitted(ReplayLimit(), pieces()) == "b1 a1@3 b2 a2@3 a2@4 b5 a5@6");
  ReplayLimit limit;
  limit.admit(pieces());
  CHECK(!limit.reached());
}

TEST_CASE("to a position: the batches through it, and of the effects between them what was told by then") {
  const auto to = [](Position position) { return admitted(ReplayLimit(position, kAnyTime), pieces()); };
  CHECK(to(0) == "");
  CHECK(to(1) == "b1");
  // What happened before batch 2 must be there for batch 2 to do what it did, told later or not.
  CHECK(to(2) == "b1 a1@3 b2");
  CHECK(to(3) == "b1 a1@3 b2 a2@3");
  CHECK(to(4) == "b1 a1@3 b2 a2@3 a2@4");
  CHECK(to(5) == "b1 a1@3 b2 a2@3 a2@4 b5");
  CHECK(to(6) == "b1 a1@3 b2 a2@3 a2@4 b5 a5@6");
}

TEST_CASE("to a time: the same by the records' times") {
  const auto to = [](int64_t time_ms) { return admitted(ReplayLimit(kAnyPosition, time_ms), pieces()); };
  CHECK(to(9) == "");
  CHECK(to(10) == "b1");
  CHECK(to(29) == "b1 a1@3 b2");
  CHECK(to(30) == "b1 a1@3 b2 a2@3");
  CHECK(to(59) == "b1 a1@3 b2 a2@3 a2@4 b5");
}

TEST_CASE("both limits hold") {
  CHECK(admitted(ReplayLimit(2, 10), pieces()) == "b1");
  CHECK(admitted(ReplayLimit(1, 50), pieces()) == "b1");
}

TEST_CASE("once reached it stays reached, also when clocks go back") {
  ReplayLimit limit(kAnyPosition, 25);
  CHECK(limit.admit({batch(1, 10)}).size() == 1);
  CHECK(!limit.reached());
  CHECK(limit.admit({batch(2, 30)}).empty());
  CHECK(limit.reached());
  CHECK(limit.admit({batch(3, 20), after(3, 4, 20)}).empty());
}

TEST_CASE("what came late waits for its batch across calls") {
  ReplayLimit limit(5, kAnyTime);
  CHECK(limit.admit({batch(1, 10), after(1, 6, 60)}).size() == 1);
  const std::vector<ReplayPiece> next = limit.admit({batch(5, 50)});
  REQUIRE(next.size() == 2);
  CHECK(next[0].commands == "a1@6");
  CHECK(next[1].commands == "b5");
  CHECK(limit.admit({after(5, 7, 70), batch(8, 80)}).empty());
  CHECK(limit.reached());
}

}  // namespace
}  // namespace holdfast
