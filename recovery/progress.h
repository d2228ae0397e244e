// How far a long task is: one line that is renewed on a terminal, a line now and then elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace holdfast {

class Progress {
 public:
  // `task`: "replaying"; `unit`: what is counted, "records".
  Progress(std::string task, std::string unit);
  ~Progress() { end(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap enough to be called all the time. `total` may be 0: not known.
  void update(int64_t done, int64_t total, uint64_t bytes);
  // A line of its own, for people.
  void say(const std::string& line);

  // Takes the line off the terminal: before anything else is printed.
  void end();

  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;

  std::string task_;
  std::string unit_;
  bool terminal_;
  Clock::time_point started_;
  Clock::time_point shown_;
  bool line_open_ = false;
};

}  // namespace holdfast
