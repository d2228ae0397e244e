// Records: what Holdfast writes into its log. The format is documented for people in docs/log-format.md.
//
// An entry of the log is a header (one line of text, below) and a value (plain RESP for batches and effects, so that
// kcat prints a readable change feed and redis-cli --pipe can replay it).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "log/log.h"

namespace holdfast {

enum class RecordType : char {
  kBatch = 'B',     // commands, as admitted: SELECT first, then writes with a SELECT wherever the database changes
  kEffects = 'E',   // what Redis did where that is not what the batches say: see Segment
  kClaim = 'C',     // begins an epoch; the value is the log's id
  kSettled = 'S',   // nothing but its header: the settled position of a leader that went idle
  kSnapshot = 'D',  // a base snapshot holds the state at this record's position; the value names it (see SnapshotRef)
  kUsers = 'U',     // all users, as ACL LIST and ACL files write them; in the place of what an earlier one said
};

// Where a piece of the value of an EFFECTS record belongs.
struct Segment {
  enum class Place : char {
    kInsteadOf = 'r',  // it replaces the batch at `batch`
    kAfter = 'a',      // it happened behind the batch at `batch` and before the next one (-1: before the first)
  };
  Place place = Place::kAfter;
  Position batch = kNoPosition;
  size_t length = 0;  // bytes of the value; segments follow one another

  bool operator==(const Segment&) const = default;
};

// How far the effects of Redis are accounted for: every effect up to `offset` of the replication stream `replid` is
// what the batches up to `position` say, or stands in an EFFECTS record up to and including the one that tells this.
struct Settled {
  Position position = kNoPosition;
  std::string replid;  // 40 hex digits; empty: not known yet
  int64_t offset = 0;
  int db = -1;  // selected in the stream at that offset; -1: none, a SELECT comes first

  bool operator==(const Settled&) const = default;
};

struct Record {
  RecordType type = RecordType::kBatch;
  uint64_t epoch = 0;
  uint64_t sequence = 0;  // within the epoch; its claim is 0
  int64_t time_ms = 0;    // Unix time at which it was handed to the log: for people and time travel, decides nothing
  Settled settled;
  uint32_t part = 1, parts = 1;   // a record too large for one entry comes in parts, one entry each
  std::vector<Segment> segments;  // EFFECTS only, in the last part
  std::string nonce;              // CLAIM only: who claims, different for each attempt's owner
  std::string value;

  Position position = kNoPosition;  // where it was read: of the last part
};

// The state of the log at a position: all that is needed to tell which of the records behind it count.
struct ChainState {
  Position position = kNoPosition;  // of the last entry that counts
  uint64_t epoch = 0;
  uint64_t sequence = 0;
  uint64_t check = 0;  // running checksum over all entries that count

  bool operator==(const ChainState&) const = default;
};

struct EncodedEntry {
  std::string header;
  std::string value;
};

// Encodes `record` as the next entries behind `state` (epoch, sequence and checksum are taken from and moved on in
// `state`; its position is the caller's), in as many parts as `max_entry_bytes` demands. A CLAIM is always one entry,
// and its own epoch is used: it is sent without knowledge of what stands before it.
std::vector<EncodedEntry> encode(Record record, size_t max_entry_bytes, ChainState* state);

// Reads a log in order and decides which entries count ("One leader counts at any position"): an entry counts if its
// epoch is the current one and its sequence number is the next; a claim counts if it names the next epoch. Repeated
// entries, entries of older epochs, and everything behind a missing sequence number up to the next claim are void: a
// log makes those by itself. What no log makes by itself is damage, and never passed over.
class Chain {
 public:
  enum class Verdict {
    kCounts,   // `record()` is complete
    kPart,     // counts, but more parts are to come
    kVoid,     // as if it were not there; `reason()` says why
    kDamaged,  // not Holdfast's, or not what was written: stop here; `reason()` says why
  };

  explicit Chain(ChainState from = {}) : state_(from) {}

  Verdict next(const LogEntry& entry);

  const ChainState& state() const { return state_; }
  // The writer itself knows what became of its own records and need not read them.
  void move_on(const ChainState& state) { state_ = state; }
  Record& record() { return record_; }
  const std::string& reason() const { return reason_; }
  // Whose claim the current epoch is; empty if it stands before the state this chain was started from.
  const std::string& nonce() const { return nonce_; }

 private:
  Verdict void_entry(std::string reason);
  Verdict damaged(std::string reason);
  std::string contradiction(const Record& record) const;
  Verdict accept(Record record, const LogEntry& entry, std::string_view checked_header);

  ChainState state_;
  bool broken_ = false;  // a sequence number is missing: nothing counts before the next claim
  std::string nonce_;
  Record record_;
  std::vector<Record> parts_;
  std::string reason_;
};

// For people: what stops whoever reads the log there, and the way out.
std::string stopped_at(Position position, const std::string& reason);

// A record's header alone, for tools: no checks other than the form.
Result<Record> parse_header(std::string_view header);

// The marker: the value of kMarkerKey in the reserved database of every Redis (and RDB) that holds this log's state.
struct Marker {
  std::string log_id;
  ChainState applied;  // the batch that was applied last
  ChainState settled;  // a state at or before the settled position when that was sent: reading may begin behind it
  Position users = kNoPosition;  // of the USERS record that held then
};
inline constexpr std::string_view kMarkerKey = "holdfast:marker";
std::string encode_marker(const Marker& marker);
Result<Marker> parse_marker(std::string_view text);

}  // namespace holdfast
