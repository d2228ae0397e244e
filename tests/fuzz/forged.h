// Entries of a log, as an input writes them: lines, and checksums that fit where they shall.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::fuzz {

// The bytes up to the next line end, which goes too.
std::string_view take_line(std::string_view* bytes);

// A checksum that is right cannot be guessed: "c=!" at the end of a header stands for it. `previous`: the running one.
std::string with_checksum(std::string_view header, std::string_view value, uint64_t previous);

}  // namespace holdfast::fuzz
