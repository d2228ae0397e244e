// Moves what was committed from the write-ahead log (WAL) into the file, on a thread and a connection of its own:
// commits do not wait for it, and whatever goes wrong here is no error of theirs. The WAL holds all until it is moved.
//
// Two properties of SQLite decide when a checkpoint may start and what follows it:
// - Up to 3.51.2 pages can be lost when a writer starts the WAL afresh while another connection begins a checkpoint
//   (sqlite.org/wal.html#walresetbug). It starts afresh only when all was moved. So a checkpoint beside the writer
//   starts only when a commit came behind the last one moved; all others have the writer wait.
// - A checkpoint that did not reach the end of the WAL counts its pages as moved without having synced them. So the
//   file is synced here; when that fails, the WAL must be kept until the next start moves all of it again.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "core/result.h"
#include "log/sqlite/connection.h"

namespace holdfast::sqlite {

class Checkpointer {
 public:
  // `path` is a file that prepare_file() was called for.
  static Result<std::unique_ptr<Checkpointer>> start(const std::string& path);
  // Moves all there is, if it can. The writer must be gone.
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // The writer has one during each of its transactions. Waits while the WAL is about to start afresh, and for a
  // checkpoint when the WAL is far too large.
  class Turn {
   public:
    explicit Turn(Checkpointer* checkpointer) : checkpointer_(checkpointer) { checkpointer_->begin_turn(); }
    ~Turn() { checkpointer_->end_turn(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Checkpointer* checkpointer_;
  };

  // Told by the writer, during its turn: so many pages are in the WAL after a commit; there was no room for one.
  void committed(int64_t wal_pages);
  void out_of_room();

 private:
  Checkpointer(std::string path, Connection connection, int64_t page_size)
      : path_(std::move(path)), connection_(std::move(connection)), page_size_(page_size) {}

  void begin_turn();
  void end_turn();

  // On the thread.
  void run();
  Result<Done> checkpoint(bool writer_is_stuck);
  Result<Done> move_beside_writer(Checkpointed* met);
  Result<Done> move_with_writer_waiting(int mode, Checkpointed* met);
  Result<Done> sync();
  void hold_writer();  // returns when it has no turn
  void release_writer();
  Result<Done> move_and_note(int mode, Checkpointed* met);
  Result<bool> room_is_tight();
  int64_t pages_now();
  void report(const Result<Done>& result);

  const std::string path_;
  Connection connection_;  // used by the thread alone, once it runs
  const int64_t page_size_;
  bool failing_ = false;        // the thread's: the last checkpoint failed
  bool must_keep_wal_ = false;  // the thread's: what counts as moved may not be on disk

  std::mutex mutex_;  // for all below
  std::condition_variable wake_;
  std::condition_variable turn_;
  bool stop_ = false;
  bool out_of_room_ = false;
  bool moving_ = false;        // a checkpoint is under way
  bool resting_ = false;       // one failed: it is tried again later
  bool writing_ = false;       // the writer has its turn
  bool writer_waits_ = false;  // it gets none
  int64_t pages_ = 0;          // in the WAL after the last commit
  int64_t due_at_ = 0;         // so many of them make the next checkpoint due; more than were moved
  uint64_t fresh_starts_ = 0;  // of the WAL

  std::thread thread_;
};

}  // namespace holdfast::sqlite
