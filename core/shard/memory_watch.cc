#include "core/shard/memory_watch.h"

#include <algorithm>

#include "core/shard/probe.h"

namespace holdfast {
namespace {

constexpr int64_t kIntervalMs = 100;
constexpr int64_t kRoomyMs = 1000;
constexpr int64_t kLeastStepBytes = 16 << 10;

}  // namespace

void MemoryWatch::set_limit(int64_t bytes) {
  limit_ = bytes;
  standing_in_ = false;
  noted_ = false;
  known_ = false;
  asked_ms_ = 0;
}

void MemoryWatch::on_redis_lost() {
  on_answer({});
  step_back();  // the next attach finds out
  changing_ = noted_ = false;
}

void MemoryWatch::stand_in(int64_t bytes, int64_t now_ms) {
  limit_ = bytes;
  standing_in_ = true;
  used_ = bytes + 1;
  over_ms_ = now_ms;
  known_ = true;
}

bool MemoryWatch::may_step_back() const { return standing_in_ && asked_ms_ - over_ms_ >= kRoomyMs; }

void MemoryWatch::step_back() {
  if (standing_in_) set_limit(0);
}

bool MemoryWatch::due(int64_t now_ms, int64_t written) const {
  if (limit_ == 0 || asked_) return false;
  const int64_t step = over() ? 1 : std::max((limit_ - used_) / 4, kLeastStepBytes);
  // A stream begun anew counts from elsewhere.
  return now_ms - asked_ms_ >= kIntervalMs || written < asked_written_ || written - asked_written_ >= step;
}

void MemoryWatch::on_asked(int64_t now_ms, int64_t written) {
  asked_ = true;
  asked_ms_ = now_ms;
  asked_written_ = written;
}

void MemoryWatch::on_answer(const std::string& info) {
  asked_ = false;
  const int64_t used = info_number(info, "used_memory");
  if (used == 0) return;
  known_ = true;
  used_ = used - info_number(info, "mem_not_counted_for_evict");
  if (!standing_in_) used_ -= info_number(info, "mem_replication_backlog");
  if (over()) over_ms_ = asked_ms_;
}

bool MemoryWatch::in_doubt(int64_t now_ms) const {
  if (limit_ == 0) return false;
  const bool on_its_way = asked_ && now_ms - asked_ms_ < kIntervalMs;
  return known_ ? over() && on_its_way : !asked_ || on_its_way;
}

}  // namespace holdfast
