// How many replies were errors, by their first word: WRONGTYPE, ERR … Scripts make up words of their own, so the number
// of words that are told apart is bounded, as in the newer builds.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace holdfast {

class ErrorCounts {
 public:
  static constexpr size_t kMostWords = 128;

  enum class Beyond : uint8_t {
    kDisabled,  // nothing more is told apart until reset(): Redis's way
    kOverflow,  // what is new counts as one: Valkey's
  };
  void set_beyond(Beyond beyond) { beyond_ = beyond; }

  // `reply` begins with "-".
  void add(std::string_view reply);
  void reset();

  uint64_t total() const { return total_; }
  const std::map<std::string, uint64_t, std::less<>>& by_word() const { return by_word_; }

  // The word that a reply counts under.
  static std::string_view word_of(std::string_view reply);

 private:
  Beyond beyond_ = Beyond::kDisabled;
  bool disabled_ = false;
  uint64_t total_ = 0;
  std::map<std::string, uint64_t, std::less<>> by_word_;
};

}  // namespace holdfast
