// A request on its way, for the statistics: what it is of, since when, and how it can be shown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/stats/latency_histogram.h"

namespace holdfast {

// What is counted of one command; for as long as Holdfast runs.
struct CommandStat {
  std::string name;
  bool in_logs = true;  // SLOWLOG may show it
  uint64_t calls = 0, usec = 0;
  uint64_t rejected = 0;  // refused before it was executed: not in calls
  uint64_t failed = 0;    // answered with an error: in calls, too
  std::unique_ptr<LatencyHistogram> latency;

  bool used() const { return calls > 0 || rejected > 0 || failed > 0; }
};

// The requests of one client that are under way, as SLOWLOG would show them: first in, first out, in one piece of
// memory.
class KeptRequests {
 public:
  struct Text {
    uint64_t at = 0;
    size_t bytes = 0;  // 0: not kept
  };

  Text keep(const std::vector<std::string_view>& argv, std::string_view canonical);
  std::string_view of(const Text& text) const { return std::string_view(bytes_).substr(text.at - first_, text.bytes); }
  // No text before this one is of interest any more.
  void drop_before(uint64_t at);
  void drop_all() { drop_before(first_ + bytes_.size()); }
  size_t bytes() const { return bytes_.size(); }

 private:
  std::string bytes_;
  uint64_t first_ = 0;  // where bytes_ begins, counted over all that ever was kept
};

struct Request {
  bool open = false;            // it has no reply yet
  bool rejected = false;        // refused before it was executed
  bool kept = false;            // as far as it is to be: the parser may have read another by now
  CommandStat* stat = nullptr;  // nullptr: of no known command
  int64_t since_us = 0;
  int64_t stopped_us = 0;  // since when its time does not count (a blocked client waits); 0: it does
  size_t bytes = 0;        // as it came
  KeptRequests::Text text;

  void stop(int64_t now_us) {
    if (stopped_us == 0) stopped_us = now_us;
  }
  void go_on(int64_t now_us) {
    if (stopped_us != 0) since_us += now_us - stopped_us;
    stopped_us = 0;
  }
  int64_t duration_us(int64_t now_us) const { return (stopped_us != 0 ? stopped_us : now_us) - since_us; }
};

// The commands of a transaction, whose replies come one after the other.
struct TransactionPart {
  CommandStat* stat = nullptr;
  size_t bytes = 0;
  KeptRequests::Text text;
  size_t reply_bytes = 0;
  std::string error;  // its reply, if that is an error: the beginning
};
struct TransactionParts {
  std::vector<TransactionPart> list;
  size_t answered = 0;

  void add_reply(std::string_view reply);
};

}  // namespace holdfast
