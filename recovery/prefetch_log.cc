#include "recovery/prefetch_log.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "core/check.h"

namespace holdfast {
namespace {

constexpr size_t kPieceBytes = 1 << 20;
constexpr size_t kAheadBytes = 16 << 20;
constexpr std::chrono::milliseconds kWait{5};

}  // namespace

class PrefetchLog::Reader : public LogReader {
 public:
  Reader(PrefetchLog* owner, std::unique_ptr<LogReader> reader)
      : owner_(owner), reader_(std::move(reader)), thread_([this] { run(); }) {}

  ~Reader() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  Result<size_t> poll(std::vector<LogEntry>* out, size_t max_bytes) override {
    size_t count = 0;
    size_t bytes = 0;
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kWait, [this] { return !pieces_.empty() || failed_; });
    while (!pieces_.empty() && (count == 0 || bytes < max_bytes)) {
      Piece piece = std::move(pieces_.front());
      pieces_.pop_front();
      ahead_ -= piece.bytes;
      count += piece.entries.size();
      bytes += piece.bytes;
      if (out->empty()) {
        *out = std::move(piece.entries);
      } else {
        out->insert(out->end(), std::make_move_iterator(piece.entries.begin()),
                    std::make_move_iterator(piece.entries.end()));
      }
    }
    if (count == 0 && failed_) return Error{*failed_};
    lock.unlock();
    changed_.notify_all();
    owner_->entries_ += count;
    owner_->bytes_ += bytes;
    return count;
  }

 private:
  struct Piece {
    std::vector<LogEntry> entries;
    size_t bytes = 0;
  };

  void run() {
    std::unique_lock lock(mutex_);
    while (!stop_) {
      if (ahead_ >= kAheadBytes) {
        changed_.wait(lock);
        continue;
      }
      lock.unlock();
      Piece piece;
      const Result<size_t> read = reader_->poll(&piece.entries, kPieceBytes);
      for (const LogEntry& entry : piece.entries) piece.bytes += entry.header.size() + entry.value.size();
      lock.lock();
      if (!piece.entries.empty()) {
        ahead_ += piece.bytes;
        pieces_.push_back(std::move(piece));
        changed_.notify_all();
      }
      if (!read) {
        failed_ = read.error();
        changed_.notify_all();
        return;
      }
      if (*read == 0) changed_.wait_for(lock, kWait, [this] { return stop_; });
    }
  }

  PrefetchLog* owner_;
  std::unique_ptr<LogReader> reader_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Piece> pieces_;
  size_t ahead_ = 0;
  std::optional<std::string> failed_;
  bool stop_ = false;
  std::thread thread_;  // last: it uses all of the above
};

Result<std::unique_ptr<LogReader>> PrefetchLog::read_from(Position from) {
  Result<std::unique_ptr<LogReader>> reader = log_->read_from(from);
  if (!reader) return reader;
  return std::unique_ptr<LogReader>(std::make_unique<Reader>(this, std::move(*reader)));
}

void PrefetchLog::append(uint64_t, std::string, std::string) { HOLDFAST_CHECK(!"a log that is only read"); }

Result<Done> PrefetchLog::truncate(Position) { return Error{describe() + " is open read-only"}; }

}  // namespace holdfast
