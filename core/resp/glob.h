// Redis's glob patterns: * ? [a-z] [^a] and \ in front of a character taken as it is. Source: stringmatchlen() in
// util.c.
#pragma once

#include <string_view>

namespace holdfast {

bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace holdfast
