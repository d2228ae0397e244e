// The shard and `maxmemory`: what Redis may use, and batches that it refuses because it uses too much.
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/resp/reply.h"
#include "core/shard/denial.h"
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
  const bool denied = is_denial(batch->refusal);
  if (full) {
    stand_in_for_maxmemory();
  } else {
    world_->note(World::Level::kError,
                 "Redis refused to execute the batch at position " + std::to_string(batch->position) + " of the log");
  }
  std::string out_of_memory;
  append_error(&out_of_memory, kOverMaxmemory);
  const bool may_help = full || denied;
  const auto went_on = may_help ? sessions_behind(batch->serial) : std::unordered_set<SessionId>();
  for (Op& op : batch->ops) {
    op.answered = true;
    // What a transaction has watched may be another by the time of a second try.
    op.again = may_help && !op.second_try && !op.in_transaction && !went_on.contains(op.waiter.session) &&
               (denied || op.kind == Op::Kind::kRead || !takes_memory(*batch, op, queued));
    if (op.again) {
      const Session* session = desk_.find(op.waiter.session);
      if (session != nullptr) op.last_slot = session->last_slot();
      continue;
    }
    const bool own = op.kind != Op::Kind::kLocal && op.reply.starts_with('-');
    replies_.on_reply(op.waiter, own ? std::string_view(op.reply) : full ? out_of_memory : kNotExecuted);
  }
}

// Out of memory Redis queues nothing, but by itself it would execute what takes no memory. So it would what it had
// queued, if it was another command that it refused. `queued`: all were, it refused EXEC.
bool Shard::takes_memory(const Batch& batch, const Op& op, bool queued) const {
  if (!queued && op.reply.empty()) return false;
  RequestParser parser(kNoRequestLimits);
  parser.parse(batch.bytes_of(op));
  const CommandInfo* info = table().find(parser.argv());
  return info == nullptr || info->denyoom;
}

// Those who have sent more since the batch with this serial: a second try would come behind that.
std::unordered_set<SessionId> Shard::sessions_behind(uint64_t serial) const {
  std::unordered_set<SessionId> sessions;
  for (const Waiter& waiter : backend_.owed_reads()) sessions.insert(waiter.session);
  const auto add = [&](const Unit& unit) {
    for (const Op& op : unit.ops) sessions.insert(op.waiter.session);
  };
  if (gathering_) add(*gathering_);
  for (const std::unique_ptr<Batch>& later : batches_) {
    if (later->serial > serial) add(*later);
  }
  return sessions;
}

// What shall have a second try gets it once the log says that the first one did nothing: a second time in the log, it
// might otherwise be executed twice after a crash. By then its client may have gone on.
void Shard::try_again() {
  if (retries_.empty() || retries_.front().record > settler_.removals_committed()) return;
  std::vector<Retry> due;
  while (!retries_.empty() && retries_.front().record <= settler_.removals_committed()) {
    due.push_back(std::move(retries_.front()));
    retries_.pop_front();
  }
  for (Retry& retry : due) {
    Session* session = desk_.find(retry.op.waiter.session);
    if (session == nullptr) continue;
    // The attempt of a blocked call has no slot.
    if (retry.op.waiter.filter != Filter::kBlocked && !session->is_open(retry.op.waiter.slot)) continue;
    if (session->last_slot() > retry.op.last_slot) {
      desk_.give_up(retry.op.waiter, retry.error);
      continue;
    }
    const bool behind_a_write =
        gathering_ && !session->batches.empty() && session->batches.back() == gathering_->serial;
    retry.op.again = retry.op.answered = false;
    retry.op.second_try = true;
    retry.op.reply.clear();
    if (retry.op.kind == Op::Kind::kRead && !behind_a_write) {
      orphans_.push_back(Orphan{retry.op, std::move(retry.command), retry.batch});
    } else {
      Unit unit;
      unit.add(retry.op, retry.command);
      write(session, std::move(unit));
    }
  }
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

// A script is stopped at its first command that takes memory if Redis has a limit by then and has noted that memory was
// over it. With noeviction Redis has none; so it gets one inside the batch, around the script alone, which nothing
// looks at any more. What it has noted stays as long as it has no limit otherwise, so it notes once, at the limit of
// one byte. Left behind by a connection that broke between the two, that one is known again: see Probe.
void Shard::stop_scripts(Batch* batch) {
  const bool stops = memory_.stops_scripts() && !settings_.evicts();
  bool any = false;
  RequestParser parser(kNoRequestLimits);
  for (Op& op : batch->ops) {
    op.at_limit = false;
    if (!stops || op.kind != Op::Kind::kWrite) continue;
    parser.parse(batch->bytes_of(op));
    const CommandInfo* info = table().find(parser.argv());
    op.at_limit = info != nullptr && info->runs_script;
    any = any || op.at_limit;
  }
  if (!any || memory_.noted()) return;
  memory_.on_noted();
  // Whatever somebody else may have set: nothing is to be evicted.
  backend_.request(-1, {"CONFIG", "SET", "maxmemory-policy", "noeviction"}, [](std::string_view) {});
  set_maxmemory(kNoRoom);
  if (words().script_notes_memory) backend_.request(-1, {"EVAL", "return 0", "0"}, [](std::string_view) {});
  set_maxmemory(0);
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
