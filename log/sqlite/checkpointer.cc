#include "log/sqlite/checkpointer.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

namespace holdfast::sqlite {

namespace {

// Some 4 MB: moving them takes some milliseconds, and much of what was written more than once is moved once.
constexpr int64_t kPagesPerCheckpoint = 1000;

// While the writer is never idle it adds to the WAL faster than all can be moved. Beyond this size it is made to wait,
// so that the WAL starts afresh: what overwrites it is synced faster than what makes it longer.
constexpr int64_t kMaxWalBytes = int64_t{8} << 20;
// On a slow disk it gets this far while a checkpoint is due or under way, and waits for its end. It does not wait for
// one that is tried again later: when they fail commits go on, and the WAL grows.
constexpr int64_t kHardWalBytes = 16 * kMaxWalBytes;

// With less room than this beyond what a checkpoint needs, the writer waits for it: beside it, it could take the room
// that a commit needs at that moment. The WAL is then cut off too, as its room is needed elsewhere.
constexpr int64_t kTightBytes = int64_t{16} << 20;

// Readers hold a state of the log for some milliseconds. The writer waits as long.
constexpr std::chrono::milliseconds kReaderTime{20};
constexpr std::chrono::seconds kOpenTime{1};
constexpr std::chrono::seconds kRetryTime{1};
constexpr int kTries = 5;  // before that

}  // namespace

Result<std::unique_ptr<Checkpointer>> Checkpointer::start(const std::string& path) {
  Result<Connection> connection = Connection::open(path, Connection::Mode::kReadWrite, kOpenTime);
  if (!connection) return Error{connection.error()};
  if (Result<Done> set = connection->execute("PRAGMA synchronous = FULL"); !set) return Error{set.error()};
  const Result<int64_t> page_size = connection->integer("PRAGMA page_size");
  if (!page_size) return Error{page_size.error()};
  connection->set_busy_timeout(kReaderTime);
  std::unique_ptr<Checkpointer> checkpointer(new Checkpointer(path, std::move(*connection), *page_size));
  checkpointer->due_at_ = kPagesPerCheckpoint;
  checkpointer->thread_ = std::thread([raw = checkpointer.get()] { raw->run(); });
  return checkpointer;
}

Checkpointer::~Checkpointer() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Checkpointer::begin_turn() {
  std::unique_lock lock(mutex_);
  turn_.wait(lock, [this] {
    const bool soon_smaller = moving_ || (pages_ >= due_at_ && !resting_);
    return !writer_waits_ && !(soon_smaller && pages_ * page_size_ > kHardWalBytes);
  });
  writing_ = true;
}

void Checkpointer::end_turn() {
  bool awaited = false;
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    awaited = writer_waits_;
  }
  if (awaited) turn_.notify_one();
}

void Checkpointer::committed(int64_t wal_pages) {
  bool due = false;
  {
    const std::lock_guard lock(mutex_);
    if (wal_pages <= pages_) {
      ++fresh_starts_;
      due_at_ = kPagesPerCheckpoint;
    }
    pages_ = wal_pages;
    due = pages_ >= due_at_;
  }
  if (due) wake_.notify_one();
}

void Checkpointer::out_of_room() {
  {
    const std::lock_guard lock(mutex_);
    out_of_room_ = true;
  }
  wake_.notify_one();
}

void Checkpointer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stop_ || out_of_room_ || pages_ >= due_at_; });
    if (stop_) break;
    const bool writer_is_stuck = std::exchange(out_of_room_, false);
    moving_ = true;
    lock.unlock();
    const Result<Done> result = checkpoint(writer_is_stuck);
    report(result);
    lock.lock();
    moving_ = false;
    resting_ = !result.ok();
    turn_.notify_one();
    if (result.ok()) continue;
    out_of_room_ = out_of_room_ || writer_is_stuck;
    if (must_keep_wal_) {
      wake_.wait(lock, [this] { return stop_; });
    } else {
      wake_.wait_for(lock, kRetryTime, [this] { return stop_; });
    }
    resting_ = false;
  }
  lock.unlock();
  if (must_keep_wal_) return;
  Checkpointed met;
  const Result<bool> tight = room_is_tight();
  report(tight.ok() ? move_with_writer_waiting(SQLITE_CHECKPOINT_TRUNCATE, &met) : Error{tight.error()});
}

