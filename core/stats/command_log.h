// SLOWLOG, and Valkey's COMMANDLOG: the requests that took longest, or were largest, the newest first. Bounded: so many
// entries, of so many arguments, of so many bytes. No entry shows a password.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

class CommandLog {
 public:
  struct Entry {
    int64_t id = 0;
    int64_t time_s = 0;
    int64_t value = 0;  // microseconds, or bytes
    std::vector<std::string> argv;
    std::string address, name;  // of the client
  };

  // `threshold` < 0: nothing is logged.
  explicit CommandLog(int64_t threshold) : threshold_(threshold) {}
  void set_threshold(int64_t threshold) { threshold_ = threshold; }
  void set_most(size_t entries);

  bool on() const { return threshold_ >= 0; }
  bool wants(int64_t value) const { return on() && value >= threshold_; }
  void add(Entry entry);
  void reset() { entries_.clear(); }

  const std::deque<Entry>& entries() const { return entries_; }

 private:
  int64_t threshold_;
  size_t most_ = 128;
  int64_t next_id_ = 0;
  std::deque<Entry> entries_;
};

// Appends a request as it is shown: at most 32 arguments of 128 bytes, the last ones say how much is missing.
void append_trimmed(std::string* out, const std::vector<std::string_view>& argv, std::string_view canonical);

// Puts "(redacted)" in the place of what nobody else may see: passwords, and all that is said of a user.
void redact(std::string_view command, std::vector<std::string>* argv);

}  // namespace holdfast
