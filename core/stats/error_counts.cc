#include "core/stats/error_counts.h"

namespace holdfast {
namespace {

constexpr size_t kLongestWord = 32;
constexpr std::string_view kOther = "ERR";

}  // namespace

std::string_view ErrorCounts::word_of(std::string_view reply) {
  const size_t space = reply.substr(0, kLongestWord).find(' ');
  return space == std::string_view::npos || space < 2 ? kOther : reply.substr(1, space - 1);
}

void ErrorCounts::add(std::string_view reply) {
  total_++;
  if (disabled_) return;
  const std::string_view word = word_of(reply);
  const auto found = by_word_.find(word);
  if (found != by_word_.end()) {
    found->second++;
  } else if (by_word_.size() < kMostWords || word == kOther) {
    by_word_.emplace(word, 1);
  } else if (beyond_ == Beyond::kOverflow) {
    by_word_["ERRORSTATS_OVERFLOW"]++;
  } else {
    disabled_ = true;
    by_word_.clear();
    by_word_["ERRORSTATS_DISABLED"] = 1;
  }
}

void ErrorCounts::reset() {
  disabled_ = false;
  total_ = 0;
  by_word_.clear();
}

}  // namespace holdfast
