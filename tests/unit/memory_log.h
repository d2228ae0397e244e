// A log in memory: the simplest thing that the conformance suite takes for a log, and by that a check of the suite.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "log/delivery_queue.h"
#include "log/log.h"
#include "log/ready_signal.h"

namespace holdfast::testing {

// What stays when a memory log is closed.
struct MemoryStore {
  Position begin = 0;
  std::deque<LogEntry> entries;

  Position end() const { return begin + static_cast<Position>(entries.size()); }
};

class MemoryReader : public LogReader {
 public:
  MemoryReader(std::shared_ptr<const MemoryStore> store, Position next) : store_(std::move(store)), next_(next) {}

  Result<size_t> poll(std::vector<LogEntry>* out, size_t max_bytes) override {
    if (next_ < store_->begin) return Error{"position " + std::to_string(next_) + " was truncated"};
    size_t count = 0;
    size_t bytes = 0;
    for (; next_ < store_->end() && (count == 0 || bytes < max_bytes); ++next_, ++count) {
      out->push_back(store_->entries[static_cast<size_t>(next_ - store_->begin)]);
      bytes += out->back().header.size() + out->back().value.size();
    }
    return count;
  }

 private:
  std::shared_ptr<const MemoryStore> store_;
  Position next_;
};

class MemoryLog : public Log {
 public:
  explicit MemoryLog(std::shared_ptr<MemoryStore> store) : store_(std::move(store)) {}

  void append(uint64_t token, std::string header, std::string value) override {
    Delivery delivery{token, Delivery::Outcome::kCommitted, store_->end(), {}};
    failed_ = failed_ || header.size() + value.size() > max_entry_bytes();
    if (failed_) {
      delivery = {token, Delivery::Outcome::kNotWritten, kNoPosition, "too large, or behind one that is"};
    } else {
      store_->entries.push_back({store_->end(), std::move(header), std::move(value)});
    }
    deliveries_.push({std::move(delivery)});
    ready_.raise();
  }

  void abandon() override {
    failed_ = false;
    deliveries_.clear();
  }
  void poll(const std::function<void(Delivery)>& deliver) override { deliveries_.poll(deliver); }
  void set_ready_callback(std::function<void()> ready) override { ready_.set(std::move(ready)); }

  Result<Position> begin() override { return store_->begin; }
  Result<Position> end() override { return store_->end(); }

  Result<std::unique_ptr<LogReader>> read_from(Position from) override {
    if (from < store_->begin || from > store_->end()) return Error{"out of range"};
    return std::unique_ptr<LogReader>(std::make_unique<MemoryReader>(store_, from));
  }

  Result<Done> truncate(Position before) override {
    if (before < 0 || before > store_->end()) return Error{"out of range"};
    for (; store_->begin < before; ++store_->begin) store_->entries.pop_front();
    return Done{};
  }

  size_t max_entry_bytes() const override { return size_t{1} << 20; }
  std::string describe() const override { return "memory"; }

 private:
  std::shared_ptr<MemoryStore> store_;
  DeliveryQueue deliveries_;
  ReadySignal ready_;
  bool failed_ = false;
};

}  // namespace holdfast::testing
