#include "core/cluster/key_slot.h"

#include <array>
#include <cstdint>

namespace holdfast {
namespace {

// CRC-16/XMODEM: polynomial 0x1021, begun with 0, nothing reflected.
constexpr std::array<uint16_t, 256> kCrcOfByte = [] {
  std::array<uint16_t, 256> table{};
  for (size_t byte = 0; byte < table.size(); byte++) {
    uint32_t crc = static_cast<uint32_t>(byte) << 8;
    for (int bit = 0; bit < 8; bit++) crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
    table[byte] = static_cast<uint16_t>(crc);
  }
  return table;
}();

int slot_of(std::string_view text) {
  uint16_t crc = 0;
  for (const char c : text) {
    crc = static_cast<uint16_t>((crc << 8) ^ kCrcOfByte[(crc >> 8) ^ static_cast<unsigned char>(c)]);
  }
  return crc % kSlots;
}

}  // namespace

int key_slot(std::string_view key) {
  const size_t open = key.find('{');
  if (open == std::string_view::npos) return slot_of(key);
  const size_t close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return slot_of(key);
  return slot_of(key.substr(open + 1, close - open - 1));
}

int pattern_slot(std::string_view pattern) {
  const size_t open = pattern.find('{');
  const size_t close = open == std::string_view::npos ? open : pattern.find('}', open + 1);
  const bool tagged = close != std::string_view::npos && close != open + 1;
  // What "*" becomes could bring a tag of its own, unless there is one before it.
  const std::string_view fixed = pattern.substr(0, tagged ? close : pattern.size());
  return fixed.find_first_of("*?[\\") == std::string_view::npos ? key_slot(pattern) : -1;
}

}  // namespace holdfast
