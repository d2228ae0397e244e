// Commands that Holdfast does not let through, and why.
#pragma once

#include <string_view>
#include <vector>

#include "core/command/table.h"

namespace holdfast {

// Empty: it may go on.
std::string_view why_refused(const CommandInfo& command, const std::vector<std::string_view>& argv);

}  // namespace holdfast
