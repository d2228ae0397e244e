#include "core/command/rewrite.h"

#include <charconv>
#include <limits>
#include <optional>

#include "core/resp/request.h"

namespace holdfast {
namespace {

using Args = std::vector<std::string_view>;

constexpr int64_t kMaxInt = std::numeric_limits<int64_t>::max();
constexpr int64_t kMinInt = std::numeric_limits<int64_t>::min();

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// `word` is in upper case.
bool is(std::string_view text, std::string_view word) {
  if (text.size() != word.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (upper(text[i]) != word[i]) return false;
  }
  return true;
}

// As string2ll() of Redis: no sign but "-", no leading zeros, no "-0", nothing around it.
std::optional<int64_t> parse_integer(std::string_view text) {
  if (text == "0") return 0;
  const size_t first_digit = !text.empty() && text[0] == '-' ? 1 : 0;
  if (text.size() == first_digit || text[first_digit] < '1' || text[first_digit] > '9') return std::nullopt;
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc{} || result.ptr != end) return std::nullopt;
  return value;
}

// How a command gives its time.
struct TimeForm {
  bool seconds = false;
  bool relative = false;
};

// In Unix milliseconds; nothing if Redis would refuse the time, or computes it with an overflow.
std::optional<int64_t> absolute_time(std::string_view text, TimeForm form, int64_t now_ms) {
  auto value = parse_integer(text);
  if (!value) return std::nullopt;
  if (form.seconds) {
    if (*value > kMaxInt / 1000 || *value < kMinInt / 1000) return std::nullopt;
    *value *= 1000;
  }
  if (form.relative) {
    if (*value > kMaxInt - now_ms) return std::nullopt;
    *value += now_ms;
  }
  return value;
}

// The same for commands that take no time of zero or below.
std::optional<int64_t> positive_absolute_time(std::string_view text, TimeForm form, int64_t now_ms) {
  if (text.empty() || text[0] == '-' || text == "0") return std::nullopt;
  return absolute_time(text, form, now_ms);
}

// EX, PX and EXAT; PXAT is no case for a rewriting.
std::optional<TimeForm> expiry_option(std::string_view option) {
  if (is(option, "EX")) return TimeForm{.seconds = true, .relative = true};
  if (is(option, "PX")) return TimeForm{.seconds = false, .relative = true};
  if (is(option, "EXAT")) return TimeForm{.seconds = true, .relative = false};
  return std::nullopt;
}

bool rewrite_set(const Args& argv, int64_t now_ms, std::string* out) {
  size_t expiry_at = 0;
  bool nx = false;
  bool xx = false;
  for (size_t i = 3; i < argv.size(); ++i) {
    if (is(argv[i], "NX")) {
      nx = true;
    } else if (is(argv[i], "XX")) {
      xx = true;
    } else if (expiry_option(argv[i]) && expiry_at == 0 && i + 1 < argv.size()) {
      expiry_at = i++;
    } else if (!is(argv[i], "GET")) {
      return false;  // KEEPTTL does not go with a time; PXAT is what we want; the rest is not known here
    }
  }
  if (expiry_at == 0 || (nx && xx)) return false;
  const auto time = positive_absolute_time(argv[expiry_at + 1], *expiry_option(argv[expiry_at]), now_ms);
  if (!time) return false;

  const std::string text = std::to_string(*time);
  Args rewritten = argv;
  rewritten[expiry_at] = "PXAT";
  rewritten[expiry_at + 1] = text;
  append_request(out, rewritten);
  return true;
}

bool rewrite_setex(const Args& argv, TimeForm form, int64_t now_ms, std::string* out) {
  if (argv.size() != 4) return false;
  const auto time = positive_absolute_time(argv[2], form, now_ms);
  if (!time) return false;
  append_request(out, {"SET", argv[1], argv[3], "PXAT", std::to_string(*time)});
  return true;
}

bool rewrite_getex(const Args& argv, int64_t now_ms, std::string* out) {
  if (argv.size() != 4) return false;
  const auto form = expiry_option(argv[2]);
  if (!form) return false;
  const auto time = positive_absolute_time(argv[3], *form, now_ms);
  if (!time) return false;
  append_request(out, {argv[0], argv[1], "PXAT", std::to_string(*time)});
  return true;
}

// The options that EXPIRE and its like take, and that go together.
bool expire_options_fit(const Args& argv) {
  bool nx = false;
  bool xx = false;
  bool gt = false;
  bool lt = false;
  for (size_t i = 3; i < argv.size(); ++i) {
    if (is(argv[i], "NX")) {
      nx = true;
    } else if (is(argv[i], "XX")) {
      xx = true;
    } else if (is(argv[i], "GT")) {
      gt = true;
    } else if (is(argv[i], "LT")) {
      lt = true;
    } else {
      return false;
    }
  }
  return !(nx && (xx || gt || lt)) && !(gt && lt);
}

bool rewrite_expire(const Args& argv, TimeForm form, int64_t now_ms, std::string* out) {
  if (argv.size() < 3 || !expire_options_fit(argv)) return false;
  auto time = absolute_time(argv[2], form, now_ms);  // a time that has passed is legal: it deletes
  if (!time) return false;
  // "At once" must be at once on Redis's clock too, which may be a moment behind ours.
  if (form.relative && *time <= now_ms) time = 0;

  const std::string text = std::to_string(*time);
  Args rewritten = argv;
  rewritten[0] = "PEXPIREAT";
  rewritten[2] = text;
  append_request(out, rewritten);
  return true;
}

// RESTORE's options without ABSTTL, as far as they are legal.
bool restore_options_fit(const Args& argv) {
  bool idletime = false;
  bool freq = false;
  for (size_t i = 4; i < argv.size(); ++i) {
    if (is(argv[i], "REPLACE")) continue;
    const bool has_value = i + 1 < argv.size();
    if (is(argv[i], "IDLETIME") && has_value && !freq) {
      idletime = true;
    } else if (is(argv[i], "FREQ") && has_value && !idletime) {
      freq = true;
    } else {
      return false;
    }
    const auto value = parse_integer(argv[++i]);
    if (!value || *value < 0 || (freq && *value > 255)) return false;
  }
  return true;
}

bool rewrite_restore(const Args& argv, int64_t now_ms, std::string* out) {
  if (argv.size() < 4 || !restore_options_fit(argv)) return false;
  const auto time = positive_absolute_time(argv[2], {.seconds = false, .relative = true}, now_ms);
  if (!time) return false;

  const std::string text = std::to_string(*time);
  Args rewritten = argv;
  rewritten[2] = text;
  rewritten.emplace_back("ABSTTL");
  append_request(out, rewritten);
  return true;
}

}  // namespace

