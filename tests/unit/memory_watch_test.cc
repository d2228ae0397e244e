// The limit that Holdfast keeps in Redis's place: when Redis is asked, and what counts.
#include "core/shard/memory_watch.h"

#include <doctest/doctest.h>

#include <string>

namespace holdfast {
namespace {

constexpr int64_t kMiB = 1 << 20;

std::string info(int64_t used, int64_t not_counted = 0, int64_t backlog = 0) {
  return "# Memory\r\nused_memory:" + std::to_string(used) +
         "\r\nmem_not_counted_for_evict:" + std::to_string(not_counted) +
         "\r\nmem_replication_backlog:" + std::to_string(backlog) + "\r\n";
}

MemoryWatch answered(int64_t limit, const std::string& text, int64_t now_ms = 1000, int64_t written = 0) {
  MemoryWatch watch(limit);
  watch.on_asked(now_ms, written);
  watch.on_answer(text);
  return watch;
}

TEST_CASE("memory watch: without a limit Redis is never asked") {
  CHECK_FALSE(MemoryWatch(0).due(1000000, 1000000));
  CHECK_FALSE(MemoryWatch(0).over());
}

TEST_CASE("memory watch: what counts is what Redis counts, without the backlog that it keeps for Holdfast") {
  CHECK(answered(10 * kMiB, info(10 * kMiB + 1)).over());
  CHECK_FALSE(answered(10 * kMiB, info(10 * kMiB)).over());
  CHECK_FALSE(answered(10 * kMiB, info(11 * kMiB, kMiB)).over());
  CHECK_FALSE(answered(10 * kMiB, info(11 * kMiB, 0, kMiB)).over());
}

TEST_CASE("memory watch: asked every 100 ms, one question at a time") {
  MemoryWatch watch(100 * kMiB);
  CHECK(watch.due(1000, 0));
  watch.on_asked(1000, 0);
  CHECK_FALSE(watch.due(5000, 50 * kMiB));
  watch.on_answer(info(20 * kMiB));
  CHECK_FALSE(watch.due(1099, 0));
  CHECK(watch.due(1100, 0));
}

TEST_CASE("memory watch: asked sooner when much was written for the room that is left") {
  const MemoryWatch watch = answered(100 * kMiB, info(20 * kMiB), 1000, 5 * kMiB);
  CHECK_FALSE(watch.due(1001, 24 * kMiB));
  CHECK(watch.due(1001, 25 * kMiB));
  CHECK(watch.due(1001, 4 * kMiB));  // the stream began anew
}

TEST_CASE("memory watch: over the limit any change is a reason, and until the answer nothing is refused") {
  MemoryWatch watch = answered(kMiB, info(2 * kMiB), 1000, 5);
  CHECK_FALSE(watch.due(1001, 5));
  CHECK_FALSE(watch.in_doubt(1001));
  CHECK(watch.due(1001, 6));
  watch.on_asked(1001, 6);
  CHECK(watch.in_doubt(1001));
  CHECK_FALSE(watch.in_doubt(1101));  // it takes too long: what was known counts
  watch.on_answer(info(kMiB / 2));
  CHECK_FALSE(watch.over());
}

TEST_CASE("memory watch: a new limit is in doubt until Redis has said how much it uses") {
  MemoryWatch watch = answered(0, info(2 * kMiB));
  CHECK_FALSE(watch.in_doubt(2000));
  watch.set_limit(kMiB);
  CHECK(watch.in_doubt(2000));
  CHECK(watch.due(2000, 0));
  watch.on_asked(2000, 0);
  CHECK(watch.in_doubt(2000));
  CHECK_FALSE(watch.in_doubt(2100));
  watch.on_answer(info(2 * kMiB));
  CHECK_FALSE(watch.in_doubt(2000));
  CHECK(watch.over());
  watch.set_limit(0);
  CHECK_FALSE(watch.in_doubt(2000));
}

TEST_CASE("memory watch: standing in for a Redis that has nothing to evict, until there has been room for a second") {
  MemoryWatch watch(0);
  watch.stand_in(kMiB, 1000);
  CHECK(watch.stands_in());
  CHECK(watch.over());
  auto ask = [&watch](int64_t now_ms, const std::string& answer) {
    watch.on_asked(now_ms, 0);
    watch.on_answer(answer);
  };
  ask(1100, info(kMiB + 1, 0, kMiB));  // Redis itself counts the backlog
  CHECK(watch.over());
  ask(1200, info(kMiB));
  CHECK_FALSE(watch.over());
  CHECK_FALSE(watch.may_step_back());
  ask(2099, info(kMiB));
  CHECK_FALSE(watch.may_step_back());
  ask(2100, info(kMiB));
  CHECK(watch.may_step_back());
  watch.step_back();
  CHECK_FALSE(watch.stands_in());
  CHECK(watch.limit() == 0);
  // One that is Holdfast's own stays.
  watch.set_limit(kMiB);
  watch.step_back();
  CHECK(watch.limit() == kMiB);
}

TEST_CASE("memory watch: scripts are stopped at a limit that is Holdfast's own, but not while it is being changed") {
  MemoryWatch watch = answered(kMiB, info(2 * kMiB));
  CHECK(watch.stops_scripts());
  watch.on_noted();
  CHECK(watch.noted());
  watch.begin_change();
  CHECK_FALSE(watch.stops_scripts());
  CHECK_FALSE(watch.noted());  // what Redis is given it must have noted with that
  watch.end_change();
  CHECK(watch.stops_scripts());
  watch.on_noted();
  watch.set_limit(kMiB / 2);
  CHECK_FALSE(watch.noted());
  SUBCASE("Redis has the limit again") {
    watch.stand_in(kMiB, 1000);
    CHECK(watch.over());
    CHECK_FALSE(watch.stops_scripts());
  }
  SUBCASE("a Redis that comes back has noted nothing") {
    watch.on_noted();
    watch.begin_change();
    watch.on_redis_lost();
    CHECK_FALSE(watch.noted());
    CHECK(watch.stops_scripts());
  }
  SUBCASE("there is room") {
    watch.set_limit(4 * kMiB);
    watch.on_answer(info(2 * kMiB));
    CHECK_FALSE(watch.stops_scripts());
  }
}

TEST_CASE("memory watch: an answer that is none changes nothing") {
  MemoryWatch watch = answered(kMiB, info(2 * kMiB));
  watch.on_asked(2000, 0);
  watch.on_answer("");
  CHECK(watch.over());
  CHECK_FALSE(watch.in_doubt(2000));
}

}  // namespace
}  // namespace holdfast
