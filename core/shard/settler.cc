#include "core/shard/settler.h"

#include <algorithm>
#include <charconv>

#include "core/check.h"
#include "core/deliberate_bug.h"
#include "core/resp/words.h"

namespace holdfast {

void Settler::restart(const Settled& settled, const ChainState& chain) {
  HOLDFAST_CHECK(!effects_due());
  stream_db_ = settled.db;
  in_multi_ = false;
  unit_.clear();
  unit_marker_ = kNoPosition;
  expected_.clear();
  processed_ = settled;
  processed_chain_ = chain;
  // Offsets of the old stream mean nothing any more. What they stood for is in the log.
  points_.clear();
  settled_offset_ = settled.offset;
}

void Settler::processed_through(int64_t end_offset) {
  processed_.offset = end_offset;
  processed_.db = stream_db_;
}

void Settler::on_command(const std::vector<std::string_view>& argv, std::string_view raw, int64_t end_offset,
                         int64_t now_ms, std::vector<Batch*>* seen) {
  const std::string_view name = argv[0];
  if (same_word(name, "SELECT") && argv.size() == 2) {
    std::from_chars(argv[1].data(), argv[1].data() + argv[1].size(), stream_db_);
    if (!in_multi_) end_unit(end_offset, now_ms, seen);
    return;
  }
  if (same_word(name, "MULTI") && argv.size() == 1) {
    in_multi_ = true;
    return;
  }
  if (same_word(name, "EXEC") && argv.size() == 1) {
    in_multi_ = false;
    end_unit(end_offset, now_ms, seen);
    return;
  }
  const bool marker = stream_db_ == reserved_db_ && argv.size() == 3 && argv[1] == kMarkerKey && same_word(name, "SET");
  if (marker) {
    const Result<Marker> parsed = parse_marker(argv[2]);
    if (parsed.ok()) unit_marker_ = parsed->applied.position;
    marker_lost_ = false;
  } else if (stream_db_ == reserved_db_ && argv.size() > 1 && argv[1] == kMarkerKey) {
    marker_lost_ = true;  // evicted: nothing that belongs to the data
  } else if (!same_word(name, "PING") && !same_word(name, "REPLCONF") && !same_word(name, "SCRIPT")) {
    // 6.2 tells its replicas of SCRIPT LOAD and FLUSH, too; they are no data.
    unit_.add(raw, stream_db_);
  }
  if (!in_multi_) end_unit(end_offset, now_ms, seen);
}

void Settler::end_unit(int64_t end_offset, int64_t now_ms, std::vector<Batch*>* seen) {
  if (unit_marker_ != kNoPosition) {
    // A batch that Redis refused as a whole left nothing: the marker of a later one tells.
    while (!expected_.empty() && expected_.front()->position < unit_marker_) {
      Batch* skipped = expected_.front();
      EffectList nothing;
      std::swap(nothing, unit_);
      batch_seen(skipped, false, end_offset, now_ms, seen);
      std::swap(nothing, unit_);
    }
    if (!expected_.empty() && expected_.front()->position == unit_marker_) {
      Batch* batch = expected_.front();
      batch_seen(batch, effects_match(*batch, unit_, now_ms), end_offset, now_ms, seen);
      if (follower_) follower_(batch, unit_, end_offset);
      unit_.clear();
    }
    // A marker alone: this node's own, for a Redis that it has just adopted.
    unit_marker_ = kNoPosition;
  }
  if (!unit_.commands.empty()) {
    effects_between(now_ms, end_offset);
    if (follower_) follower_(nullptr, unit_, end_offset);
  } else {
    processed_through(end_offset);
    add_point(end_offset, 0);
  }
  unit_.clear();
}

void Settler::forget_behind(Position position) {
  while (!expected_.empty() && expected_.back()->position > position) expected_.pop_back();
}

void Settler::settle_refused(std::vector<Batch*>* seen) {
  const auto settles = [](const Batch& batch) { return batch.refused() && !batch.set_aside; };
  while (!in_multi_ && !expected_.empty() && settles(*expected_.front())) {
    batch_seen(expected_.front(), false, processed_.offset, 0, seen);
  }
}

void Settler::batch_seen(Batch* batch, bool matches, int64_t end_offset, int64_t now_ms, std::vector<Batch*>* seen) {
  expected_.pop_front();
  if (!matches) add_segment(Segment::Place::kInsteadOf, batch->position, unit_, now_ms);
  processed_.position = batch->position;
  processed_through(end_offset);
  processed_chain_ = batch->chain;
  draft_.settled = processed_;
  batch->effects_record = matches ? 0 : next_record_;
  add_point(end_offset, batch->effects_record);
  batch->state = Batch::State::kSeen;
  batch->seen_offset = end_offset;
  seen->push_back(batch);
}

void Settler::effects_between(int64_t now_ms, int64_t end_offset) {
  // A batch writes its marker last; what flushes without one was not ours.
  for (const EffectList::Command& command : unit_.commands) {
    RequestParser parser(kNoRequestLimits);
    parser.parse(unit_.bytes_of(command));
    const std::string_view name = parser.argv().empty() ? std::string_view() : parser.argv()[0];
    if (same_word(name, "FLUSHALL") || same_word(name, "FLUSHDB")) marker_lost_ = true;
  }
  std::vector<uint64_t> keys;
  const bool soft = only_removals(unit_, &keys);
  if (soft) {
    for (uint64_t key : keys) removals_[key] = next_record_;
    newest_removal_ = next_record_;
  }
  add_segment(Segment::Place::kAfter, processed_.position, unit_, now_ms);
  processed_through(end_offset);
  draft_.settled = processed_;
  add_point(end_offset, soft ? 0 : next_record_);
}

void Settler::add_segment(Segment::Place place, Position batch, const EffectList& effects, int64_t now_ms) {
  if (kDeliberateBug == 2 && place == Segment::Place::kAfter) return;  // effects between batches are not logged
  int db = -1;                                                         // every segment stands alone
  const std::string value = effects_value(effects, now_ms, &db);
  draft_.append({Segment{place, batch, value.size()}}, value);
}

// Effects behind the same batch are one segment, however many they become while the log is away.
void EffectsDraft::append(const std::vector<Segment>& more, std::string_view commands) {
  for (const Segment& segment : more) {
    const bool joins = !segments.empty() && segment.place == Segment::Place::kAfter &&
                       segments.back().place == Segment::Place::kAfter && segments.back().batch == segment.batch;
    if (joins) {
      segments.back().length += segment.length;
    } else {
      segments.push_back(segment);
    }
  }
  value += commands;
}

void Settler::add_point(int64_t offset, uint64_t record) {
  points_.push_back(Point{offset, record});
  advance();
}

void Settler::advance() {
  // bug: replies do not wait for their EFFECTS record
  const uint64_t committed = kDeliberateBug == 3 ? next_record_ : committed_record_;
  while (!points_.empty() && points_.front().record <= committed) {
    settled_offset_ = points_.front().offset;
    points_.pop_front();
  }
}

EffectsDraft Settler::take_effects() {
  HOLDFAST_CHECK(has_effects());
  EffectsDraft draft = std::move(draft_);
  draft_ = EffectsDraft{};
  draft.settled = processed_;
  under_way_.push_back(UnderWay{next_record_, draft});
  next_record_++;
  return draft;
}

void Settler::on_effects_committed() {
  HOLDFAST_CHECK(!under_way_.empty());
  committed_record_ = under_way_.front().record;
  under_way_.pop_front();
  if (committed_record_ >= newest_removal_) {
    removals_.clear();
  } else {
    std::erase_if(removals_, [this](const auto& removal) { return removal.second <= committed_record_; });
  }
  advance();
}

void Settler::effects_void() {
  if (under_way_.empty()) return;
  // They go into one record again, in the old order, together with what came since. Its number is larger than theirs,
  // so that whoever waits for one of them is served by it.
  EffectsDraft all;
  for (const UnderWay& one : under_way_) all.append(one.draft.segments, one.draft.value);
  if (kDeliberateBug == 10) all = EffectsDraft{};  // effects whose record is void are forgotten
  all.append(draft_.segments, draft_.value);
  all.settled = processed_;
  draft_ = std::move(all);
  under_way_.clear();
}

uint64_t Settler::removal_of(uint64_t touches) const {
  if (removals_.empty() || touches == kTouchesNothing) return 0;
  if (touches == kTouchesAnything) return newest_removal_;
  const auto it = removals_.find(touches);
  return it == removals_.end() ? 0 : it->second;
}

}  // namespace holdfast
