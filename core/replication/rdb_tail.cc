#include "core/replication/rdb_tail.h"

#include <cstdint>
#include <string>

#include "core/record/record.h"

namespace holdfast {
namespace {

constexpr uint8_t kModuleAux = 0xf7, kIdle = 0xf8, kFrequency = 0xf9, kAux = 0xfa, kResize = 0xfb, kSelect = 0xfe,
                  kEof = 0xff, kStringType = 0;
constexpr size_t kChecksumBytes = 8;

// Reads on while it can: what does not fit together, or goes beyond the end, is remembered.
class Reader {
 public:
  Reader(std::string_view data, size_t at) : data_(data), at_(at) {}

  bool failed() const { return failed_; }
  size_t at() const { return at_; }
  bool next_is(uint8_t code) const { return !failed_ && at_ < data_.size() && byte_at(at_) == code; }

  uint8_t byte() {
    const std::string_view one = bytes(1);
    return one.empty() ? 0 : static_cast<uint8_t>(one[0]);
  }
  std::string_view bytes(uint64_t count) {
    if (failed_ || count > data_.size() - at_) {
      failed_ = true;
      return {};
    }
    at_ += count;
    return data_.substr(at_ - count, count);
  }
  uint64_t length() {
    bool encoded = false;
    const uint64_t value = length_or_encoding(&encoded);
    failed_ = failed_ || encoded;
    return value;
  }
  // Its bytes, unless it is stored as a number or compressed: then it is passed over, and empty.
  std::string_view string() {
    bool encoded = false;
    const uint64_t value = length_or_encoding(&encoded);
    if (!encoded) return bytes(value);
    if (value <= 2) {
      bytes(uint64_t{1} << value);
    } else if (value == 3) {
      const uint64_t compressed = length();
      length();
      bytes(compressed);
    } else {
      failed_ = true;
    }
    return {};
  }
  void module_aux() {
    length();  // the module
    for (uint64_t code = length(); code != 0 && !failed_; code = length()) {
      switch (code) {
        case 1:
        case 2: length(); break;
        case 3: bytes(4); break;
        case 4: bytes(8); break;
        case 5: string(); break;
        default: failed_ = true;
      }
    }
  }

 private:
  uint8_t byte_at(size_t at) const { return static_cast<uint8_t>(data_[at]); }
  uint64_t big_endian(size_t count) {
    uint64_t value = 0;
    for (const char byte : bytes(count)) value = value << 8 | static_cast<uint8_t>(byte);
    return value;
  }
  uint64_t length_or_encoding(bool* encoded) {
    const uint8_t first = byte();
    switch (first >> 6) {
      case 0: return first;
      case 1: return static_cast<uint64_t>(first & 63) << 8 | byte();
      case 3: *encoded = true; return first & 63;
      default: break;
    }
    failed_ = failed_ || (first != 0x80 && first != 0x81);
    return big_endian(first == 0x80 ? 4 : 8);
  }

  std::string_view data_;
  size_t at_;
  bool failed_ = false;
};

std::string selection(int db) {
  std::string bytes(1, static_cast<char>(kSelect));
  if (db < 64) {
    bytes += static_cast<char>(db);
  } else if (db < 1 << 14) {
    bytes += static_cast<char>(0x40 | db >> 8);
    bytes += static_cast<char>(db & 255);
  } else {
    bytes += static_cast<char>(0x80);
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(db >> shift & 255);
  }
  bytes += static_cast<char>(kResize);
  return bytes;
}

// Holdfast's own keys are strings that do not expire.
std::optional<RdbCut> read_database(std::string_view tail, size_t begin, size_t size_of_selection) {
  Reader reader(tail, begin + size_of_selection);
  reader.length();
  reader.length();
  bool marker = false;
  while (reader.next_is(kStringType) || reader.next_is(kIdle) || reader.next_is(kFrequency)) {
    if (reader.next_is(kIdle)) reader.byte(), reader.length();
    if (reader.next_is(kFrequency)) reader.byte(), reader.byte();
    if (!reader.next_is(kStringType)) return std::nullopt;
    reader.byte();
    marker = reader.string() == kMarkerKey || marker;
    reader.string();
  }
  RdbCut cut{begin, reader.at(), 0};
  while (reader.next_is(kAux) || reader.next_is(kModuleAux)) {
    if (reader.byte() == kAux) {
      reader.string();
      reader.string();
    } else {
      reader.module_aux();
    }
  }
  cut.eof = reader.at();
  const bool ends = reader.byte() == kEof && reader.bytes(kChecksumBytes).size() == kChecksumBytes;
  if (!ends || reader.failed() || reader.at() != tail.size() || !marker) return std::nullopt;
  return cut;
}

}  // namespace

// From the end on: what a client has stored may look like it, too, but stands before it.
std::optional<RdbCut> find_reserved_database(std::string_view tail, int reserved_db) {
  const std::string selects = selection(reserved_db);
  for (size_t at = tail.rfind(selects); at != std::string_view::npos; at = tail.rfind(selects, at - 1)) {
    if (const std::optional<RdbCut> cut = read_database(tail, at, selects.size())) return cut;
    if (at == 0) break;
  }
  return std::nullopt;
}

}  // namespace holdfast
