// Which keys a command that Redis has executed may have changed: for WATCH, and for all else that follows changes.
#pragma once

#include <string_view>
#include <vector>

#include "core/command/table.h"

namespace holdfast {

struct Touched {
  struct Key {
    int db;
    std::string_view name;
  };
  std::vector<Key> keys;
  std::vector<int> databases;  // all their keys: FLUSHDB, SWAPDB
  bool anything = false;       // it cannot be told

  bool nothing() const { return keys.empty() && databases.empty() && !anything; }
};

// `argv` as it stands in the replication stream, in database `db`. Sources that are only read are not touched.
// `command`: its entry; nullptr: unknown. `databases`: how many there are.
Touched touched_by(const CommandInfo* command, int db, const std::vector<std::string_view>& argv, int databases);

}  // namespace holdfast
