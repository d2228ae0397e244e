#include "core/resp/glob.h"

#include <algorithm>

namespace holdfast {
namespace {

// Whether `c` is in the class that begins behind the "[" at the front of `pattern`. Leaves the pattern at the class's
// last character; a class that is not closed ends with the pattern.
bool in_class(std::string_view* pattern, char c) {
  std::string_view& p = *pattern;
  p.remove_prefix(1);
  const bool negated = !p.empty() && p[0] == '^';
  if (negated) p.remove_prefix(1);
  bool found = false;
  for (;; p.remove_prefix(1)) {
    if (p.size() >= 2 && p[0] == '\\') {
      p.remove_prefix(1);
      found = found || p[0] == c;
    } else if (p.empty() || p[0] == ']') {
      break;
    } else if (p.size() >= 3 && p[1] == '-') {
      const auto [low, high] = std::minmax(p[0], p[2]);
      p.remove_prefix(2);
      found = found || (c >= low && c <= high);
    } else {
      found = found || p[0] == c;
    }
    if (p.size() <= 1) break;
  }
  return found != negated;
}

// Whether one character matches the first element of the pattern, which is moved behind it.
bool match_one(std::string_view* pattern, char c) {
  std::string_view& p = *pattern;
  bool matches = true;
  if (p[0] == '[') {
    matches = in_class(&p, c);
  } else if (p[0] != '?') {
    if (p[0] == '\\' && p.size() >= 2) p.remove_prefix(1);
    matches = p[0] == c;
  }
  if (!p.empty()) p.remove_prefix(1);
  return matches;
}

}  // namespace

// Only the last "*" can ever have to take more, so nothing is tried twice at more than one level: no pattern is slow.
bool glob_match(std::string_view pattern, std::string_view text) {
  if (text.empty()) return pattern.empty();
  std::string_view star_pattern, star_text;
  bool star = false;
  while (!text.empty()) {
    if (!pattern.empty() && pattern[0] == '*') {
      pattern.remove_prefix(1);
      star = true;
      star_pattern = pattern;
      star_text = text;
      continue;
    }
    if (!pattern.empty() && match_one(&pattern, text[0])) {
      text.remove_prefix(1);
      continue;
    }
    if (!star) return false;
    star_text.remove_prefix(1);
    pattern = star_pattern;
    text = star_text;
  }
  return std::all_of(pattern.begin(), pattern.end(), [](char c) { return c == '*'; });
}

}  // namespace holdfast
