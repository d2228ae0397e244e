// Reads base snapshots: files that SNAPSHOT records name.
#pragma once

#include <cstdint>
#include <string>

#include "core/record/snapshot_ref.h"
#include "core/result.h"
#include "recovery/sockets.h"

namespace holdfast {

class SnapshotFiles {
 public:
  explicit SnapshotFiles(std::string directory) : directory_(std::move(directory)) {}

  // The first call for a file compares all of it with what `ref` says.
  Result<int64_t> size(const SnapshotRef& ref);
  Result<std::string> read(const SnapshotRef& ref, int64_t offset, size_t bytes);

 private:
  Result<Done> open(const SnapshotRef& ref);

  std::string directory_;
  Descriptor file_;
  std::string open_;
};

}  // namespace holdfast
