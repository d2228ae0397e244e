// The shard and `maxmemory`: what Redis may use, and batches that it refuses because it uses too much.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "core/resp/reply.h"
#include "core/shard/shard.h"

namespace holdfast {
namespace {

constexpr std::string_view kNotExecuted =
    "-NOTWRITTEN Redis refused another command of the same batch; this one was not executed\r\n";

}  // namespace

// Redis executed nothing of the batch: each command that it did not queue tells its own reason, the others say that
// they were not executed. (A transaction's slot has its array header already, so each of its pieces gets an error.)
void Shard::answer_refused(Batch* batch) {
  const bool queued = batch->refusal.starts_with("-EXECABORT");
  const bool full = batch->refusal.find(queued ? " OOM " : "-OOM ") != std::string::npos;
  if (full) return answer_without_memory(batch, queued);
  world_->note(World::Level::kError,
               "Redis refused to execute the batch at position " + std::to_string(batch->position) + " of the log");
  for (Op& op : batch->ops) {
    op.answered = true;
    const bool own = op.kind != Op::Kind::kLocal && op.reply.starts_with('-');
    replies_.on_reply(op.waiter, own ? std::string_view(op.reply) : kNotExecuted);
  }
}

// Out of memory Redis queues nothing, but by itself it would execute what takes no memory: that gets a second try. So
// does what it had queued, if it was another command that it refused. `queued`: it refused only EXEC.
void Shard::answer_without_memory(Batch* batch, bool queued) {
  stand_in_for_maxmemory();
  const std::unordered_set<SessionId> went_on = sessions_behind(*batch);
  bool in_transaction = false;
  for (Op& op : batch->ops) {
    const bool alone = !in_transaction && op.last_piece;
    in_transaction = !op.last_piece;
    op.answered = true;
    const bool own_fault = queued || !op.reply.empty();
    if (alone && !went_on.contains(op.waiter.session) && try_again(*batch, op, own_fault)) {
      op.waiter = Waiter{};
    } else if (op.last_piece) {
      // What a transaction has watched may be another by the time of a second try.
      desk_.give_up(op.waiter,
                    (alone ? "" : "EXECABORT Transaction discarded because of: ") + std::string(kOverMaxmemory));
    }
  }
}

// Those who have sent more since, which a second try of what is in `batch` would come behind.
std::unordered_set<SessionId> Shard::sessions_behind(const Batch& batch) const {
  std::unordered_set<SessionId> sessions;
  for (const Waiter& waiter : backend_.owed_reads()) sessions.insert(waiter.session);
  const auto add = [&](const Unit& unit) {
    for (const Op& op : unit.ops) sessions.insert(op.waiter.session);
  };
  if (gathering_) add(*gathering_);
  for (auto later = batches_.rbegin(); (*later)->serial > batch.serial; ++later) add(**later);
  return sessions;
}

// `refused`: Redis would not take it if it takes memory. True: its client will be answered later.
bool Shard::try_again(const Batch& batch, const Op& op, bool refused) {
  Session* session = desk_.find(op.waiter.session);
  if (session == nullptr) return false;
  const bool behind_a_write = gathering_ && !session->batches.empty() && session->batches.back() == gathering_->serial;
  if (op.kind == Op::Kind::kRead && !behind_a_write) {
    orphans_.push_back(Orphan{op, std::string(batch.bytes_of(op)), batch.serial});
    return true;
  }
  if (refused) {
    RequestParser parser(RequestLimits{.max_bulk_bytes = INT64_MAX / 2, .max_args = INT32_MAX});
    parser.parse(batch.bytes_of(op));
    const CommandInfo* info = table().find(parser.argv());
    if (info == nullptr || info->denyoom) return false;
  }
  Unit unit;
  unit.add(op, batch.bytes_of(op));
  unit.ops.back().reply.clear();
  unit.ops.back().answered = false;
  write(session, std::move(unit));
  return true;
}

void Shard::stand_in_for_maxmemory() {
  const int64_t limit = settings_.maxmemory();
  if (limit == 0 || memory_.limit() > 0) return;
  world_->note(World::Level::kWarn, "Redis has reached maxmemory and finds nothing to evict");
  memory_.stand_in(limit, world_->monotonic_ms());
  set_maxmemory(limit + kLifted);
}

void Shard::set_maxmemory(int64_t bytes) {
  backend_.request(-1, {"CONFIG", "SET", "maxmemory", std::to_string(bytes)}, [](std::string_view) {});
}

void Shard::watch_memory() {
  const int64_t now = world_->monotonic_ms();
  if (!attach_.ready() || !memory_.due(now, settler_.read_offset())) return;
  memory_.on_asked(now, settler_.read_offset());
  if (memory_.stands_in()) {
    // There may be something to evict by now: Redis looks before any command.
    set_maxmemory(memory_.limit());
    backend_.request(-1, {"PING"}, [](std::string_view) {});
    set_maxmemory(memory_.limit() + kLifted);
  }
  backend_.request(-1, {"INFO", "memory"}, [this](std::string_view reply) {
    const Result<ReplyValue> info = parse_reply(reply);
    memory_.on_answer(info.ok() ? info->text : std::string());
    if (!memory_.may_step_back()) return;
    set_maxmemory(memory_.limit());
    memory_.step_back();
  });
}

}  // namespace holdfast
