#include "core/stats/latency_histogram.h"

#include <doctest/doctest.h>

#include <vector>

namespace holdfast {
namespace {

using Levels = std::vector<std::pair<int64_t, uint64_t>>;

TEST_CASE("latency histogram: percentiles are those that Redis tells of the same times") {
  // Out of INFO latencystats and LATENCY HISTOGRAM of Redis 7.0.15 and 8.2.3.
  constexpr struct {
    int64_t microseconds;
    int64_t told_ns;
    int64_t level;
  } kTold[] = {{3, 3007, 4},     {4, 4015, 4},       {6, 6015, 8},         {9, 9023, 16},
               {98, 98303, 132}, {426, 428031, 528}, {1225, 1228799, 2113}};
  for (const auto& told : kTold) {
    CAPTURE(told.microseconds);
    LatencyHistogram histogram;
    histogram.record(told.microseconds * 1000);
    CHECK(histogram.at_percentile(50) == told.told_ns);
    CHECK(histogram.at_percentile(99.9) == told.told_ns);
    CHECK(histogram.cumulative() == Levels{{told.level, 1}});
  }
}

TEST_CASE("latency histogram: every value is told with an error of a 128th at most") {
  for (int64_t value = 1; value < 1'000'000'000; value += 1 + value / 50) {
    LatencyHistogram histogram;
    histogram.record(value);
    const int64_t most = histogram.at_percentile(50), least = histogram.at_percentile(0);
    CHECK(least <= value);
    CHECK(value <= most);
    CHECK(most - least <= value / 128);
  }
}

TEST_CASE("latency histogram: what is out of its range counts at its end") {
  LatencyHistogram histogram;
  histogram.record(0);
  histogram.record(-5);
  CHECK(histogram.at_percentile(100) == 1);
  histogram.record(60'000'000'000);
  CHECK(histogram.at_percentile(100) > 1'000'000'000);
  CHECK(histogram.at_percentile(100) < 1'010'000'000);
  CHECK(histogram.count() == 3);
}

TEST_CASE("latency histogram: percentiles of many values") {
  LatencyHistogram histogram;
  for (int64_t i = 1; i <= 1000; i++) histogram.record(i * 1000);
  CHECK(histogram.at_percentile(0) == 1000);
  CHECK(histogram.at_percentile(50) / 1000 == 501);
  CHECK(histogram.at_percentile(99) / 1000 == 991);
  CHECK(histogram.at_percentile(100) / 1000 == 1003);
}

TEST_CASE("latency histogram: levels tell only where there is more") {
  LatencyHistogram histogram;
  CHECK(histogram.cumulative().empty());
  for (const int64_t microseconds : {1, 1, 3, 300}) histogram.record(microseconds * 1000);
  CHECK(histogram.cumulative() == Levels{{1, 2}, {4, 3}, {528, 4}});
}

}  // namespace
}  // namespace holdfast
