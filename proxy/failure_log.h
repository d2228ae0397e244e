// Messages about what strangers can make happen as often as they like: one now and then, with how many were left out.
#pragma once

#include <cstdint>
#include <string>

namespace holdfast {

class FailureLog {
 public:
  // The message for people, or an empty text: not now.
  std::string note(const std::string& message, int64_t now_ms) {
    if (said_ && now_ms - said_ms_ < kEveryMs) {
      left_out_++;
      return {};
    }
    std::string text = message;
    if (left_out_ > 0) text += " (and " + std::to_string(left_out_) + " like it since the last such message)";
    said_ = true;
    said_ms_ = now_ms;
    left_out_ = 0;
    return text;
  }

 private:
  static constexpr int64_t kEveryMs = 10'000;

  bool said_ = false;
  int64_t said_ms_ = 0;
  uint64_t left_out_ = 0;
};

}  // namespace holdfast
