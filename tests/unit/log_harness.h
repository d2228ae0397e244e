// What the tests of logs share: a place for a log, and waiting for what a log tells later.
#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>  // mkdtemp

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "log/log.h"

namespace holdfast::testing {

using Outcome = Delivery::Outcome;

// After this long a wait has failed.
inline constexpr std::chrono::seconds kPatience{30};

// librdkafka starts its threads with the C library's thrd_create(), which ThreadSanitizer of GCC does not know: it
// crashes in them.
#ifdef __SANITIZE_THREAD__
inline constexpr bool kWithoutLibrdkafka = true;
#else
inline constexpr bool kWithoutLibrdkafka = false;
#endif

// A directory that goes with its owner.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "holdfast-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string file(const std::string& name) const { return path_ / name; }
  std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Sleeps until it is woken, as a loop does.
class Alarm {
 public:
  void ring() {
    {
      const std::lock_guard lock(mutex_);
      rung_ = true;
    }
    condition_.notify_one();
  }
  bool wait() {
    std::unique_lock lock(mutex_);
    const bool rung = condition_.wait_for(lock, kPatience, [this] { return rung_; });
    rung_ = false;
    return rung;
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool rung_ = false;
};

// Owns a log and polls it only when it says that it is ready.
class LogUser {
 public:
  explicit LogUser(std::unique_ptr<Log> log) : log_(std::move(log)) {
    log_->set_ready_callback([this] { alarm_.ring(); });
  }
  ~LogUser() { log_->set_ready_callback({}); }
  LogUser(const LogUser&) = delete;
  LogUser& operator=(const LogUser&) = delete;

  Log* operator->() { return log_.get(); }
  Log& operator*() { return *log_; }

  // The next `count` deliveries.
  std::vector<Delivery> deliveries(size_t count) {
    std::vector<Delivery> got;
    log_->poll([&](Delivery delivery) { got.push_back(std::move(delivery)); });
    while (got.size() < count) {
      REQUIRE_MESSAGE(alarm_.wait(), "only ", got.size(), " of ", count, " deliveries in time");
      log_->poll([&](Delivery delivery) { got.push_back(std::move(delivery)); });
    }
    REQUIRE(got.size() == count);
    return got;
  }

  Delivery append(uint64_t token, std::string header, std::string value) {
    log_->append(token, std::move(header), std::move(value));
    return deliveries(1).front();
  }

  Position begin() { return value_of(log_->begin()); }
  Position end() { return value_of(log_->end()); }

 private:
  static Position value_of(const Result<Position>& position) {
    REQUIRE_MESSAGE(position.ok(), (position.ok() ? "" : position.error()));
    return *position;
  }

  Alarm alarm_;
  std::unique_ptr<Log> log_;
};

inline std::unique_ptr<LogReader> reader_of(Log& log, Position from) {
  Result<std::unique_ptr<LogReader>> reader = log.read_from(from);
  REQUIRE_MESSAGE(reader.ok(), (reader.ok() ? "" : reader.error()));
  return std::move(*reader);
}

// The next `count` entries, or fewer when no more come.
inline std::vector<LogEntry> read(LogReader& reader, size_t count, size_t max_bytes = size_t{1} << 20) {
  std::vector<LogEntry> entries;
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (entries.size() < count && std::chrono::steady_clock::now() < until) {
    const size_t before = entries.size();
    const Result<size_t> got = reader.poll(&entries, max_bytes);
    REQUIRE_MESSAGE(got.ok(), (got.ok() ? "" : got.error()));
    REQUIRE(*got == entries.size() - before);
    if (*got == 0) std::this_thread::yield();
  }
  return entries;
}

// All that is in the log now.
inline std::vector<LogEntry> read_all(LogUser& log) {
  const Position begin = log.begin();
  return read(*reader_of(*log, begin), static_cast<size_t>(log.end() - begin));
}

// Why nothing can be read at `from`: said at once, or when it is tried.
inline std::string reading_error(Log& log, Position from) {
  Result<std::unique_ptr<LogReader>> reader = log.read_from(from);
  if (!reader) return reader.error();
  const auto until = std::chrono::steady_clock::now() + kPatience;
  std::vector<LogEntry> entries;
  while (entries.empty() && std::chrono::steady_clock::now() < until) {
    const Result<size_t> got = (*reader)->poll(&entries, 1);
    if (!got) return got.error();
    std::this_thread::yield();
  }
  return {};
}

}  // namespace holdfast::testing
