// How long something took, as a histogram of bounded error (a 128th of the value at most): for each power of two the
// same number of buckets. The buckets, and so what is told, are those of Redis's own HDR histograms: from a nanosecond
// to a second, to two decimal digits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace holdfast {

class LatencyHistogram {
 public:
  void record(int64_t nanoseconds);
  uint64_t count() const { return count_; }

  // In nanoseconds: the largest value that cannot be told from the one at this percentile.
  int64_t at_percentile(double percentile) const;

  // For LATENCY HISTOGRAM: (microseconds, how many took no longer), by powers of two from 1024 ns on; only where there
  // are more than before.
  std::vector<std::pair<int64_t, uint64_t>> cumulative() const;

 private:
  // Values below 256 have a bucket each; then 128 buckets for each power of two.
  static constexpr size_t kExactBits = 8;
  static constexpr size_t kHalf = size_t{1} << (kExactBits - 1);
  static constexpr size_t kBlocks = 24;
  static constexpr size_t kBuckets = kBlocks * kHalf;
  static size_t index_of(int64_t value);
  static int64_t lowest_of(size_t index);
  static int64_t highest_of(size_t index);
  uint64_t count_at(size_t index) const;

  // By power of two, made when it is needed: what a command takes is mostly within a few.
  std::array<std::unique_ptr<std::array<uint64_t, kHalf>>, kBlocks> blocks_;
  uint64_t count_ = 0;
};

}  // namespace holdfast
