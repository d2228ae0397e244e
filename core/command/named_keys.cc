#include "core/command/named_keys.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "core/resp/words.h"

namespace holdfast {
namespace {

using Argv = std::vector<std::string_view>;
using Keys = std::vector<std::string_view>;

// Where the number of keys stands, the keys behind it; what stands before it may be a key, too.
struct Counted {
  std::string_view name;
  size_t number_at;
  size_t destination_at = 0;  // 0: none
  size_t step = 1;
};
constexpr Counted kCounted[] = {
    {"blmpop", 2},         {"bzmpop", 2}, {"eval", 2},          {"eval_ro", 2},        {"evalsha", 2},
    {"evalsha_ro", 2},     {"fcall", 2},  {"fcall_ro", 2},      {"lmpop", 1},          {"msetex", 1, 0, 2},
    {"sintercard", 1},     {"zdiff", 1},  {"zdiffstore", 2, 1}, {"zinter", 1},         {"zintercard", 1},
    {"zinterstore", 2, 1}, {"zmpop", 1},  {"zunion", 1},        {"zunionstore", 2, 1},
};

bool runs_script(std::string_view name) { return name.starts_with("eval") || name.starts_with("fcall"); }

Keys counted_keys(const Counted& where, const Argv& argv) {
  const std::string_view text = argv[where.number_at];
  size_t count = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), count);
  const size_t first = where.number_at + 1;
  const bool number = problem == std::errc() && end == text.data() + text.size();
  if (!number || count > (argv.size() - first) / where.step) return {};
  Keys keys;
  if (where.destination_at > 0) keys.push_back(argv[where.destination_at]);
  for (size_t i = 0; i < count; i++) keys.push_back(argv[first + i * where.step]);
  return keys;
}

// XREAD and XREADGROUP: behind STREAMS as many keys as ids. The group may be called so, too.
Keys stream_keys(const Argv& argv) {
  size_t i = 1;
  for (; i < argv.size() && !same_word(argv[i], "STREAMS"); i++) {
    if (same_word(argv[i], "GROUP")) {
      i += 2;
    } else if (same_word(argv[i], "BLOCK") || same_word(argv[i], "COUNT") || same_word(argv[i], "CLAIM")) {
      i++;
    } else if (!same_word(argv[i], "NOACK")) {
      return {};
    }
  }
  const size_t first = i + 1;
  if (first >= argv.size() || (argv.size() - first) % 2 != 0) return {};
  const auto begin = argv.begin() + static_cast<std::ptrdiff_t>(first);
  return {begin, begin + static_cast<std::ptrdiff_t>((argv.size() - first) / 2)};
}

// SORT: the last STORE counts. An option's argument is none itself.
Keys sort_keys(const Argv& argv) {
  Keys keys = {argv[1]};
  for (size_t i = 2; i < argv.size(); i++) {
    if (same_word(argv[i], "LIMIT")) {
      i += 2;
    } else if (same_word(argv[i], "BY") || same_word(argv[i], "GET")) {
      i++;
    } else if (same_word(argv[i], "STORE") && i + 1 < argv.size()) {
      keys.resize(1);
      keys.push_back(argv[++i]);
    }
  }
  return keys;
}

Keys georadius_keys(const Argv& argv) {
  Keys keys = {argv[1]};
  for (size_t i = 5; i + 1 < argv.size(); i++) {
    if (!same_word(argv[i], "STORE") && !same_word(argv[i], "STOREDIST")) continue;
    keys.resize(1);
    keys.push_back(argv[++i]);
  }
  return keys;
}

// STRALGO of 6.2: LCS KEYS a b.
Keys stralgo_keys(const Argv& argv) {
  for (size_t i = 2; i < argv.size() && !same_word(argv[i], "STRINGS"); i++) {
    if (same_word(argv[i], "KEYS") && i + 2 < argv.size()) return {argv[i + 1], argv[i + 2]};
  }
  return {};
}

}  // namespace

Keys migrated_keys(const Argv& argv) {
  for (size_t i = 6; i < argv.size(); i++) {
    if (same_word(argv[i], "AUTH")) {
      i++;
    } else if (same_word(argv[i], "AUTH2")) {
      i += 2;
    } else if (same_word(argv[i], "KEYS")) {
      return argv[3].empty() ? Keys(argv.begin() + static_cast<std::ptrdiff_t>(i) + 1, argv.end()) : Keys();
    }
  }
  return argv.size() > 3 ? Keys{argv[3]} : Keys();
}

Keys named_keys(const CommandInfo& command, const Argv& argv) {
  const std::string_view name = command.name;
  const auto* counted =
      std::find_if(std::begin(kCounted), std::end(kCounted), [&](const Counted& where) { return where.name == name; });
  if (counted != std::end(kCounted)) {
    return argv.size() > counted->number_at ? counted_keys(*counted, argv) : Keys();
  }
  if (name == "xread" || name == "xreadgroup") return stream_keys(argv);
  if (name == "migrate") return migrated_keys(argv);
  if (argv.size() > 1) {
    if (name == "sort") return sort_keys(argv);
    if (name == "georadius" || name == "georadiusbymember") return georadius_keys(argv);
    if (name == "stralgo") return stralgo_keys(argv);
    // 6.2 knows no subcommands.
    if (name == "memory") return argv.size() > 2 && same_word(argv[1], "USAGE") ? Keys{argv[2]} : Keys();
  }
  Keys keys;
  for_each_key(command, argv, [&](std::string_view key) { keys.push_back(key); });
  return keys;
}

Keys keys_read(const CommandInfo& command, const Argv& argv) {
  return command.logged && !runs_script(command.name) ? Keys() : named_keys(command, argv);
}

}  // namespace holdfast
