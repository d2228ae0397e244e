// Reads a log from a known state and hands out what to apply: reader, chain and replay in one. Used by the proxy and
// by the recovery tool.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/record/record.h"
#include "core/replication/replay.h"
#include "log/log.h"

namespace holdfast {

class LogSource {
 public:
  // Begins behind `from`; all up to there is applied already.
  explicit LogSource(Log* log, const ChainState& from = {}) : log_(log), chain_(from), replay_(from) {}

  // Reads what can be had now, about `max_bytes`. Returns how many entries that were. What cannot count and is not void
  // either (see Chain) is an error, from then on; all before it has been read.
  Result<size_t> read(size_t max_bytes);

  Chain& chain() { return chain_; }
  Replay& replay() { return replay_; }
  const Replay& replay() const { return replay_; }
  // The last entry that was read, whether it counts or not.
  Position position() const { return position_; }

  // Whether the last error was one in what the log holds, not in reading it; and where.
  bool damaged() const { return !damage_.empty(); }
  Position damaged_at() const { return damaged_at_; }

  // As the first claim that was read tells it; from the log's beginning on, that is the log's id.
  const std::string& log_id() const { return log_id_; }

  // Looks for a state of the log that must occur: where a Redis says it is. Call before reading.
  void expect(const ChainState& state) { expected_ = state; }
  bool expectation_met() const { return met_; }

 private:
  Log* log_;
  Chain chain_;
  Replay replay_;
  std::unique_ptr<LogReader> reader_;
  Position position_ = kNoPosition;
  bool started_ = false;
  std::string log_id_;
  ChainState expected_;
  bool met_ = false;
  std::string damage_;
  Position damaged_at_ = kNoPosition;
};

}  // namespace holdfast
