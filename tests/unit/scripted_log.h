// A log whose mishaps a test chooses, entry by entry: written or not, told or not, late.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "core/record/record.h"
#include "tests/unit/memory_log.h"

namespace holdfast::testing {

class ScriptedLog : public Log {
 public:
  std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
  size_t max_bytes = 1 << 20;
  bool readable = true;
  bool reads_fail = false;  // of readers that are open
  bool truncated = false;   // what they want is not there any more

  // Of the entries that were handed over, the oldest `count` …
  void commit(size_t count = 1) {
    for (; count > 0; count--) {
      Waiting next = take(&waiting_);
      deliveries_.push_back({next.token, Delivery::Outcome::kCommitted, write(std::move(next.entry)), {}});
    }
  }
  // … or the oldest one gets this outcome, and reaches the log all the same or not.
  void fail(Delivery::Outcome outcome, bool written) {
    Waiting next = take(&waiting_);
    if (written) write(std::move(next.entry));
    deliveries_.push_back({next.token, outcome, kNoPosition, "by script"});
  }
  // It is written, and nobody has been told yet.
  void write_silently() { write(take(&waiting_).entry); }
  // What was abandoned reaches the log, the oldest entry first.
  void write_abandoned() { write(take(&abandoned_).entry); }
  // Another writer's, or one of ours once more.
  void write_other(const LogEntry& entry) { write({kNoPosition, entry.header, entry.value}); }

  size_t waiting() const { return waiting_.size(); }
  size_t abandoned() const { return abandoned_.size(); }
  const LogEntry& at(Position position) const { return store->entries[static_cast<size_t>(position)]; }

  void append(uint64_t token, std::string header, std::string value) override {
    waiting_.push_back({token, {kNoPosition, std::move(header), std::move(value)}});
  }
  void abandon() override {
    abandoned_.insert(abandoned_.end(), waiting_.begin(), waiting_.end());
    waiting_.clear();
    deliveries_.clear();
  }
  void poll(const std::function<void(Delivery)>& deliver) override {
    while (!deliveries_.empty()) {
      const Delivery delivery = deliveries_.front();
      deliveries_.pop_front();
      deliver(delivery);
    }
  }
  void set_ready_callback(std::function<void()>) override {}
  Result<Position> begin() override { return store->begin; }
  Result<Position> end() override { return store->end(); }
  Result<std::unique_ptr<LogReader>> read_from(Position from) override {
    if (!readable) return Error{"cannot be read now"};
    return std::unique_ptr<LogReader>(std::make_unique<Reader>(this, from));
  }
  Result<Done> truncate(Position) override { return Error{"not here"}; }
  size_t max_entry_bytes() const override { return max_bytes; }
  std::string describe() const override { return "scripted"; }

 private:
  class Reader : public MemoryReader {
   public:
    Reader(const ScriptedLog* log, Position from) : MemoryReader(log->store, from), log_(log) {}
    Result<size_t> poll(std::vector<LogEntry>* out, size_t max_bytes) override {
      if (log_->reads_fail || log_->truncated) return Error{"cannot be read now"};
      return MemoryReader::poll(out, max_bytes);
    }
    bool out_of_range() const override { return log_->truncated; }

   private:
    const ScriptedLog* log_;
  };
  struct Waiting {
    uint64_t token;
    LogEntry entry;
  };
  static Waiting take(std::deque<Waiting>* from) {
    Waiting first = std::move(from->front());
    from->pop_front();
    return first;
  }
  Position write(LogEntry entry) {
    entry.position = store->end();
    store->entries.push_back(std::move(entry));
    return store->end() - 1;
  }

  std::deque<Waiting> waiting_, abandoned_;
  std::deque<Delivery> deliveries_;
};

}  // namespace holdfast::testing
