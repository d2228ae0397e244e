// Simulated time: a queue of what is going to happen. Nothing happens but through it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace holdfast::simulation {

inline constexpr int64_t kMs = 1000;
inline constexpr int64_t kSecond = 1'000'000;

class SimClock {
 public:
  int64_t now_us() const { return now_us_; }
  int64_t unix_ms() const { return kUnixStartMs + now_us_ / kMs; }
  uint64_t events() const { return events_; }

  // Events of the same time happen in the order of these calls.
  void at(int64_t time_us, std::function<void()> action) {
    queue_.push_back(Event{std::max(time_us, now_us_), next_number_++, std::move(action)});
    std::push_heap(queue_.begin(), queue_.end(), later);
  }
  void in(int64_t delay_us, std::function<void()> action) { at(now_us_ + delay_us, std::move(action)); }

  // Lets the next event happen; false: there is none.
  bool step() {
    if (queue_.empty()) return false;
    std::pop_heap(queue_.begin(), queue_.end(), later);
    Event event = std::move(queue_.back());
    queue_.pop_back();
    now_us_ = event.time_us;
    events_++;
    event.action();
    return true;
  }

 private:
  static constexpr int64_t kUnixStartMs = 1'700'000'000'000;

  struct Event {
    int64_t time_us;
    uint64_t number;
    std::function<void()> action;
  };
  static bool later(const Event& a, const Event& b) {
    return a.time_us != b.time_us ? a.time_us > b.time_us : a.number > b.number;
  }

  std::vector<Event> queue_;
  int64_t now_us_ = 0;
  uint64_t next_number_ = 0;
  uint64_t events_ = 0;
};

}  // namespace holdfast::simulation
