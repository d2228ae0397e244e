#include "core/stats/latency_histogram.h"

#include <algorithm>
#include <bit>

namespace holdfast {
namespace {

constexpr int64_t kLeast = 1, kMost = 1'000'000'000;
constexpr int64_t kFirstLevel = 1024;

}  // namespace

// Of the bucket: its power of two and its place in that.
size_t LatencyHistogram::index_of(int64_t value) {
  const auto bits = static_cast<size_t>(std::bit_width(static_cast<uint64_t>(value)));
  const size_t power = bits > kExactBits ? bits - kExactBits : 0;
  return power * kHalf + static_cast<size_t>(value >> power);
}

int64_t LatencyHistogram::lowest_of(size_t index) {
  const size_t power = index < 2 * kHalf ? 0 : index / kHalf - 1;
  return static_cast<int64_t>(index - power * kHalf) << power;
}

int64_t LatencyHistogram::highest_of(size_t index) { return lowest_of(index + 1) - 1; }

uint64_t LatencyHistogram::count_at(size_t index) const {
  const auto& block = blocks_[index / kHalf];
  return block ? (*block)[index % kHalf] : 0;
}

void LatencyHistogram::record(int64_t nanoseconds) {
  const size_t index = index_of(std::clamp(nanoseconds, kLeast, kMost));
  auto& block = blocks_[index / kHalf];
  if (!block) block = std::make_unique<std::array<uint64_t, kHalf>>();
  (*block)[index % kHalf]++;
  count_++;
}

int64_t LatencyHistogram::at_percentile(double percentile) const {
  const double share = std::min(percentile, 100.0) / 100;
  const auto wanted = std::max<uint64_t>(1, static_cast<uint64_t>(share * static_cast<double>(count_) + 0.5));
  uint64_t seen = 0;
  for (size_t index = 0; index < kBuckets; index++) {
    seen += count_at(index);
    if (seen >= wanted) return percentile == 0 ? lowest_of(index) : highest_of(index);
  }
  return 0;
}

std::vector<std::pair<int64_t, uint64_t>> LatencyHistogram::cumulative() const {
  std::vector<std::pair<int64_t, uint64_t>> levels;
  uint64_t seen = 0, told = 0;
  size_t index = 0;
  for (int64_t level = kFirstLevel; seen < count_; level *= 2) {
    const size_t end = std::min(index_of(level) + 1, kBuckets);
    for (; index < end; index++) seen += count_at(index);
    if (seen > told) levels.emplace_back(highest_of(index_of(level)) / 1000, seen);
    told = seen;
  }
  return levels;
}

}  // namespace holdfast
