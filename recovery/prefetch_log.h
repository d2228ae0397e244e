// A log whose entries are read ahead by a thread of its own, so that reading and what is done with what was read go on
// at the same time. Bounded: it does not run away from its reader.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "log/log.h"

namespace holdfast {

class PrefetchLog : public Log {
 public:
  explicit PrefetchLog(Log* log) : log_(log) {}

  // What readers have handed out so far.
  uint64_t entries_read() const { return entries_; }
  uint64_t bytes_read() const { return bytes_; }

  Result<std::unique_ptr<LogReader>> read_from(Position from) override;
  Result<Position> begin() override { return log_->begin(); }
  Result<Position> end() override { return log_->end(); }
  size_t max_entry_bytes() const override { return log_->max_entry_bytes(); }
  std::string describe() const override { return log_->describe(); }

  // Not for writing.
  void append(uint64_t token, std::string header, std::string value) override;
  void abandon() override {}
  void poll(const std::function<void(Delivery)>&) override {}
  void set_ready_callback(std::function<void()>) override {}
  Result<Done> truncate(Position before) override;

 private:
  class Reader;

  Log* log_;
  uint64_t entries_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace holdfast
