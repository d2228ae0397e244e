// Which keys the answer to a request says something about: for CLIENT TRACKING.
#pragma once

#include <string_view>
#include <vector>

#include "core/command/table.h"

namespace holdfast {

// Those that a read names, or that a script is given. Nothing for other writes, and for what is not known to name keys.
std::vector<std::string_view> keys_read(const CommandInfo& command, const std::vector<std::string_view>& argv);

}  // namespace holdfast
