// Where the reserved database stands in an RDB of our Redis, so that it can be cut off: it is the last database, and
// what is in it is Holdfast's. Source: rdbSaveRio() of Redis; what may follow the last key is the same since 5.0.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace holdfast {

struct RdbCut {
  size_t begin = 0;  // of the reserved database
  size_t end = 0;    // behind its last key
  size_t eof = 0;    // of the byte that ends the RDB; a checksum of eight bytes follows it
};

// `tail`: the end of an RDB. nullopt: it does not hold the marker's whole database.
std::optional<RdbCut> find_reserved_database(std::string_view tail, int reserved_db);

// The checksum that is none: Redis does not check it then.
inline constexpr std::string_view kNoChecksum("\0\0\0\0\0\0\0\0", 8);

}  // namespace holdfast
