#include "core/shard/memory_watch.h"

#include <algorithm>
#include <charconv>

#include "core/shard/probe.h"

namespace holdfast {
namespace {

constexpr int64_t kIntervalMs = 100;
constexpr int64_t kLeastStepBytes = 16 << 10;

int64_t number_field(const std::string& info, const std::string& name) {
  const std::string text = info_field(info, name);
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

void MemoryWatch::set_limit(int64_t bytes) {
  limit_ = bytes;
  asked_ms_ = 0;
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
  const int64_t used = number_field(info, "used_memory");
  if (used == 0) return;
  used_ = used - number_field(info, "mem_not_counted_for_evict") - number_field(info, "mem_replication_backlog");
}

bool MemoryWatch::in_doubt(int64_t now_ms) const { return over() && asked_ && now_ms - asked_ms_ < kIntervalMs; }

}  // namespace holdfast
