#include "core/command/read_keys.h"

#include <algorithm>
#include <charconv>

#include "core/resp/words.h"

namespace holdfast {
namespace {

using Argv = std::vector<std::string_view>;

// Where the number of keys stands, the keys behind it.
constexpr struct {
  std::string_view name;
  size_t number_at;
} kCounted[] = {
    {"eval", 2},       {"eval_ro", 2}, {"evalsha", 2}, {"evalsha_ro", 2}, {"fcall", 2},  {"fcall_ro", 2},
    {"sintercard", 1}, {"zdiff", 1},   {"zinter", 1},  {"zintercard", 1}, {"zunion", 1},
};

std::vector<std::string_view> some(const Argv& argv, size_t first, size_t count) {
  if (first > argv.size()) return {};
  const auto begin = argv.begin() + static_cast<std::ptrdiff_t>(first);
  return {begin, begin + static_cast<std::ptrdiff_t>(std::min(count, argv.size() - first))};
}

}  // namespace

std::vector<std::string_view> keys_read(const CommandInfo& command, const Argv& argv) {
  for (const auto& counted : kCounted) {
    if (counted.name != command.name || argv.size() <= counted.number_at) continue;
    const std::string_view text = argv[counted.number_at];
    size_t count = 0;
    std::from_chars(text.data(), text.data() + text.size(), count);
    return some(argv, counted.number_at + 1, count);
  }
  if (command.logged) return {};
  if (command.name == "xread") {
    const auto streams =
        std::find_if(argv.begin(), argv.end(), [](std::string_view word) { return same_word(word, "STREAMS"); });
    const size_t first = static_cast<size_t>(streams - argv.begin()) + 1;
    return first < argv.size() ? some(argv, first, (argv.size() - first) / 2) : Argv();
  }
  Argv keys;
  for_each_key(command, argv, [&](std::string_view key) { keys.push_back(key); });
  return keys;
}

}  // namespace holdfast
