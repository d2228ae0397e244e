#include "recovery/moment.h"

#include <charconv>
#include <chrono>
#include <ctime>
#include <optional>
#include <utility>

namespace holdfast {
namespace {

constexpr int64_t kMsDigits = 12;  // Unix seconds reach 12 digits in the year 5138, milliseconds had them in 1973

// Takes a number of exactly `digits` digits off the front.
bool take_digits(std::string_view* text, size_t digits, int* number) {
  if (text->size() < digits) return false;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + digits, *number);
  if (failed != std::errc() || end != text->data() + digits || *number < 0) return false;
  text->remove_prefix(digits);
  return true;
}

bool take_char(std::string_view* text, std::string_view any_of) {
  if (text->empty() || any_of.find(text->front()) == std::string_view::npos) return false;
  text->remove_prefix(1);
  return true;
}

std::optional<int64_t> parse_iso(std::string_view text) {
  tm time{};
  int ms = 0;
  if (!take_digits(&text, 4, &time.tm_year) || !take_char(&text, "-") || !take_digits(&text, 2, &time.tm_mon) ||
      !take_char(&text, "-") || !take_digits(&text, 2, &time.tm_mday)) {
    return std::nullopt;
  }
  if (take_char(&text, "Tt ")) {
    if (!take_digits(&text, 2, &time.tm_hour) || !take_char(&text, ":") || !take_digits(&text, 2, &time.tm_min)) {
      return std::nullopt;
    }
    if (take_char(&text, ":") && !take_digits(&text, 2, &time.tm_sec)) return std::nullopt;
    if (take_char(&text, ".,")) {
      size_t digits = 0;
      for (int digit = 0; !text.empty() && text[0] >= '0' && text[0] <= '9' && take_digits(&text, 1, &digit);) {
        if (++digits <= 3) ms = ms * 10 + digit;
      }
      if (digits == 0) return std::nullopt;
      for (; digits < 3; digits++) ms *= 10;
    }
  }
  if (!text.empty() && text != "Z" && text != "z" && text != "+00:00") return std::nullopt;
  if (time.tm_mon < 1 || time.tm_mon > 12 || time.tm_mday < 1 || time.tm_mday > 31 || time.tm_hour > 23 ||
      time.tm_min > 59 || time.tm_sec > 60) {
    return std::nullopt;
  }
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  return int64_t{timegm(&time)} * 1000 + ms;
}

std::optional<int64_t> parse_span(std::string_view text) {
  constexpr std::pair<std::string_view, int64_t> kUnits[] = {
      {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  constexpr int64_t kLongest = 1'000'000'000'000'000;  // some 30,000 years
  int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || number < 0) return std::nullopt;
  const std::string_view rest(end, static_cast<size_t>(text.data() + text.size() - end));
  for (const auto& [unit, ms] : kUnits) {
    if (rest == unit && number <= kLongest / ms) return number * ms;
  }
  return std::nullopt;
}

std::string with_ms(const tm& time, const char* format, int64_t unix_ms) {
  char text[40];
  const size_t length = std::strftime(text, sizeof text, format, &time);
  char ms[8];
  std::snprintf(ms, sizeof ms, ".%03d", static_cast<int>(((unix_ms % 1000) + 1000) % 1000));
  return std::string(text, length) + ms;
}

time_t seconds_of(int64_t unix_ms) { return static_cast<time_t>(unix_ms / 1000 - (unix_ms % 1000 < 0 ? 1 : 0)); }

}  // namespace

Result<int64_t> parse_moment(std::string_view text, int64_t now_ms) {
  if (text.starts_with('-')) {
    if (const std::optional<int64_t> ago = parse_span(text.substr(1))) return now_ms - *ago;
  } else {
    int64_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed == std::errc() && end == text.data() + text.size()) {
      return static_cast<int64_t>(text.size()) >= kMsDigits ? number : number * 1000;
    }
    if (const std::optional<int64_t> moment = parse_iso(text)) return *moment;
  }
  return Error{'"' + std::string(text) +
               "\" is no time: give Unix seconds or milliseconds, ISO 8601 in UTC (2025-03-01T12:30:00Z), or how long "
               "ago (-90s, -5m, -2h, -1d)"};
}

std::string utc_text(int64_t unix_ms) {
  const time_t seconds = seconds_of(unix_ms);
  tm time{};
  gmtime_r(&seconds, &time);
  return with_ms(time, "%04Y-%m-%dT%H:%M:%S", unix_ms) + "Z";
}

std::string local_text(int64_t unix_ms) {
  const time_t seconds = seconds_of(unix_ms);
  tm time{};
  localtime_r(&seconds, &time);
  char zone[8];
  std::strftime(zone, sizeof zone, " %z", &time);
  return with_ms(time, "%04Y-%m-%d %H:%M:%S", unix_ms) + zone;
}

int64_t now_unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace holdfast
