// The shard and a Redis that denies writes because it cannot write its own files (MISCONF). What is in the log is not
// refused, and needs none of these files: the AOF is switched off, and the batches are sent once more, in their order.
#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

#include "core/resp/reply.h"
#include "core/shard/denial.h"
#include "core/shard/shard.h"

namespace holdfast {
namespace {

constexpr int kMostTimes = 3;  // then somebody else brings it about again and again

}  // namespace

// Nobody is told yet. Those behind it are on their way and may be refused or, if there is room again, executed: that is
// known once Redis has answered the requests of lift_denial(), which come behind them all.
bool Shard::set_aside(Batch* batch) {
  if (!is_denial(batch->refusal) || batch->times_set_aside == kMostTimes) return false;
  batch->times_set_aside++;
  batch->set_aside = true;
  // What its clients have read since does not show their own writes.
  std::unordered_set<SessionId> clients;
  for (const Op& op : batch->ops) clients.insert(op.waiter.session);
  for (const Waiter& waiter : backend_.owed_reads()) {
    if (clients.contains(waiter.session)) {
      replies_.give_up_read(waiter, "LOADING Redis could not write its own files; try again");
    }
  }
  lift_denial(batch->refusal);
  return true;
}

void Shard::lift_denial(std::string_view refusal) {
  if (denied_) return;
  denied_ = true;
  denied_ms_ = world_->monotonic_ms();
  // The other reason: somebody else has changed that setting of Redis.
  const bool aof = refusal.find(" RDB ") == std::string_view::npos;
  world_->note(
      World::Level::kError,
      "Redis denies writes (" + error_text(refusal) + "): " +
          (aof ? "its AOF is switched off, until a client sets appendonly again. Nothing is lost: the log has it"
               : "stop-writes-on-bgsave-error is set to no"));
  if (aof) settings_.aof_failed();
  backend_.request(-1, {"CONFIG", "SET", aof ? "appendonly" : "stop-writes-on-bgsave-error", "no"},
                   [this](std::string_view) { send_set_aside(); });
}

// From the last one on back to the one that Redis has executed. What was refused before that has lost its place in the
// order: it did nothing, which is logged, and what can be is tried again behind it.
void Shard::send_set_aside() {
  denied_ = false;
  bool overtaken = false;
  for (auto it = batches_.rbegin(); it != batches_.rend(); ++it) {
    Batch* batch = it->get();
    if (batch->state < Batch::State::kSent) continue;
    if (!batch->set_aside) {
      overtaken = true;
    } else if (overtaken) {
      end_set_aside(batch);
    } else {
      batch->state = Batch::State::kCommitted;
      settler_.forget_behind(batch->position - 1);
    }
  }
  on_sent_again();
  take_tap_progress();
}

// It will not be sent again as it is.
bool Shard::end_set_aside(Batch* batch) {
  if (!std::exchange(batch->set_aside, false)) return false;
  batch->replied = true;
  answer_refused(batch);
  if (batch->state == Batch::State::kSeen) batch_finished(batch);
  return true;
}

// Redis would refuse a write while it denies writes: asked once more when it does not.
void Shard::ask(int db, std::string_view command, std::string_view user, std::function<void(std::string_view)> answer) {
  backend_.ask(db, command, user,
               [this, db, kept = std::string(command), as = std::string(user), answer](std::string_view refusal) {
                 if (!is_denial(refusal)) return answer(refusal);
                 lift_denial(refusal);
                 backend_.ask(db, kept, as, answer);
               });
}

}  // namespace holdfast
