// Replay: turns the records of a log, in order, into the effects to apply, in order. The one place that knows how
// batches and EFFECTS records go together; followers, recovery, verification and rebuilding all use it.
//
// What a batch did is known once it is settled: then either an EFFECTS record stands in its place, or its own bytes are
// what happened. So pieces come out only as far as the log is settled; what is behind is the unsettled tail.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/record/record.h"
#include "core/record/snapshot_ref.h"

namespace holdfast {

// Something to apply, all or nothing.
struct ReplayPiece {
  std::string commands;             // beginning with a SELECT
  Position batch = kNoPosition;     // the batch it belongs to or follows
  bool is_batch = false;            // false: effects between batches
  Position recorded = kNoPosition;  // of the record that tells it
  int64_t time_ms = 0;              // of that record
  ChainState chain;                 // of the log at this batch (is_batch only)
};

// What the newest USERS record says.
struct RecordedUsers {
  Position position = kNoPosition;  // none
  std::string list;
};

class Replay {
 public:
  // `applied`: the log's state at a settled batch; all up to there is applied already and is left out.
  explicit Replay(const ChainState& applied = {})
      : settled_(applied.position), skip_(applied.position), settled_chain_(applied) {}

  // A record that counts, with the state of the log behind it.
  void add(const Record& record, const ChainState& chain);

  // The base snapshot that all begins with, if there is one; known once the first batch or the log's end was read.
  const std::optional<SnapshotRef>& base() const { return base_; }
  const RecordedUsers& users() const { return users_; }
  bool has_batches() const { return !pending_.empty() || last_taken_ != kNoPosition; }

  // Moves what is settled to the end of `out`.
  void take(std::vector<ReplayPiece>* out);

  // The batches that no record has settled yet, oldest first.
  struct Pending {
    Position position;
    int64_t time_ms;
    ChainState chain;
    std::string commands;            // the batch's own, or what stands in its place
    bool replaced = false;           // an EFFECTS record stands in its place
    std::vector<ReplayPiece> after;  // effects behind it and before the next batch

    ReplayPiece as_piece() { return {std::move(commands), position, true, position, time_ms, chain}; }
  };
  const std::deque<Pending>& pending() const { return pending_; }
  Pending take_pending_front();

  // What the newest record says of how far the effects are accounted for.
  const Settled& settled() const { return newest_; }
  // The log's state at the batch that was settled last (or at the start).
  const ChainState& settled_chain() const { return settled_chain_; }

 private:
  void place(const Segment& segment, std::string_view commands, const Record& record);

  std::deque<Pending> pending_;
  std::vector<ReplayPiece> ready_after_;  // effects behind the last batch that was taken
  Position settled_;
  Position skip_;
  ChainState settled_chain_;
  Position last_taken_ = kNoPosition;
  Settled newest_;
  std::optional<SnapshotRef> base_;
  RecordedUsers users_;
};

}  // namespace holdfast
