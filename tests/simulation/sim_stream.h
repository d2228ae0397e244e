// A connection: two streams of bytes, one each way. Bytes arrive in order, in pieces split at random, some time later.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "tests/simulation/rng.h"
#include "tests/simulation/sim_clock.h"

namespace holdfast::simulation {

class SimStream : public std::enable_shared_from_this<SimStream> {
 public:
  struct Handlers {
    std::function<void(std::string_view)> on_data;
    std::function<void()> on_closed;
    std::function<void()> on_end = {};  // the other end sends no more, but still reads
  };

  // `latency_us`: of a piece, at most, in ordinary times.
  SimStream(SimClock* clock, Rng* rng, int64_t latency_us) : clock_(clock), rng_(rng), latency_us_(latency_us) {}

  // The ends are 0 and 1.
  void attach(int end, Handlers handlers) { ends_[end].handlers = std::move(handlers); }
  void send(int end, std::string bytes);

  // This end sends no more.
  void end(int end);
  // This end hears nothing more. The other one gets what is under way and then hears of it.
  void close(int end);
  // The connection breaks: both ends hear of it, each some time later; some of what is under way is lost.
  void cut();
  // The process at `end` dies. What it has sent arrives still, all or some of it, up to `late_us` later than it would.
  void abandon(int end, int64_t late_us);

  bool open(int end) const { return ends_[end].open; }

 private:
  struct End {
    Handlers handlers;
    bool open = true;
    int64_t busy_until_us = 0;         // nothing that is sent from here arrives before
    int64_t lost_from_us = INT64_MAX;  // what would arrive later than that is lost
    int64_t extra_us = 0;
  };

  int64_t arrival(End* from);
  void deliver(int to, const std::string& piece);
  void hear_of_end(int end);

  SimClock* clock_;
  Rng* rng_;
  int64_t latency_us_;
  End ends_[2];
};

}  // namespace holdfast::simulation
