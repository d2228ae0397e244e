// The commit line: hands records to the log, in order, and finds out what became of each. Owns the epoch.
//
// A delivery at the very next position means that nobody else wrote: committed. Anything else (a gap, a time-out, a
// delivery without an offset) is never guessed at: the line claims the next epoch, which fences whatever is still
// under way, reads the log up to its claim, and so learns what counts ("One leader" in the design).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "core/record/record.h"
#include "core/shard/batch.h"
#include "core/shard/settler.h"
#include "core/shard/world.h"

namespace holdfast {

class CommitLineEvents {
 public:
  virtual ~CommitLineEvents() = default;
  virtual void on_batch_committed(Batch* batch) = 0;
  // The batch is not in the log and never will be.
  virtual void on_batch_void(Batch* batch, const std::string& reason) = 0;
  virtual void on_effects_committed() = 0;
  virtual void on_effects_void() = 0;
  virtual void on_snapshot_committed() = 0;
  virtual void on_users_committed(Position position) = 0;
  virtual void on_users_void(const std::string& reason) = 0;
  virtual void on_leading() = 0;
  // Another one leads, or the log is not what it was: this node must stop.
  virtual void on_fenced(const std::string& reason) = 0;
};

class CommitLine {
 public:
  CommitLine(World* world, CommitLineEvents* events, size_t max_batches_in_flight)
      : world_(world), events_(events), max_batches_in_flight_(max_batches_in_flight) {}

  // Begins with a claim behind `chain`, the state of the log as far as it has been read.
  void start(Chain chain, const std::string& log_id);

  bool leading() const { return state_ == State::kLeading; }
  bool has_room() const { return leading() && batches_in_flight_ < max_batches_in_flight_; }

  // Hands a record to the log. Only while leading. `settled` goes into its header.
  void append_batch(Batch* batch, const Settled& settled, const ChainState& settled_chain);
  void append_effects(const EffectsDraft& draft);
  void append_settled(const Settled& settled);
  void append_snapshot(const std::string& ref, const Settled& settled);
  // One entry: see Marker::users.
  void append_users(const std::string& list, const Settled& settled);
  size_t most_users_bytes() const;

  void on_delivery(const Delivery& delivery);
  // Reads on while claiming; tries again what failed. Called every turn.
  void work();

  // Since when the log has confirmed nothing of what waits for it, records or a claim (monotonic ms); 0: nothing waits.
  int64_t waiting_since() const;
  // When it last confirmed a part of a record of which more is to come.
  int64_t part_delivered_ms() const { return part_ms_; }
  // What keeps the log from taking a claim, if anything does; for people.
  const std::string& complaint() const { return complaint_; }
  bool reading() const { return state_ == State::kReading; }
  bool idle() const { return leading() && items_.empty(); }
  // What the newest record told, counting those under way.
  const Settled& told() const { return told_; }
  // As if it had told nothing yet.
  void tell_again() { told_ = Settled{}; }
  const ChainState& committed() const { return chain_.state(); }
  uint64_t epoch() const { return chain_.state().epoch; }

 private:
  enum class State { kIdle, kClaiming, kReading, kLeading, kFenced };
  struct Item {
    RecordType type;
    Batch* batch = nullptr;
    ChainState after;  // of the log, but for the position
    size_t entries_left = 0;
    int64_t since_ms = 0;
  };

  void append(Item item, Record record);
  void commit(Item* item, Position position);
  void claim(const std::string& reason);
  void send_claim();
  void read_to_claim();
  void settle_with(const Record& record);
  void void_items(const std::string& reason);
  void complain(const std::string& text);
  void fence(const std::string& reason);

  World* world_;
  CommitLineEvents* events_;
  const size_t max_batches_in_flight_;

  State state_ = State::kIdle;
  Chain chain_;                 // of what is known to be committed
  Position next_position_ = 0;  // where the next delivery must be
  ChainState written_;          // of what was handed to the log, in the hope that all of it will count
  std::string nonce_;
  std::string log_id_;
  std::deque<Item> items_;
  size_t batches_in_flight_ = 0;
  int64_t heard_ms_ = 0, part_ms_ = 0;
  Settled told_;
  uint64_t next_token_ = 1;

  bool first_claim_ = true;
  uint64_t claim_token_ = 0;
  Position claim_position_ = kNoPosition;
  int64_t claim_again_ms_ = 0;
  int64_t claiming_since_ms_ = 0;
  std::string claim_reason_;
  std::string complaint_;
  std::unique_ptr<LogReader> reader_;
};

}  // namespace holdfast
