// The integers of RESP: lengths, counts and values. Shared by requests and replies, not for use outside resp/.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

// Up to this many digits a number fits into an int64_t whatever the digits are.
inline constexpr ptrdiff_t kSafeDigits = 18;

// The common form of what stands behind '*' or '$': digits without leading zeros, then "\r\n". Gives the byte behind
// it, or nullptr when something else is there or the line is not complete: then the caller has to look closely.
inline const char* read_plain_length(const char* begin, const char* end, int64_t* value) {
  const char* const limit = end - begin > kSafeDigits ? begin + kSafeDigits : end;
  const char* p = begin;
  int64_t sum = 0;
  for (; p != limit; ++p) {
    const unsigned digit = static_cast<unsigned char>(*p) - unsigned{'0'};
    if (digit > 9) break;
    sum = sum * 10 + static_cast<int64_t>(digit);
  }
  if (p == begin || (*begin == '0' && p - begin > 1)) return nullptr;
  if (end - p < 2 || p[0] != '\r' || p[1] != '\n') return nullptr;
  *value = sum;
  return p + 2;
}

// A number as Redis takes it (string2ll): no sign but '-', no leading zeros, no "-0", within int64_t.
inline std::optional<int64_t> parse_integer(std::string_view text) {
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.empty() || (digits.front() == '0' && text.size() > 1)) return std::nullopt;
  int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Appends `mark`, the number and a line end: "$16\r\n".
inline void append_number_line(std::string* out, char mark, int64_t value) {
  char line[24];
  line[0] = mark;
  char* end = std::to_chars(line + 1, line + sizeof(line) - 2, value).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out->append(line, static_cast<size_t>(end - line));
}

}  // namespace holdfast