bool make_absolute(const std::vector<std::string_view>& argv, int64_t now_ms, const BackendFeatures& features,
                   std::string* out) {
  if (argv.size() < 3) return false;
  const std::string_view name = argv[0];
  out->clear();
  switch (name.size()) {  // a cheap no for nearly all commands
    case 3: return features.set_pxat && argv.size() > 4 && is(name, "SET") && rewrite_set(argv, now_ms, out);
    case 5:
      if (!features.set_pxat) return false;
      if (is(name, "SETEX")) return rewrite_setex(argv, {.seconds = true, .relative = true}, now_ms, out);
      return is(name, "GETEX") && rewrite_getex(argv, now_ms, out);
    case 6:
      if (is(name, "EXPIRE")) return rewrite_expire(argv, {.seconds = true, .relative = true}, now_ms, out);
      return features.set_pxat && is(name, "PSETEX") &&
             rewrite_setex(argv, {.seconds = false, .relative = true}, now_ms, out);
    case 7:
      if (is(name, "PEXPIRE")) return rewrite_expire(argv, {.seconds = false, .relative = true}, now_ms, out);
      return is(name, "RESTORE") && rewrite_restore(argv, now_ms, out);
    case 8: return is(name, "EXPIREAT") && rewrite_expire(argv, {.seconds = true, .relative = false}, now_ms, out);
    default: return false;
  }
}

}  // namespace holdfast
