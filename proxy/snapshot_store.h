// The directory of base snapshots.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/record/snapshot_ref.h"
#include "core/result.h"
#include "proxy/snapshot_writer.h"

namespace holdfast {

class SnapshotStore {
 public:
  // `wake` is called from any thread, and must only wake the loop up: look at crowded() and take_result() then.
  SnapshotStore(std::string directory, std::string server_program, std::function<void()> wake);
  ~SnapshotStore();
  SnapshotStore(const SnapshotStore&) = delete;
  SnapshotStore& operator=(const SnapshotStore&) = delete;

  // Storing; an unfinished one is given up for a new one.
  void begin();
  void data(std::string_view piece);
  void end();
  // The disk does not keep up: better bring no more for now.
  bool crowded() const;
  std::optional<Result<SnapshotRef>> take_result();
  void cancel() { writer_.reset(); }

  // Reading. Block; the first read of a file compares all of it with what `ref` says.
  Result<int64_t> size(const SnapshotRef& ref);
  Result<std::string> read(const SnapshotRef& ref, int64_t offset, size_t bytes);

 private:
  Result<Done> open(const SnapshotRef& ref);
  void close();

  const std::string directory_;
  const std::string server_program_;
  const std::function<void()> wake_;
  std::unique_ptr<SnapshotWriter> writer_;

  int fd_ = -1;  // of the file that was read last, found to be right
  SnapshotRef open_;
};

}  // namespace holdfast
