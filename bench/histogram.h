// Counts times in buckets that are at most 0.8 % wide, so that percentiles far out are as exact as the middle.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

namespace holdfast::bench {

class Histogram {
 public:
  void add(int64_t nanoseconds) {
    const uint64_t value = nanoseconds > 0 ? static_cast<uint64_t>(nanoseconds) : 0;
    ++buckets_[index_of(value)];
    ++count_;
    largest_ = std::max(largest_, value);
  }

  uint64_t count() const { return count_; }

  // The time, in microseconds, that `share` (0 to 1) of all stayed within.
  double percentile_us(double share) const {
    const auto wanted = static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_)));
    uint64_t seen = 0;
    for (size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen >= wanted && seen > 0) return static_cast<double>(std::min(end_of(i), largest_)) / 1000;
    }
    return 0;
  }

  nlohmann::json to_json() const {
    return {{"p50_us", percentile_us(0.5)},
            {"p99_us", percentile_us(0.99)},
            {"p999_us", percentile_us(0.999)},
            {"max_us", static_cast<double>(largest_) / 1000}};
  }

 private:
  // Values below 256 have a bucket each; above, each power of two is divided into 128.
  static constexpr unsigned kFineBits = 7;
  static constexpr uint64_t kFine = uint64_t{1} << kFineBits;

  static size_t index_of(uint64_t value) {
    if (value < 2 * kFine) return value;
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - kFineBits - 1;
    return shift * kFine + (value >> shift);
  }
  static uint64_t end_of(size_t index) {
    if (index < 2 * kFine) return index;
    const unsigned shift = static_cast<unsigned>(index / kFine) - 1;
    return ((index % kFine + kFine + 1) << shift) - 1;
  }

  std::vector<uint64_t> buckets_ = std::vector<uint64_t>((64 - kFineBits + 1) * kFine);
  uint64_t count_ = 0;
  uint64_t largest_ = 0;
};

}  // namespace holdfast::bench
