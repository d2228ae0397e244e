// What somebody may have meant who misspelled a name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// The number of single characters to insert, delete or change to make one of the other.
size_t edit_distance(std::string_view one, std::string_view other);

// The name most like `written`; empty when none is near (at most a third of its characters wrong).
std::string nearest_name(std::string_view written, const std::vector<std::string>& names);

}  // namespace holdfast
