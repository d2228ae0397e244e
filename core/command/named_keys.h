// Which keys a request names, also where first/last/step do not say it all (movable keys).
#pragma once

#include <string_view>
#include <vector>

#include "core/command/table.h"

namespace holdfast {

// All of them, in no certain order: keys that are read, keys that are written, sharded channels, keys that a script is
// given. Nothing where the arguments make no sense: Redis refuses these. Of commands that Holdfast does not know (those
// of modules) what the table says.
std::vector<std::string_view> named_keys(const CommandInfo& command, const std::vector<std::string_view>& argv);

// Of a MIGRATE: its one key, or those behind KEYS.
std::vector<std::string_view> migrated_keys(const std::vector<std::string_view>& argv);

// Those that the answer says something about, for CLIENT TRACKING: the keys of a read or of a script.
std::vector<std::string_view> keys_read(const CommandInfo& command, const std::vector<std::string_view>& argv);

}  // namespace holdfast
