// Replies that Redis has given and nobody may see yet. The one rule: a reply leaves only when the log holds all it
// takes to reproduce what it says. A read may say what the effects up to the stream's offset at its time made: first
// the tap must have read so far, then all of that must be settled.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/result.h"
#include "core/shard/backend.h"
#include "core/shard/frontdesk.h"
#include "core/shard/settler.h"

namespace holdfast {

class ReplyGate {
 public:
  ReplyGate(Frontdesk* desk, const Settler* settler) : desk_(desk), settler_(settler) {}

  // Questions of Holdfast's own: `then` gets the replies once all that had happened in Redis by then has been seen. The
  // waiter is for each of the reads.
  Waiter add_look(std::function<void(Result<std::string>)> then);

  void on_reply(const Waiter& waiter, std::string_view reply);
  // All replies of the group are there; they say what the effects up to `offset` made.
  void on_reads_done(ReplyGroup group, int64_t offset) { reads_done_.push_back({std::move(group), offset}); }
  // Says what the effects up to `offset` made, on the key of this hash. It also waits for the EFFECTS record with the
  // number `record` (0: for none).
  void hold_or_release(const Waiter& waiter, int64_t offset, uint64_t touches, uint64_t record = 0);

  // The tap has read on; effects have been settled.
  void take_tap_progress();
  void release_held();

  // Redis is lost: the reads that it has answered, but whose effects the tap will not show any more, and one that it
  // has not answered.
  void give_up_reads(const std::string& error);
  void give_up_read(const Waiter& waiter, const std::string& error);

 private:
  struct ReadsDone {
    ReplyGroup group;
    int64_t offset;
  };
  struct Held {
    Waiter waiter;
    int64_t offset;    // must be settled
    uint64_t removal;  // must be committed
  };
  struct Look {
    std::string replies;
    std::function<void(Result<std::string>)> then;
  };
  void end_look(const Waiter& waiter, const std::string& error);  // empty: all its replies are there

  Frontdesk* desk_;
  const Settler* settler_;
  std::deque<ReadsDone> reads_done_;  // whose offset the tap has not reached
  std::deque<Held> held_;
  int64_t released_offset_ = 0;  // what held_ was last checked against
  uint64_t released_removal_ = 0;
  std::unordered_map<uint64_t, Look> looks_;
  uint64_t next_look_ = 1;
};

}  // namespace holdfast
