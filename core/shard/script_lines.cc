#include "core/shard/script_lines.h"

#include <charconv>
#include <optional>
#include <utility>

namespace holdfast {
namespace {

// The database in which a script does what the line tells, "1700000000.123456 [0 lua] "SET" …"; none: no script does.
std::optional<int> database_of_script(std::string_view line) {
  const size_t begin = line.find(" [");
  if (begin == std::string_view::npos) return {};
  line.remove_prefix(begin + 2);
  int db = -1;
  const auto [end, problem] = std::from_chars(line.data(), line.data() + line.size(), db);
  if (problem != std::errc()) return {};
  line.remove_prefix(static_cast<size_t>(end - line.data()));
  if (!line.starts_with(" lua] ")) return {};
  return db;
}

}  // namespace

std::vector<std::string> ScriptLines::on_data(std::string_view data, int hidden_db) {
  std::vector<std::string> lines;
  for (ReplyValue& told : link_.on_data(data)) {
    const std::optional<int> db = database_of_script(told.text);
    if (db && *db != hidden_db) lines.push_back(std::move(told.text));
  }
  return lines;
}

}  // namespace holdfast
