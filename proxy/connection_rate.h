// So many connections in a second and no more.
#pragma once

#include <cstdint>

namespace holdfast {

class ConnectionRate {
 public:
  explicit ConnectionRate(int64_t per_second) : per_second_(per_second) {}  // 0: no limit

  // Whether there may be one more now.
  bool take(int64_t now_ms) {
    if (now_ms - second_began_ms_ >= 1000) {
      second_began_ms_ = now_ms;
      taken_ = 0;
    }
    if (per_second_ > 0 && taken_ >= per_second_) return false;
    taken_++;
    return true;
  }

 private:
  const int64_t per_second_;
  int64_t second_began_ms_ = -1000;
  int64_t taken_ = 0;
};

}  // namespace holdfast
