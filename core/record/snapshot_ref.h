// The value of a SNAPSHOT record: which file holds the base state, and how to tell that it is the right one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace holdfast {

struct SnapshotRef {
  std::string file;  // a name inside the snapshot directory
  int64_t bytes = 0;
  uint64_t check = 0;  // XXH3 over the file
};

std::string encode_snapshot_ref(const SnapshotRef& ref);
Result<SnapshotRef> parse_snapshot_ref(std::string_view text);

}  // namespace holdfast
