// Which of the cluster's slots a key belongs to: CRC16 of the key, or of its hash tag.
// Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
#pragma once

#include <string_view>

namespace holdfast {

inline constexpr int kSlots = 16384;

// Only what stands in the first {…} counts, if that is not empty: keys with the same tag share a slot.
int key_slot(std::string_view key);

// The slot of all keys that SORT would make of a pattern by putting something in the place of "*"; -1: they may differ.
int pattern_slot(std::string_view pattern);

}  // namespace holdfast
