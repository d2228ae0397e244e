// Comparing words of the protocol: commands and options in any case.
#pragma once

#include <strings.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace holdfast {

inline bool same_word(std::string_view text, std::string_view word) {
  return text.size() == word.size() && strncasecmp(text.data(), word.data(), word.size()) == 0;
}

inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

inline std::string lowered(std::string_view text) {
  std::string word(text);
  std::transform(word.begin(), word.end(), word.begin(), lower);
  return word;
}

}  // namespace holdfast
