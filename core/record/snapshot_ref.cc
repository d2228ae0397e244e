#include "core/record/snapshot_ref.h"

#include <cinttypes>
#include <cstdio>

namespace holdfast {

std::string encode_snapshot_ref(const SnapshotRef& ref) {
  char numbers[64];
  std::snprintf(numbers, sizeof numbers, "%" PRId64 " %016" PRIx64 " ", ref.bytes, ref.check);
  return numbers + ref.file;
}

Result<SnapshotRef> parse_snapshot_ref(std::string_view text) {
  SnapshotRef ref;
  int name_at = 0;
  const std::string copy(text);
  if (std::sscanf(copy.c_str(), "%" SCNd64 " %" SCNx64 " %n", &ref.bytes, &ref.check, &name_at) != 2 || name_at == 0) {
    return Error{"a snapshot record that names no snapshot: " + copy.substr(0, 100)};
  }
  ref.file = copy.substr(static_cast<size_t>(name_at));
  if (ref.file.empty() || ref.file.find('/') != std::string::npos || ref.file[0] == '.') {
    return Error{"a snapshot record with a name that is no plain file name: " + ref.file};
  }
  return ref;
}

}  // namespace holdfast
