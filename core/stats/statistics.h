// What the clients of Holdfast do: INFO's commandstats, errorstats and latencystats, LATENCY HISTOGRAM and SLOWLOG.
// Redis has one client, Holdfast, so what it counts itself is something else.
//
// The time of a command is what its client waits for: from when Holdfast takes it until its reply may leave, the log
// included. Called for each request, so cheap: a look at a table, a few additions, no allocation.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/command/table.h"
#include "core/resp/request.h"
#include "core/stats/command_log.h"
#include "core/stats/error_counts.h"
#include "core/stats/request.h"

namespace holdfast {

// How a client's request is shown.
struct Shown {
  std::string_view address, name;         // of the client
  std::string_view text;                  // as it was kept; empty:
  const RequestParser* parser = nullptr;  // has it still; nullptr: it cannot be shown
};

class Statistics {
 public:
  Statistics(std::function<int64_t()> monotonic_us, std::function<int64_t()> unix_s)
      : monotonic_us_(std::move(monotonic_us)), unix_s_(std::move(unix_s)) {}

  // The clock is read once for what happens at one time.
  void time_passes() { now_us_ = 0; }
  int64_t now_us() {
    if (now_us_ == 0) now_us_ = monotonic_us_();
    return now_us_;
  }

  CommandStat* stat_of(const CommandInfo* info);  // nullptr: of no known command
  Request begin(const CommandInfo* info, size_t bytes) {
    return {.open = true, .stat = stat_of(info), .since_us = now_us(), .bytes = bytes};
  }
  // Whether requests under way are to be kept, for the logs.
  bool keeps_requests() const { return slow.on() || large_requests.on() || large_replies.on(); }

  // Its reply may leave; `reply` may be its beginning only, if it is no error.
  void done(const Request& request, std::string_view reply, const Shown& shown);
  void part_done(const Request& exec, const TransactionPart& part, const Shown& shown);

  void reset();  // CONFIG RESETSTAT: all but the logs

  // A setting of Redis's that is about this; others are passed over. Redis has taken it: the value is right.
  void set(std::string_view name, std::string_view value);
  static bool is_setting(std::string_view name);

  using Commands = std::map<std::string, std::unique_ptr<CommandStat>, std::less<>>;
  const Commands& commands() const { return commands_; }
  ErrorCounts errors;
  CommandLog slow{10'000}, large_requests{-1}, large_replies{-1};
  const std::vector<double>& percentiles() const { return percentiles_; }

 private:
  void count(CommandStat* stat, int64_t usec, bool rejected, bool failed);
  void log(const CommandStat& stat, int64_t usec, size_t bytes, size_t reply_bytes, const Shown& shown);
  void add_to(CommandLog* log, int64_t value, const CommandStat& stat, const Shown& shown) const;

  std::function<int64_t()> monotonic_us_, unix_s_;
  int64_t now_us_ = 0;
  Commands commands_;
  std::vector<CommandStat*> by_number_;  // of CommandInfo; it may be another's by now, see there
  bool tracking_ = true;
  std::vector<double> percentiles_ = {50, 99, 99.9};
};

// Whether Redis, or Holdfast, refused the command before it was executed.
bool refused_unexecuted(std::string_view reply);

}  // namespace holdfast
