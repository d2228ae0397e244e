// Effects that the log tells behind a batch and before the next one: what Redis did by itself then (expiry, eviction).
// A Redis whose marker is at the batch may have done them already, or not yet.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "core/command/table.h"
#include "core/record/record.h"
#include "core/result.h"

namespace holdfast {

struct LaterEffects {
  std::set<std::pair<int, std::string>> keys;  // that they are about, with the database
  std::string sweeping;                        // a command among them that may be about any key; empty: none
};

// Reads the log from `from` to its end; `batch` is the last batch at or before that.
Result<LaterEffects> read_later_effects(Log* log, const ChainState& from, Position batch, const CommandTable& table);

}  // namespace holdfast
