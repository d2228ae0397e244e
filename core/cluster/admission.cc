#include "core/cluster/admission.h"

#include <charconv>
#include <optional>

#include "core/cluster/key_slot.h"
#include "core/command/named_keys.h"
#include "core/resp/words.h"

namespace holdfast {
namespace {

using Argv = std::vector<std::string_view>;

constexpr const char* kNoDatabase = "ERR DB index is out of range";

std::optional<int64_t> number_in(std::string_view text) {
  int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// What is no number Redis refuses itself.
bool is_other_database(std::string_view text) { return number_in(text).value_or(0) != 0; }

// COPY … DB n. What Redis refuses for another reason is left to it.
std::string why_not_copied(const Argv& argv, int databases) {
  int64_t to = 0;
  for (size_t i = 3; i < argv.size(); i++) {
    if (same_word(argv[i], "REPLACE")) continue;
    const bool database = same_word(argv[i], "DB") && i + 1 < argv.size();
    const std::optional<int64_t> number = database ? number_in(argv[++i]) : std::nullopt;
    if (!number) return {};
    to = *number;
    if (to < 0 || to >= databases) return kNoDatabase;
  }
  return to == 0 ? "" : "ERR Copying to another database is not allowed in cluster mode";
}

// SORT looks at keys that it makes up by a pattern; they would have to be in the slot of the list.
std::string why_not_sorted(const Argv& argv, ClusterDialect dialect, bool read_only) {
  const bool within_slot = dialect >= ClusterDialect::kRedis8;
  const auto denied = [&](std::string_view pattern) {
    return !within_slot || pattern_slot(pattern) != key_slot(argv[1]);
  };
  const auto error = [&](const char* option) {
    return std::string("ERR ") + option + " option of SORT denied in Cluster mode" +
           (within_slot ? " when keys formed by the pattern may be in different slots." : ".");
  };
  // What Redis refuses for another reason, before it comes there, is left to it.
  for (size_t i = 2; i < argv.size(); i++) {
    const size_t left = argv.size() - i - 1;
    if (same_word(argv[i], "ASC") || same_word(argv[i], "DESC") || same_word(argv[i], "ALPHA")) continue;
    if (same_word(argv[i], "LIMIT") && left >= 2) {
      if (!number_in(argv[i + 1]) || !number_in(argv[i + 2])) return {};
      i += 2;
    } else if (same_word(argv[i], "STORE") && left >= 1 && !read_only) {
      i++;
    } else if (same_word(argv[i], "BY") && left >= 1) {
      // Without "*" it says not to sort.
      if (argv[++i].find('*') != std::string_view::npos && denied(argv[i])) return error("BY");
    } else if (same_word(argv[i], "GET") && left >= 1) {
      i++;
      if (!(within_slot && argv[i] == "#") && denied(argv[i])) return error("GET");
    } else {
      return {};
    }
  }
  return {};
}

}  // namespace

int request_slot(const CommandInfo& command, const Argv& argv) {
  int slot = kNoSlot;
  for (const std::string_view key : named_keys(command, argv)) slot = joined_slot(slot, key_slot(key));
  return slot;
}

std::string error_in_cluster(const CommandInfo& command, const Argv& argv, ClusterDialect dialect, int databases) {
  const std::string_view name = command.name;
  // Valkey has databases in a cluster, by default one.
  const bool valkey = dialect == ClusterDialect::kValkey;
  if (name == "select" && is_other_database(argv[1])) {
    return valkey ? kNoDatabase : "ERR SELECT is not allowed in cluster mode";
  }
  if (name == "swapdb") return "ERR SWAPDB is not allowed in cluster mode";
  if (name == "move" && !valkey) return "ERR MOVE is not allowed in cluster mode";
  if (name == "move" && is_other_database(argv[2])) return kNoDatabase;
  if (name == "copy") return why_not_copied(argv, dialect >= ClusterDialect::kRedis8 ? 1 : databases);
  if (name == "sort" || name == "sort_ro") return why_not_sorted(argv, dialect, name == "sort_ro");
  // It goes from slot to slot, where Redis behind has none.
  if (name == "clusterscan") return "ERR 'clusterscan' is refused by Holdfast: use SCAN";
  return {};
}

}  // namespace holdfast
