// Sizes in bytes, as Redis writes them in its own configuration.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

// "1024", "1k" (1000), "1kb" or "1KiB" (1024); the same with m and g. The case does not matter. Nothing for anything
// else, and for what does not fit into 63 bits.
std::optional<uint64_t> parse_byte_size(std::string_view text);

// The shortest exact way to write it: "64MiB", "1000", "0".
std::string format_byte_size(uint64_t bytes);

}  // namespace holdfast
