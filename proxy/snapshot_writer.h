// Stores one base snapshot, on a thread of its own: writes it to a temporary file, makes sure that it is on the disk
// and that a Redis can load it, and only then gives it its name.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "core/record/snapshot_ref.h"
#include "core/result.h"

namespace holdfast {

class SnapshotWriter {
 public:
  // `wake` is called, from the thread, when backlog() has become small again or there is a result.
  SnapshotWriter(std::string directory, std::string server_program, std::function<void()> wake);
  // Gives up, and removes what is there unless it is complete.
  ~SnapshotWriter();
  SnapshotWriter(const SnapshotWriter&) = delete;
  SnapshotWriter& operator=(const SnapshotWriter&) = delete;

  void data(std::string_view piece);
  void end();
  // Bytes that wait to be written.
  size_t backlog() const;
  // What became of it: once, behind end().
  std::optional<Result<SnapshotRef>> take_result();

  static constexpr size_t kSmallBacklog = 16 << 20;

 private:
  struct File;

  void run();
  Result<SnapshotRef> store();
  Result<Done> write_all(File* file);
  Result<Done> take_piece(std::string* piece);
  Result<Done> verify(const File& file);

  const std::string directory_;
  const std::string server_program_;
  const std::function<void()> wake_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string pending_;
  size_t writing_ = 0;  // bytes taken from `pending_` that are not written yet
  bool ended_ = false;
  bool cancelled_ = false;
  bool failed_ = false;  // what still comes is dropped
  std::optional<Result<SnapshotRef>> result_;

  std::thread thread_;
};

}  // namespace holdfast
