// Deliveries on their way from the thread that writes a log to the loop.
#pragma once

#include <deque>
#include <functional>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

#include "log/log.h"

namespace holdfast {

class DeliveryQueue {
 public:
  void push(std::vector<Delivery> deliveries) {
    const std::lock_guard lock(mutex_);
    queue_.insert(queue_.end(), std::make_move_iterator(deliveries.begin()), std::make_move_iterator(deliveries.end()));
  }

  void clear() {
    const std::lock_guard lock(mutex_);
    queue_.clear();
  }

  // Takes them one by one, since `deliver` may abandon the log and with it those that are left.
  void poll(const std::function<void(Delivery)>& deliver) {
    Delivery delivery;
    while (pop(&delivery)) deliver(std::move(delivery));
  }

 private:
  bool pop(Delivery* delivery) {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) return false;
    *delivery = std::move(queue_.front());
    queue_.pop_front();
    return true;
  }

  std::mutex mutex_;
  std::deque<Delivery> queue_;
};

}  // namespace holdfast
