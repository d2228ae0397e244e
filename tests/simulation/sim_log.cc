#include "tests/simulation/sim_log.h"

#include <algorithm>
#include <utility>

namespace holdfast::simulation {

class SimLogReader : public LogReader {
 public:
  SimLogReader(SimLog* log, Position next) : log_(log), next_(next) {}

  Result<size_t> poll(std::vector<LogEntry>* out, size_t max_bytes) override {
    if (log_->fault_rate_ > 0 && log_->rng_->chance(0.02)) {
      log_->coverage_->count("log: read fails");
      return Error{"the simulated log fails to read"};
    }
    // What is there need not have been fetched yet.
    if (log_->away() || log_->rng_->chance(0.2)) {
      // Time does not go on while the caller waits in a loop.
      if (++in_vain_ > 100) return Error{"the simulated log does not answer"};
      return size_t{0};
    }
    in_vain_ = 0;
    size_t count = 0;
    size_t bytes = 0;
    const auto end = static_cast<Position>(log_->entries_.size());
    const int64_t most = log_->rng_->chance(0.3) ? log_->rng_->between(1, 5) : INT64_MAX;
    for (; next_ < end && (count == 0 || bytes < max_bytes) && static_cast<int64_t>(count) < most; next_++, count++) {
      out->push_back(log_->entries_[static_cast<size_t>(next_)]);
      bytes += out->back().header.size() + out->back().value.size();
    }
    return count;
  }

 private:
  SimLog* log_;
  Position next_;
  int in_vain_ = 0;
};

Result<Position> SimLog::end() {
  if (away()) return Error{"the simulated log is away"};
  return static_cast<Position>(entries_.size());
}

Result<std::unique_ptr<LogReader>> SimLog::read_from(Position from) {
  if (away()) return Error{"the simulated log is away"};
  if (from < 0 || from > static_cast<Position>(entries_.size())) return Error{"out of range"};
  return std::unique_ptr<LogReader>(std::make_unique<SimLogReader>(this, from));
}

void SimLog::append(uint64_t token, std::string header, std::string value) {
  if (gate_ && !gate_()) return;
  auto entry = std::make_shared<InFlight>(InFlight{token, std::move(header), std::move(value), clock_->now_us()});
  in_flight_.push_back(entry);
  schedule(entry);
}

SimLog::Fate SimLog::draw_fate() {
  if (failed_) {
    // Behind a failure nothing is told as committed, but all may happen.
    constexpr Fate kFates[] = {Fate::kUnknownWritten, Fate::kUnknownLost, Fate::kUnknownLate, Fate::kNotWritten};
    return kFates[rng_->below(4)];
  }
  if (!rng_->chance(fault_rate_)) return Fate::kGood;
  constexpr Fate kFates[] = {Fate::kTwice, Fate::kUnknownWritten, Fate::kUnknownLost, Fate::kUnknownLate,
                             Fate::kNotWritten};
  return kFates[rng_->below(5)];
}

void SimLog::schedule(const std::shared_ptr<InFlight>& entry) {
  const int64_t latency =
      rng_->chance(0.03) ? rng_->between(1, 30 * options_.latency_us) : rng_->between(1, options_.latency_us);
  busy_until_us_ = std::max(busy_until_us_, clock_->now_us() + latency);
  clock_->at(busy_until_us_, [this, generation = generation_, entry] {
    if (generation == generation_) arrive(generation, entry, draw_fate());
  });
}

void SimLog::arrive(uint64_t generation, const std::shared_ptr<InFlight>& entry, Fate fate) {
  if (generation != generation_) return;
  if (away() && !failed_) {
    // Waits for the log to come back, but not for ever.
    if (clock_->now_us() - entry->since_us < options_.timeout_us) {
      clock_->in(10 * kMs, [this, generation, entry, fate] { arrive(generation, entry, fate); });
      return;
    }
    coverage_->count("log: an entry timed out");
    fate = rng_->chance(0.5) ? Fate::kUnknownLate : Fate::kUnknownLost;
  }
  // An earlier entry still waits: so does this one.
  if (in_flight_.front() != entry) {
    clock_->in(1 * kMs, [this, generation, entry, fate] { arrive(generation, entry, fate); });
    return;
  }
  if (failed_ && (fate == Fate::kGood || fate == Fate::kTwice)) fate = draw_fate();
  in_flight_.pop_front();
  Delivery delivery{entry->token, Delivery::Outcome::kUnknown, kNoPosition, "the simulated log does not know"};
  switch (fate) {
    case Fate::kGood:
      delivery.outcome = Delivery::Outcome::kCommitted;
      delivery.position = write(*entry);
      break;
    case Fate::kTwice:
      coverage_->count("log: an entry twice");
      delivery.outcome = Delivery::Outcome::kCommitted;
      delivery.position = write(*entry);
      if (rng_->chance(0.5)) {
        const Position second = write(*entry);
        if (rng_->chance(0.5)) delivery.position = second;
      } else {
        write_late(entry);
      }
      break;
    case Fate::kUnknownWritten:
      coverage_->count("log: unknown, written");
      write(*entry);
      break;
    case Fate::kUnknownLost: coverage_->count("log: unknown, lost"); break;
    case Fate::kUnknownLate:
      coverage_->count("log: unknown, written late");
      write_late(entry);
      break;
    case Fate::kNotWritten:
      coverage_->count("log: not written");
      delivery.outcome = Delivery::Outcome::kNotWritten;
      delivery.reason = "the simulated log refuses it";
      break;
  }
  failed_ = failed_ || delivery.outcome != Delivery::Outcome::kCommitted;
  tell(generation, std::move(delivery), rng_->between(1, options_.latency_us));
}

Position SimLog::write(const InFlight& entry) {
  entries_.push_back(LogEntry{static_cast<Position>(entries_.size()), entry.header, entry.value});
  if (observer_) observer_(entries_.back());
  return entries_.back().position;
}

void SimLog::write_late(const std::shared_ptr<InFlight>& entry) {
  const int64_t delay = rng_->chance(0.5) ? rng_->between(1, 20 * kMs) : rng_->between(1, 3 * kSecond);
  clock_->in(delay, [this, entry] {
    coverage_->count("log: an entry arrived late");
    write(*entry);
  });
}

void SimLog::tell(uint64_t generation, Delivery delivery, int64_t delay_us) {
  told_until_us_ = std::max(told_until_us_, clock_->now_us() + delay_us);
  clock_->at(told_until_us_, [this, generation, delivery] {
    if (generation != generation_) return;
    deliveries_.push_back(delivery);
    if (ready_) ready_();
  });
}

void SimLog::abandon() {
  if (!gate_ || gate_()) forget_in_flight();
}

void SimLog::forget_in_flight() {
  generation_++;
  failed_ = false;
  busy_until_us_ = told_until_us_ = 0;
  deliveries_.clear();
  for (const std::shared_ptr<InFlight>& entry : in_flight_) {
    if (rng_->chance(0.4)) {
      write_late(entry);
    } else if (rng_->chance(0.3)) {
      write(*entry);
    }
  }
  in_flight_.clear();
}

void SimLog::reopen() {
  ready_ = nullptr;
  forget_in_flight();
}

void SimLog::poll(const std::function<void(Delivery)>& deliver) {
  while (!deliveries_.empty()) {
    Delivery delivery = std::move(deliveries_.front());
    deliveries_.pop_front();
    deliver(std::move(delivery));
  }
}

}  // namespace holdfast::simulation
