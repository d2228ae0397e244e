// Takes apart in the background what may block while it is taken apart. Ends when all of it has ended.
#pragma once

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace holdfast::kafka {

class Disposal {
 public:
  template <class T>
  void take(std::unique_ptr<T> object) {
    const std::lock_guard lock(mutex_);
    std::erase_if(tasks_, [](const std::future<void>& task) {
      return task.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    });
    tasks_.push_back(std::async(std::launch::async, [gone = std::move(object)]() mutable { gone.reset(); }));
  }

 private:
  std::mutex mutex_;
  std::vector<std::future<void>> tasks_;  // the destructor of each waits for it
};

}  // namespace holdfast::kafka
