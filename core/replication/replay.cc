#include "core/replication/replay.h"

#include <algorithm>

namespace holdfast {

void Replay::add(const Record& record, const ChainState& chain) {
  // Batches before an EFFECTS record are in pending_ unless they are settled and were taken.
  if (record.type == RecordType::kBatch && record.position > skip_) {
    pending_.push_back(Pending{record.position, record.time_ms, chain, record.value, false, {}});
  }
  if (record.type == RecordType::kSnapshot && !has_batches()) {
    // The state at this position: what stands before it is in there.
    if (Result<SnapshotRef> ref = parse_snapshot_ref(record.value); ref.ok()) base_ = std::move(*ref);
    ready_after_.clear();
  }
  if (record.type == RecordType::kUsers) users_ = {record.position, record.value};
  size_t at = 0;
  for (const Segment& segment : record.segments) {
    place(segment, std::string_view(record.value).substr(at, segment.length), record);
    at += segment.length;
  }
  if (record.settled.position > settled_) settled_ = record.settled.position;
  if (!record.settled.replid.empty()) newest_ = record.settled;
}

void Replay::place(const Segment& segment, std::string_view commands, const Record& record) {
  const auto it =
      std::lower_bound(pending_.begin(), pending_.end(), segment.batch,
                       [](const Pending& pending, Position position) { return pending.position < position; });
  const bool found = it != pending_.end() && it->position == segment.batch;
  const ReplayPiece after{std::string(commands), segment.batch, false, record.position, record.time_ms, {}};
  if (segment.place == Segment::Place::kInsteadOf) {
    if (!found) return;  // settled before the point where this replay began
    it->commands = std::string(commands);
    it->replaced = true;
  } else if (found) {
    it->after.push_back(after);
  } else if (segment.batch >= last_taken_ && segment.batch >= skip_) {
    // Behind the batch that was taken last: nothing can have happened since.
    ready_after_.push_back(after);
  }
}

Replay::Pending Replay::take_pending_front() {
  Pending front = std::move(pending_.front());
  pending_.pop_front();
  last_taken_ = front.position;
  settled_chain_ = front.chain;
  return front;
}

void Replay::take(std::vector<ReplayPiece>* out) {
  auto take_after = [&](std::vector<ReplayPiece>* after) {
    for (ReplayPiece& piece : *after) out->push_back(std::move(piece));
    after->clear();
  };
  take_after(&ready_after_);
  while (!pending_.empty() && pending_.front().position <= settled_) {
    Pending front = take_pending_front();
    out->push_back(front.as_piece());
    take_after(&front.after);
  }
}

}  // namespace holdfast
