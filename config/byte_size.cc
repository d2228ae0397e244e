#include "config/byte_size.h"

#include <array>
#include <charconv>
#include <limits>

namespace holdfast {
namespace {

struct Unit {
  std::string_view name;
  uint64_t bytes;
};

constexpr std::array<Unit, 11> kUnits = {{{"", 1},
                                          {"b", 1},
                                          {"k", 1000},
                                          {"kb", 1 << 10},
                                          {"kib", 1 << 10},
                                          {"m", 1'000'000},
                                          {"mb", 1 << 20},
                                          {"mib", 1 << 20},
                                          {"g", 1'000'000'000},
                                          {"gb", 1 << 30},
                                          {"gib", 1 << 30}}};

constexpr std::array<Unit, 3> kUnitsToWrite = {{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}};

}  // namespace

std::optional<uint64_t> parse_byte_size(std::string_view text) {
  uint64_t number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc()) return std::nullopt;

  std::string suffix(end, text.data() + text.size());
  for (char& c : suffix) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  for (const Unit& unit : kUnits) {
    if (unit.name != suffix) continue;
    constexpr uint64_t kLargest = std::numeric_limits<int64_t>::max();
    if (number > kLargest / unit.bytes) return std::nullopt;
    return number * unit.bytes;
  }
  return std::nullopt;
}

std::string format_byte_size(uint64_t bytes) {
  for (const Unit& unit : kUnitsToWrite) {
    if (bytes != 0 && bytes % unit.bytes == 0) return std::to_string(bytes / unit.bytes) + std::string(unit.name);
  }
  return std::to_string(bytes);
}

}  // namespace holdfast
