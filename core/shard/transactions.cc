// MULTI, EXEC and WATCH: a transaction is gathered here and becomes one contiguous, atomic piece of one batch.
//
// WATCH and EXEC must not overtake the client's own writes, so they wait until those are answered. From WATCH on every
// change that is seen on the tap counts. EXEC is decided once no write to a watched key is under way any more: what is
// admitted later comes behind the transaction. Only time could come in between, so a key about to expire counts as
// expired.
#include <algorithm>
#include <charconv>
#include <utility>

#include "core/cluster/admission.h"
#include "core/deliberate_bug.h"
#include "core/resp/reply.h"
#include "core/shard/frontdesk.h"
#include "core/shard/local_commands.h"

namespace holdfast {
namespace {

// How long before a watched key expires EXEC takes it for expired: longer than a commit takes on any ordinary day.
constexpr int64_t kExpiresSoonMs = 50;

std::vector<int64_t> integers(std::string_view replies) {
  std::vector<int64_t> values;
  while (!replies.empty()) {
    int64_t value = 0;
    std::from_chars(replies.data() + 1, replies.data() + replies.size(), value);
    values.push_back(value);
    replies.remove_prefix(replies.find('\n') + 1);
  }
  return values;
}

}  // namespace

void Frontdesk::queue(Session* session, const CommandInfo* info, const Argv& argv, std::string_view command) {
  // The queue takes memory, too.
  if (counter_->over_maxmemory() && !counter_->words().queues_without_memory) return refuse(session, kOverMaxmemory);
  Transaction& transaction = *session->transaction;
  transaction.bytes += command.size();
  if (transaction.bytes > limits_.query_bytes) {
    close_for_size(session);
    return;
  }
  transaction.commands.emplace_back(command);
  // As in Redis, what is queued when all is lost already does not count.
  const bool lost = transaction.dirty || (counter_->words().cluster_dialect != ClusterDialect::kRedis6 &&
                                          counter_->watches().touched(session->id()));
  if (cluster_.enabled && info != nullptr && !lost) {
    transaction.slot = joined_slot(transaction.slot, request_slot(*info, argv));
  }
  session->forget_request();
  session->answer("+QUEUED\r\n", world_->monotonic_ms());
  touch(session);
}

bool Frontdesk::any_queued(const Transaction& transaction,
                           const std::function<bool(const CommandInfo*, const Argv&)>& what) const {
  return std::any_of(transaction.commands.begin(), transaction.commands.end(), [&](const std::string& command) {
    RequestParser parser(kNoRequestLimits);
    parser.parse(command);
    return what(counter_->table().find(parser.argv()), parser.argv());
  });
}

void Frontdesk::execute(Session* session) {
  if (!session->transaction) {
    reply_error(session, "ERR EXEC without MULTI");
    return;
  }
  Transaction transaction = std::move(*session->transaction);
  session->transaction.reset();
  Watches& watches = counter_->watches();
  const bool valkey = counter_->words().cluster_dialect == ClusterDialect::kValkey;
  const bool lost = transaction.dirty || watches.touched(session->id());
  if (transaction.slot == kManySlots && !(valkey && lost)) {
    watches.forget(session->id());
    reply_error(session, kCrossSlot);
    return;
  }
  if (transaction.dirty) {
    watches.forget(session->id());
    reply_error(session, "EXECABORT Transaction discarded because of previous errors.");
    return;
  }
  const auto takes = [this](const CommandInfo* info, const Argv& argv) {
    return info != nullptr && takes_memory(*info, argv);
  };
  if (counter_->over_maxmemory() && any_queued(transaction, takes)) {
    watches.forget(session->id());
    session->request().rejected = true;
    reply_error(session, "EXECABORT Transaction discarded because of: " + std::string(kOverMaxmemory));
    return;
  }
  const auto needs_replicas = [this](const CommandInfo* info, const Argv& argv) {
    return info != nullptr && (info->write || (info->runs_script && !flags_of_script(*info, argv).no_writes));
  };
  if (too_few_replicas() && any_queued(transaction, needs_replicas)) {
    watches.forget(session->id());
    session->request().rejected = true;
    reply_error(session, "EXECABORT Transaction discarded because of: " + std::string(kTooFewReplicas));
    return;
  }
  if (!watches.watching(session->id())) {
    carry_out(session, transaction);
    return;
  }
  if (const std::string down = counter_->refuse_read(); !down.empty()) {
    watches.forget(session->id());
    reply_error(session, down);
    return;
  }
  session->executing = std::move(transaction);
  session->expires_ms = INT64_MAX;
  wait_for(session, [this, session] {
    if (session->has_open_in_batch()) return false;
    if (counter_->watches().touched(session->id())) return check_watches(session);
    counter_->watches().on_last_look(session->id());
    Unit reads;
    for (const Watches::Key& key : counter_->watches().keys(session->id())) {
      if (key.in_doubt()) reads.add_question(key.db, {"PTTL", key.name});
    }
    if (reads.ops.empty()) {
      wait_for(session, [this, session] { return check_watches(session); });
      return true;
    }
    look(session, reads, [this](Session* there, const std::string& replies) {
      const std::vector<int64_t> pttls = integers(replies);
      auto next = pttls.begin();
      for (const Watches::Key& key : counter_->watches().keys(there->id())) {
        if (!key.in_doubt() || next == pttls.end()) continue;
        const int64_t pttl = *next++;
        // -2: it is not there; -1: it has been made to last, which has been seen.
        if ((pttl == -2) != (key.pttl == -2)) return abort_execution(there);
        if (pttl >= 0) {
          there->expires_ms = std::min(there->expires_ms, world_->monotonic_ms() + pttl - kExpiresSoonMs);
        }
      }
      wait_for(there, [this, there] { return check_watches(there); });
    });
    return true;
  });
}

// Whether it is known by now what became of the watched keys.
bool Frontdesk::check_watches(Session* session) {
  Watches& watches = counter_->watches();
  if (watches.touched(session->id()) || world_->monotonic_ms() >= session->expires_ms) {
    abort_execution(session);
    return true;
  }
  std::vector<uint64_t> keys;
  for (const Watches::Key& key : watches.keys(session->id())) keys.push_back(key.hash);
  // bug 13: EXEC does not wait for writes to watched keys that are under way
  if (counter_->write_under_way(keys) && kDeliberateBug != 13) return false;
  watches.forget(session->id());
  session->asking = false;
  const Transaction transaction = std::move(*session->executing);
  session->executing.reset();
  carry_out(session, transaction);
  session->caching.reset();
  return true;
}

void Frontdesk::abort_execution(Session* session) {
  counter_->watches().forget(session->id());
  session->asking = false;
  session->executing.reset();
  std::string nothing;
  append_null_array(&nothing, session->protocol);
  answer_when_settled(session, nothing);
}

void Frontdesk::watch(Session* session, const Argv& argv) {
  if (session->transaction) {
    if (counter_->words().nested_aborts) session->transaction->dirty = true;
    answer(session, counter_->words().nested_watch);
    return;
  }
  if (const std::string down = counter_->refuse_read(); !down.empty()) {
    reply_error(session, down);
    return;
  }
  wait_for(session, [this, session, keys = std::vector<std::string>(argv.begin() + 1, argv.end())] {
    if (session->has_open_in_batch()) return false;
    begin_watch(session, keys);
    return true;
  });
}

void Frontdesk::begin_watch(Session* session, const std::vector<std::string>& keys) {
  Watches& watches = counter_->watches();
  for (const std::string& key : keys) watches.add(session->id(), session->db, key);
  Unit reads;
  for (const Watches::Key& key : watches.keys(session->id())) {
    if (key.pttl == Watches::kUnknown) reads.add_question(key.db, {"PTTL", key.name});
  }
  auto done = [this](Session* there) {
    there->asking = false;
    there->answer("+OK\r\n", world_->monotonic_ms());
    touch(there);
  };
  if (reads.ops.empty()) return done(session);
  look(session, reads, [this, done](Session* there, const std::string& replies) {
    counter_->watches().learn(there->id(), integers(replies));
    done(there);
  });
}

// For a session that is still there and still waits for it.
void Frontdesk::look(Session* session, const Unit& reads, std::function<void(Session*, const std::string&)> then) {
  const SessionId id = session->id();
  counter_->look(reads,
                 [this, id, question = session->question, then = std::move(then)](const Result<std::string>& replies) {
                   Session* there = still_asking(id, question);
                   if (there == nullptr) return;
                   if (replies.ok()) {
                     then(there, *replies);
                   } else {
                     give_up_asking(there, replies.error());
                   }
                 });
}

// Tries `step` now, and then every turn until it is done.
void Frontdesk::wait_for(Session* session, std::function<bool()> step) {
  if (!session->asking) begin_asking(session);
  if (step()) return;
  session->step = std::move(step);
  stepping_.push_back(session->id());
}

void Frontdesk::carry_out(Session* session, const Transaction& transaction) {
  if (transaction.commands.empty()) {
    session->answer("*0\r\n", world_->monotonic_ms());
    touch(session);
    return;
  }
  const bool writes = any_queued(transaction, [this](const CommandInfo* info, const Argv& argv) {
    return info == nullptr || (info->logged && why_not_in_cluster(*info, argv).empty());
  });
  if (const std::string down = writes ? counter_->refuse_write() : counter_->refuse_read(); !down.empty()) {
    reply_error(session, down);
    return;
  }

  std::string header;
  append_array_header(&header, transaction.commands.size());
  auto unit = std::make_unique<Unit>();
  session->at_hand = transaction.bytes;
  const uint64_t slot = session->open_slot(writes, world_->monotonic_ms(), header);
  session->at_hand = 0;
  bool to_redis = false;
  const bool rights_changed = transaction.users != counter_->users_generation();
  for (const std::string& command : transaction.commands) {
    RequestParser parser(kNoRequestLimits);
    parser.parse(command);
    const Argv& argv = parser.argv();
    const CommandInfo* info = counter_->table().find(argv);
    session->add_part(slot, info, parser);
    Op op = make_op(info, session->db, argv);
    op.waiter = session->waiter(slot);
    op.in_transaction = true;
    op.last_piece = false;
    note_read(session, slot, info, argv);
    std::string bytes = command;
    const std::string refused = info == nullptr ? std::string() : why_not_in_cluster(*info, argv);
    if (!refused.empty()) {
      op.kind = Op::Kind::kLocal;
      append_error(&op.reply, refused);
    } else if (info != nullptr && info->handling == Handling::kProxy) {
      const LocalCommands::Outcome outcome = LocalCommands(this, session).run(info->name, argv);
      op.kind = outcome.to_backend ? Op::Kind::kRead : Op::Kind::kLocal;
      op.waiter.filter = outcome.filter;
      op.reply = outcome.reply;
    } else if (op.kind == Op::Kind::kWrite) {
      add_receivers(info, argv, &op.waiter);
      rewrite_for_log(info, argv, command, &bytes, &op);
    }
    if (op.kind != Op::Kind::kLocal) act_for(*session, info, rights_changed, &op);
    to_redis = to_redis || op.kind != Op::Kind::kLocal;
    unit->take(std::move(op), std::move(bytes));
  }
  unit->ops.back().last_piece = true;
  if (writes) {
    admit_write(session, std::move(*unit));
  } else if (to_redis) {
    counter_->reads_at_once(session, std::move(unit));
  } else {
    for (const Op& op : unit->ops) session->add_reply(slot, op.reply);
    session->release(slot);
    touch(session);
  }
}

}  // namespace holdfast
