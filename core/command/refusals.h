// Commands that Holdfast does not let through, and why.
#pragma once

#include <string_view>
#include <vector>

#include "core/command/table.h"

namespace holdfast {

// Whether there is anything to look up for a command ("container|sub"): see CommandInfo.
bool may_be_refused(std::string_view name);

// Empty: it may go on.
std::string_view why_refused(const CommandInfo& command, const std::vector<std::string_view>& argv);

}  // namespace holdfast
