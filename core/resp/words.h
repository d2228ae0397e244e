// Comparing words of the protocol: commands and options in any case.
#pragma once

#include <strings.h>

#include <string_view>

namespace holdfast {

inline bool same_word(std::string_view text, std::string_view word) {
  return text.size() == word.size() && strncasecmp(text.data(), word.data(), word.size()) == 0;
}

}  // namespace holdfast
