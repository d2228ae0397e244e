#include "core/command/script_flags.h"

#include <openssl/sha.h>

#include <algorithm>
#include <iterator>

namespace holdfast {
namespace {

constexpr std::string_view kEngine = "#!lua";
constexpr std::string_view kOption = "flags=";
constexpr std::string_view kOthers[] = {"allow-stale", "no-cluster", "allow-cross-slot-keys"};

// Takes what stands before the next `separator` off the text.
std::string_view take_part(std::string_view* text, char separator) {
  const size_t end = std::min(text->find(separator), text->size());
  const std::string_view part = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return part;
}

}  // namespace

ScriptFlags script_flags(std::string_view script) {
  if (!script.starts_with(kEngine)) return {};
  const size_t end = script.find('\n');
  if (end == std::string_view::npos) return {};
  std::string_view line = script.substr(0, end);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (take_part(&line, ' ') != kEngine) return {};
  ScriptFlags flags{.declared = true};
  while (!line.empty()) {
    std::string_view option = take_part(&line, ' ');
    if (option.empty()) continue;
    if (!option.starts_with(kOption)) return {};
    option.remove_prefix(kOption.size());
    while (!option.empty()) {
      const std::string_view flag = take_part(&option, ',');
      if (flag == "no-writes") {
        flags.no_writes = true;
      } else if (flag == "allow-oom") {
        flags.allow_oom = true;
      } else if (std::find(std::begin(kOthers), std::end(kOthers), flag) == std::end(kOthers)) {
        return {};
      }
    }
  }
  return flags;
}

std::string script_sha(std::string_view script) {
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(script.data()), script.size(), digest);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace holdfast
