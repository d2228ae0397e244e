// A log that does all that Kafka has been seen to do: it is slow, away for a while, tells that it does not know, writes
// what it said it did not know of (also later, behind newer entries), writes twice, and leaves gaps.
// It keeps its one promise: what it has confirmed is there, at the position that it told.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "log/log.h"
#include "tests/simulation/coverage.h"
#include "tests/simulation/rng.h"
#include "tests/simulation/sim_clock.h"

namespace holdfast::simulation {

struct SimLogOptions {
  size_t max_entry_bytes = 1 << 20;
  int64_t latency_us = 2 * kMs;
  int64_t timeout_us = 500 * kMs;  // after which an entry that the log did not confirm is told as unknown
};

class SimLog : public Log {
 public:
  SimLog(SimClock* clock, Rng* rng, Coverage* coverage, SimLogOptions options)
      : clock_(clock), rng_(rng), coverage_(coverage), options_(options) {}

  void append(uint64_t token, std::string header, std::string value) override;
  void abandon() override;
  void poll(const std::function<void(Delivery)>& deliver) override;
  void set_ready_callback(std::function<void()> ready) override { ready_ = std::move(ready); }
  Result<Position> begin() override { return Position{0}; }
  Result<Position> end() override;
  Result<std::unique_ptr<LogReader>> read_from(Position from) override;
  Result<Done> truncate(Position) override { return Error{"not simulated"}; }
  size_t max_entry_bytes() const override { return options_.max_entry_bytes; }
  std::string describe() const override { return "simulated"; }

  // The process that wrote it died; a new one opens it.
  void reopen();
  // How likely an entry meets a fault. 0: from here on all goes well.
  void set_fault_rate(double rate) { fault_rate_ = rate; }
  // Nothing is written or read for a while.
  void go_away(int64_t us) { away_until_us_ = clock_->now_us() + us; }
  void come_back() { away_until_us_ = 0; }
  // Whether the process that writes is still alive.
  void set_gate(std::function<bool()> gate) { gate_ = std::move(gate); }
  // Called for each entry once it is in the log.
  void set_observer(std::function<void(const LogEntry&)> observer) { observer_ = std::move(observer); }

  const std::vector<LogEntry>& entries() const { return entries_; }
  // As somebody else changes what is there, or writes behind it.
  std::vector<LogEntry>* damage() { return &entries_; }

 private:
  friend class SimLogReader;

  struct InFlight {
    uint64_t token;
    std::string header, value;
    int64_t since_us;
  };
  enum class Fate { kGood, kTwice, kUnknownWritten, kUnknownLost, kUnknownLate, kNotWritten };

  void forget_in_flight();
  bool away() const { return clock_->now_us() < away_until_us_; }
  void schedule(const std::shared_ptr<InFlight>& entry);
  void arrive(uint64_t generation, const std::shared_ptr<InFlight>& entry, Fate fate);
  Position write(const InFlight& entry);
  void write_late(const std::shared_ptr<InFlight>& entry);
  void tell(uint64_t generation, Delivery delivery, int64_t delay_us);
  Fate draw_fate();

  SimClock* clock_;
  Rng* rng_;
  Coverage* coverage_;
  SimLogOptions options_;
  std::vector<LogEntry> entries_;
  std::function<void()> ready_;
  std::function<bool()> gate_;
  std::function<void(const LogEntry&)> observer_;

  double fault_rate_ = 0;
  int64_t away_until_us_ = 0;
  uint64_t generation_ = 0;
  bool failed_ = false;  // since the last abandon()
  int64_t busy_until_us_ = 0;
  int64_t told_until_us_ = 0;
  std::deque<std::shared_ptr<InFlight>> in_flight_;
  std::deque<Delivery> deliveries_;
};

}  // namespace holdfast::simulation
