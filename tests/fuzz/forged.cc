#include "tests/fuzz/forged.h"

#include <xxhash.h>

#include <algorithm>
#include <cstdio>

namespace holdfast::fuzz {

std::string_view take_line(std::string_view* bytes) {
  const size_t end = std::min(bytes->find('\n'), bytes->size());
  const std::string_view line = bytes->substr(0, end);
  bytes->remove_prefix(std::min(end + 1, bytes->size()));
  return line;
}

std::string with_checksum(std::string_view header, std::string_view value, uint64_t previous) {
  if (!header.ends_with(" c=!")) return std::string(header);
  std::string text(header.substr(0, header.size() - 4));
  const uint64_t seed = text.starts_with("hf1 C") ? 0 : previous;
  const uint64_t over_header = XXH3_64bits_withSeed(text.data(), text.size(), seed);
  char digits[24];
  std::snprintf(digits, sizeof digits, " c=%016llx",
                static_cast<unsigned long long>(XXH3_64bits_withSeed(value.data(), value.size(), over_header)));
  return text + digits;
}

}  // namespace holdfast::fuzz
