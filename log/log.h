// One shard's log: an ordered, durable, append-only sequence of entries (a header and a value, bytes to the log).
//
// Positions count from 0 without holes that an append of ours could leave, except that a Kafka log may have been
// truncated at its beginning. The log knows nothing of epochs, batches or checksums: those are core/record's.
//
// Three implementations: Kafka (log/kafka), SQLite (log/sqlite), simulated (tests/simulation). All pass the one
// conformance suite in tests/unit/log_conformance_test.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"

namespace holdfast {

using Position = int64_t;
inline constexpr Position kNoPosition = -1;

struct LogEntry {
  Position position = kNoPosition;
  std::string header;
  std::string value;
};

// Reads forwards from one position.
class LogReader {
 public:
  virtual ~LogReader() = default;

  // Appends to `out` what can be had now, in order of position, stopping once `max_bytes` are reached (at least one
  // entry is given when there is one, however large). Returns the number of entries appended; 0: nothing more is
  // there yet. Never blocks longer than some milliseconds. An error is final for this reader: open another.
  virtual Result<size_t> poll(std::vector<LogEntry>* out, size_t max_bytes) = 0;

  // Whether the last error was that the log has no such position (any more): reading again will not help.
  virtual bool out_of_range() const { return false; }
};

struct Delivery {
  enum class Outcome {
    kCommitted,   // it is in the log, durable, at `position`
    kNotWritten,  // it is not in the log and will never be
    kUnknown,     // it may be in the log, now or later (time-out, lost connection, no offset in the answer)
  };
  uint64_t token = 0;
  Outcome outcome = Outcome::kUnknown;
  Position position = kNoPosition;
  std::string reason;  // for people, unless committed
};

class Log {
 public:
  virtual ~Log() = default;

  // Hands an entry to the log. Entries are written in the order of these calls. What became of each is told once by
  // poll(), in the same order. After one that was not committed, all that follow end as kNotWritten or kUnknown until
  // abandon() is called.
  virtual void append(uint64_t token, std::string header, std::string value) = 0;

  // Forgets what is in flight: no deliveries are told for it any more; it may still reach the log, also later.
  // Appending works again afterwards (Kafka: with a new producer instance).
  virtual void abandon() = 0;

  // Calls `deliver` for each delivery that came in since the last call, on the calling thread. Does not block.
  virtual void poll(const std::function<void(Delivery)>& deliver) = 0;

  // `ready` is called, from any thread, when poll() has something to tell. It must only wake the loop up.
  virtual void set_ready_callback(std::function<void()> ready) = 0;

  // The first position that is there, and the one behind the last. Block, at most for the configured time-out.
  virtual Result<Position> begin() = 0;
  virtual Result<Position> end() = 0;

  virtual Result<std::unique_ptr<LogReader>> read_from(Position from) = 0;

  // Removes all entries before `position`. Their space may be freed later.
  virtual Result<Done> truncate(Position before) = 0;

  // The largest header + value that append() takes.
  virtual size_t max_entry_bytes() const = 0;

  // For people: "kafka topic orders at a:9092,b:9092", "sqlite /data/log.db".
  virtual std::string describe() const = 0;
};

}  // namespace holdfast
