// The callback by which a log wakes the loop up. Once set() has returned, the one set before is not called any more.
#pragma once

#include <functional>
#include <mutex>
#include <utility>

namespace holdfast {

class ReadySignal {
 public:
  void set(std::function<void()> ready) {
    const std::lock_guard lock(mutex_);
    ready_ = std::move(ready);
  }

  void raise() {
    const std::lock_guard lock(mutex_);
    if (ready_) ready_();
  }

 private:
  std::mutex mutex_;
  std::function<void()> ready_;
};

}  // namespace holdfast