Result<Done> Checkpointer::checkpoint(bool writer_is_stuck) {
  const Result<bool> tight = room_is_tight();
  if (!tight) return Error{tight.error()};
  Checkpointed met;
  if (*tight || writer_is_stuck) return move_with_writer_waiting(SQLITE_CHECKPOINT_TRUNCATE, &met);
  if (Result<Done> moved = move_beside_writer(&met); !moved) return moved;
  if (met.wal_pages * page_size_ <= kMaxWalBytes) return Done{};
  // What was added in the meantime is moved too, so that little is left to make the writer wait for.
  if (pages_now() > met.wal_pages) {
    if (Result<Done> moved = move_beside_writer(&met); !moved) return moved;
  }
  const Result<Done> restarted = move_with_writer_waiting(SQLITE_CHECKPOINT_RESTART, &met);
  // A reader that held it up is no error: it is done with the next pages.
  return met.busy && !must_keep_wal_ ? Done{} : restarted;
}

Result<Done> Checkpointer::move_beside_writer(Checkpointed* met) {
  Result<Done> moved = move_and_note(SQLITE_CHECKPOINT_PASSIVE, met);
  // It may have come in between just when a commit changed the header of the WAL's index.
  for (int tries = 1; met->busy && tries < kTries; ++tries) {
    hold_writer();
    release_writer();
    moved = move_and_note(SQLITE_CHECKPOINT_PASSIVE, met);
  }
  return moved.ok() ? sync() : moved;
}

Result<Done> Checkpointer::sync() {
  Result<Done> synced = connection_.sync_file();
  must_keep_wal_ = !synced.ok();
  return synced;
}

Result<Done> Checkpointer::move_with_writer_waiting(int mode, Checkpointed* met) {
  hold_writer();
  Result<Done> moved = move_and_note(mode, met);
  release_writer();
  if (!met->busy) return moved;
  // It went as far as a reader let it, and there SQLite does not sync.
  const Result<Done> synced = sync();
  return synced.ok() ? moved : synced;
}

void Checkpointer::hold_writer() {
  std::unique_lock lock(mutex_);
  writer_waits_ = true;
  turn_.wait(lock, [this] { return !writing_; });
}

void Checkpointer::release_writer() {
  {
    const std::lock_guard lock(mutex_);
    writer_waits_ = false;
  }
  turn_.notify_one();
}

Result<Done> Checkpointer::move_and_note(int mode, Checkpointed* met) {
  uint64_t fresh_starts = 0;
  {
    const std::lock_guard lock(mutex_);
    fresh_starts = fresh_starts_;
  }
  Result<Done> result = connection_.checkpoint(mode, met);
  const std::lock_guard lock(mutex_);
  if (result.ok() && mode == SQLITE_CHECKPOINT_TRUNCATE) pages_ = 0;
  // Also one that failed for a reader's sake may have moved all.
  if (met->wal_pages >= 0 && fresh_starts == fresh_starts_) due_at_ = met->wal_pages + kPagesPerCheckpoint;
  return result;
}

// An error when there is none. A checkpoint that fails for lack of room would have filled the disk up with pages that
// do not count: commits would fail, though they found room in the WAL.
Result<bool> Checkpointer::room_is_tight() {
  const Result<int64_t> pages = connection_.integer("PRAGMA page_count");
  if (!pages) return Error{pages.error()};
  std::error_code error;
  const auto size = static_cast<int64_t>(std::filesystem::file_size(path_, error));
  if (error) return Error{error.message()};
  const auto room = static_cast<int64_t>(std::filesystem::space(path_, error).available);
  if (error) return Error{error.message()};
  const int64_t missing = *pages * page_size_ - size - room;
  if (missing > 0) return Error{"the disk is full: another " + std::to_string(missing) + " bytes are needed"};
  return -missing < kTightBytes;
}

int64_t Checkpointer::pages_now() {
  const std::lock_guard lock(mutex_);
  return pages_;
}

void Checkpointer::report(const Result<Done>& result) {
  if (must_keep_wal_) {
    spdlog::critical(
        "sqlite {}: {}. Nothing is lost as long as the file {}-wal is kept, but it grows: look after the disk, then "
        "start Holdfast again",
        path_, result.ok() ? "" : result.error(), path_);
  } else if (!result.ok() && !failing_) {
    spdlog::warn("sqlite {}: what is in {}-wal stays there for now: {}", path_, path_, result.error());
  } else if (result.ok() && failing_) {
    spdlog::info("sqlite {}: what was in {}-wal is moved into the file again", path_, path_);
  }
  failing_ = !result.ok();
}

}  // namespace holdfast::sqlite
