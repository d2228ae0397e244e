// Time and CPU time of the measuring programs, and how they tell the driver where the measured time begins.
#pragma once

#include <time.h>

#include <cstdint>
#include <cstdio>

namespace holdfast::bench {

inline int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

inline int64_t to_ns(double seconds) { return static_cast<int64_t>(seconds * 1e9); }

// The driver reads the CPU time of all processes when it sees these lines.
inline void say_line(const char* line) {
  std::puts(line);
  std::fflush(stdout);
}
inline constexpr const char* kMeasuring = "measuring";
inline constexpr const char* kMeasured = "measured";

}  // namespace holdfast::bench
