#include "core/shard/commit_line.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/deliberate_bug.h"

namespace holdfast {
namespace {

constexpr int64_t kClaimRetryMs = 200;
constexpr size_t kReadBytes = 1 << 20;
constexpr size_t kHeaderRoom = 1024;

}  // namespace

void CommitLine::start(Chain chain, const std::string& log_id) {
  HOLDFAST_CHECK(state_ == State::kIdle);
  chain_ = std::move(chain);
  log_id_ = log_id;
  nonce_ = world_->random_hex(16);
  claim("this node starts");
}

void CommitLine::append_batch(Batch* batch, const Settled& settled, const ChainState& settled_chain) {
  Record record;
  record.type = RecordType::kBatch;
  record.value = log_value(*batch);
  record.settled = settled;
  batch->settled = settled_chain;
  batch->state = Batch::State::kInFlight;
  batches_in_flight_++;
  append(Item{.type = RecordType::kBatch, .batch = batch, .after = {}}, std::move(record));
}

void CommitLine::append_effects(const EffectsDraft& draft) {
  Record record;
  record.type = RecordType::kEffects;
  record.value = draft.value;
  record.segments = draft.segments;
  record.settled = draft.settled;
  append(Item{.type = RecordType::kEffects, .after = {}}, std::move(record));
}

void CommitLine::append_settled(const Settled& settled) {
  Record record;
  record.type = RecordType::kSettled;
  record.settled = settled;
  append(Item{.type = RecordType::kSettled, .after = {}}, std::move(record));
}

void CommitLine::append_snapshot(const std::string& ref, const Settled& settled) {
  Record record;
  record.type = RecordType::kSnapshot;
  record.value = ref;
  record.settled = settled;
  append(Item{.type = RecordType::kSnapshot, .after = {}}, std::move(record));
}

void CommitLine::append_users(const std::string& list, const Settled& settled) {
  HOLDFAST_CHECK(list.size() <= most_users_bytes());
  Record record;
  record.type = RecordType::kUsers;
  record.value = list;
  record.settled = settled;
  append(Item{.type = RecordType::kUsers, .after = {}}, std::move(record));
}

size_t CommitLine::most_users_bytes() const { return world_->log().max_entry_bytes() - kHeaderRoom; }

void CommitLine::append(Item item, Record record) {
  HOLDFAST_CHECK(leading());
  record.time_ms = world_->unix_ms();
  told_ = record.settled;
  std::vector<EncodedEntry> entries = encode(std::move(record), world_->log().max_entry_bytes(), &written_);
  item.after = written_;
  item.entries_left = entries.size();
  item.since_ms = world_->monotonic_ms();
  items_.push_back(std::move(item));
  for (EncodedEntry& entry : entries) {
    world_->log().append(next_token_++, std::move(entry.header), std::move(entry.value));
  }
}

int64_t CommitLine::waiting_since() const {
  if (!items_.empty()) return std::max(items_.front().since_ms, heard_ms_);
  return state_ == State::kClaiming || state_ == State::kReading ? claiming_since_ms_ : 0;
}

void CommitLine::on_delivery(const Delivery& delivery) {
  if (state_ == State::kClaiming && delivery.token == claim_token_) {
    if (delivery.outcome == Delivery::Outcome::kCommitted) {
      claim_position_ = delivery.position;
      state_ = State::kReading;
    } else {
      complain("the log did not take a claim: " + delivery.reason);
      claim_again_ms_ = world_->monotonic_ms() + kClaimRetryMs;
    }
    return;
  }
  if (state_ != State::kLeading) return;
  HOLDFAST_CHECK(!items_.empty());
  Item& item = items_.front();
  // bugs: 4 takes an unknown outcome for committed, 5 does not notice gaps
  const bool next = kDeliberateBug == 4 ? delivery.outcome != Delivery::Outcome::kNotWritten
                    : kDeliberateBug == 5
                        ? delivery.outcome == Delivery::Outcome::kCommitted
                        : delivery.outcome == Delivery::Outcome::kCommitted && delivery.position == next_position_;
  if (delivery.outcome == Delivery::Outcome::kNotWritten) {
    // Without this one nothing behind it counts either, whether it reaches the log or not.
    void_items("the log did not take it: " + delivery.reason);
  }
  if (!next) {
    claim(delivery.outcome == Delivery::Outcome::kCommitted
              ? "a record of another writer or a repeated one stands in the log before ours"
              : "the log did not confirm a record: " + delivery.reason);
    return;
  }
  const Position position = delivery.position != kNoPosition ? delivery.position : next_position_;
  next_position_ = position + 1;
  heard_ms_ = world_->monotonic_ms();
  if (--item.entries_left > 0) {
    part_ms_ = heard_ms_;
    return;
  }
  Item done = std::move(item);
  items_.pop_front();
  commit(&done, position);
}

void CommitLine::commit(Item* item, Position position) {
  ChainState state = item->after;
  state.position = position;
  if (state_ == State::kLeading) chain_.move_on(state);
  switch (item->type) {
    case RecordType::kBatch:
      batches_in_flight_--;
      item->batch->position = position;
      item->batch->chain = state;
      item->batch->state = Batch::State::kCommitted;
      events_->on_batch_committed(item->batch);
      break;
    case RecordType::kEffects: events_->on_effects_committed(); break;
    case RecordType::kSnapshot: events_->on_snapshot_committed(); break;
    case RecordType::kUsers: events_->on_users_committed(position); break;
    case RecordType::kSettled:
    case RecordType::kClaim: break;
  }
}

void CommitLine::claim(const std::string& reason) {
  claim_reason_ = reason;
  if (!first_claim_) {
    world_->note(World::Level::kWarn, "claiming epoch " + std::to_string(chain_.state().epoch + 1) + ": " + reason);
  }
  if (kDeliberateBug == 7) void_items(reason);  // an unknown outcome is taken for not written
  state_ = State::kClaiming;
  claiming_since_ms_ = world_->monotonic_ms();
  send_claim();
}

void CommitLine::send_claim() {
  claim_again_ms_ = 0;
  world_->log().abandon();
  Record record;
  record.type = RecordType::kClaim;
  record.epoch = chain_.state().epoch + 1;
  record.time_ms = world_->unix_ms();
  record.nonce = nonce_;
  record.value = log_id_;
  ChainState unused;
  std::vector<EncodedEntry> entries = encode(std::move(record), world_->log().max_entry_bytes(), &unused);
  claim_token_ = next_token_++;
  reader_.reset();
  world_->log().append(claim_token_, std::move(entries[0].header), std::move(entries[0].value));
}

// Once for each new reason: a log may be away for long.
void CommitLine::complain(const std::string& text) {
  if (text == complaint_) return;
  complaint_ = text;
  world_->note(World::Level::kWarn, text);
}

void CommitLine::work() {
  if (state_ == State::kClaiming && claim_again_ms_ != 0 && world_->monotonic_ms() >= claim_again_ms_) send_claim();
  if (state_ == State::kReading) read_to_claim();
}

void CommitLine::read_to_claim() {
  if (!reader_) {
    Result<std::unique_ptr<LogReader>> opened = world_->log().read_from(chain_.state().position + 1);
    if (!opened.ok()) {
      if (world_->monotonic_ms() < claim_again_ms_) return;
      claim_again_ms_ = world_->monotonic_ms() + kClaimRetryMs;
      complain("the log cannot be read: " + opened.error());
      return;
    }
    reader_ = std::move(*opened);
  }
  std::vector<LogEntry> entries;
  const Result<size_t> read = reader_->poll(&entries, kReadBytes);
  if (!read.ok() && reader_->out_of_range()) {
    fence("the log does not have position " + std::to_string(chain_.state().position + 1) +
          " any more: it was truncated or made anew");
    return;
  }
  if (!read.ok()) {
    complain("the log cannot be read: " + read.error());
    reader_.reset();
    return;
  }
  for (const LogEntry& entry : entries) {
    if (entry.position <= chain_.state().position) continue;
    switch (chain_.next(entry)) {
      case Chain::Verdict::kDamaged: fence(stopped_at(entry.position, chain_.reason())); return;
      case Chain::Verdict::kCounts: settle_with(chain_.record()); break;
      case Chain::Verdict::kPart:
      case Chain::Verdict::kVoid: break;
    }
    if (state_ != State::kReading) return;
    if (entry.position == claim_position_) {
      // Somebody else's claim came first. Whoever starts last leads: the other one finds out and stops.
      send_claim();
      state_ = State::kClaiming;
      return;
    }
  }
}

// A record that counts was read between what was known to be committed and our claim.
void CommitLine::settle_with(const Record& record) {
  if (record.type == RecordType::kClaim) {
    if (record.nonce != nonce_) {
      if (!first_claim_) {
        fence("another proxy has claimed epoch " + std::to_string(record.epoch) + " of this log");
      }
      return;
    }
    // Ours counts: what is still in the line stands behind it, or nowhere, and is void.
    state_ = State::kLeading;
    written_ = chain_.state();
    next_position_ = chain_.state().position + 1;
    told_ = Settled{};
    reader_.reset();
    void_items(claim_reason_);
    first_claim_ = false;
    complaint_.clear();
    events_->on_leading();
    return;
  }
  ChainState ours = items_.empty() ? ChainState{} : items_.front().after;
  ours.position = chain_.state().position;
  // The checksum tells what stands there from what we wanted to stand there.
  if (ours != chain_.state()) {
    // Before the first claim it is the work of whoever led before.
    if (!first_claim_) {
      fence("the record at position " + std::to_string(record.position) +
            " of the log is not ours but bears our epoch");
    }
    return;
  }
  Item done = std::move(items_.front());
  items_.pop_front();
  commit(&done, record.position);
}

void CommitLine::void_items(const std::string& reason) {
  std::deque<Item> items;
  std::swap(items, items_);
  batches_in_flight_ = 0;
  bool effects = false;
  for (Item& item : items) {
    if (item.type == RecordType::kBatch) events_->on_batch_void(item.batch, reason);
    if (item.type == RecordType::kUsers) events_->on_users_void(reason);
    effects = effects || item.type == RecordType::kEffects;
  }
  if (effects) events_->on_effects_void();
}

void CommitLine::fence(const std::string& reason) {
  state_ = State::kFenced;
  reader_.reset();
  events_->on_fenced(reason);
}

}  // namespace holdfast
