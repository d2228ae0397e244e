// Admission: what happens to a request. "Refuse before the log": what is let through here is carried out.
#include <algorithm>
#include <charconv>
#include <utility>

#include "core/command/rewrite.h"
#include "core/resp/reply.h"
#include "core/resp/words.h"
#include "core/shard/frontdesk.h"
#include "core/shard/local_commands.h"

namespace holdfast {
namespace {

// Commands that act on the transaction itself rather than being queued in it.
bool steers_transaction(std::string_view name) {
  return name == "multi" || name == "exec" || name == "discard" || name == "quit" || name == "reset";
}

bool has_option(const std::vector<std::string_view>& argv, std::string_view option) {
  return std::any_of(argv.begin() + 1, argv.end(), [&](std::string_view arg) { return same_word(arg, option); });
}

}  // namespace

void Frontdesk::refuse(Session* session, std::string_view error) {
  if (session->transaction) session->transaction->dirty = true;
  reply_error(session, error);
}

void Frontdesk::dispatch(Session* session, const Argv& argv, std::string_view command) {
  const CommandInfo* info = counter_->table().find(argv);
  if (info != nullptr && session->last_command != info->name) session->last_command = info->name;
  if (info == nullptr || !info->arity_fits(argv.size())) {
    ask_redis(session, argv, command);
  } else if (session->transaction && !steers_transaction(info->name)) {
    const std::string reason = why_not(info, argv);
    if (reason.empty()) {
      queue(session, command);
    } else {
      refuse(session, reason);
    }
  } else {
    admit(session, info, argv, command);
  }
}

// Neither the table nor its arity takes the command: Redis decides, in its own words.
void Frontdesk::ask_redis(Session* session, const Argv& argv, std::string_view command) {
  if (same_word(argv[0], "HOST:") || same_word(argv[0], "POST")) {
    // HTTP: Redis takes it for an attack through a browser and closes the connection; so do we, ours being shared.
    world_->note(World::Level::kWarn, "closing client " + session->address() + ": it speaks HTTP");
    session->closing = true;
    return;
  }
  if (const std::string down = counter_->refuse_read(); !down.empty()) {
    refuse(session, down);
    return;
  }
  session->asking = true;
  session->asked_ms = world_->monotonic_ms();
  const SessionId id = session->id();
  const uint64_t question = ++session->question;
  counter_->ask(session->db, command, [this, id, question, kept = std::string(command)](std::string_view refusal) {
    Session* asked = find(id);
    if (asked == nullptr || !asked->asking || asked->question != question) return;
    asked->asking = false;
    if (!refusal.empty()) {
      if (asked->transaction) asked->transaction->dirty = true;
      asked->answer(refusal, world_->monotonic_ms());
      touch(asked);
      return;
    }
    // Redis takes it. What no table knows may write anything.
    RequestParser parser(limits_.requests);
    parser.parse(kept);
    const CommandInfo* info = counter_->table().find(parser.argv());
    if (asked->transaction) {
      queue(asked, kept);
    } else if (info != nullptr) {
      admit(asked, info, parser.argv(), kept);
    } else {
      forward(asked, nullptr, parser.argv(), kept);
    }
  });
}

std::string Frontdesk::why_not(const CommandInfo* info, const Argv& argv) const {
  if (info == nullptr) return {};
  if (info->handling == Handling::kUnsupported) {
    return "ERR '" + info->name + "' is not supported by this version of Holdfast yet";
  }
  if ((info->name == "xread" || info->name == "xreadgroup") && has_option(argv, "BLOCK")) {
    return "ERR '" + info->name + "' with BLOCK is not supported by this version of Holdfast yet";
  }
  if (info->denyoom && counter_->over_maxmemory()) {
    return "OOM command not allowed when used memory > 'maxmemory'.";
  }
  return {};
}

void Frontdesk::admit(Session* session, const CommandInfo* info, const Argv& argv, std::string_view command) {
  const std::string reason = why_not(info, argv);
  if (!reason.empty()) {
    refuse(session, reason);
    return;
  }
  if (info->handling == Handling::kBackend) {
    forward(session, info, argv, command);
    return;
  }
  if (info->name == "exec") {
    execute(session);
    return;
  }
  LocalCommands local(this, session);
  const LocalCommands::Outcome outcome = local.run(info->name, argv);
  if (outcome.to_backend) {
    forward_read(session, info, session->db, argv, command, outcome.filter);
    return;
  }
  session->answer(outcome.reply, world_->monotonic_ms());
  touch(session);
}

void Frontdesk::queue(Session* session, std::string_view command) {
  Transaction& transaction = *session->transaction;
  transaction.bytes += command.size();
  if (transaction.bytes > limits_.query_bytes) {
    close_for_size(session);
    return;
  }
  transaction.commands.emplace_back(command);
  session->answer("+QUEUED\r\n", world_->monotonic_ms());
  touch(session);
}

Op Frontdesk::make_op(const CommandInfo* info, int db, const Argv& argv) const {
  Op op;
  op.db = db;
  op.kind = info == nullptr || info->logged ? Op::Kind::kWrite : Op::Kind::kRead;
  op.effect = effect_of(info, argv);
  if (info != nullptr && info->first_key == 1 && info->last_key == 1 && !info->movable_keys && info->name != "move") {
    op.touches = key_hash(db, argv[1]);
    return op;
  }
  std::vector<uint64_t> hashes;
  bool all = false;
  key_hashes(info, db, argv, &hashes, &all);
  const bool one = hashes.size() == 1;
  op.touches = all || hashes.size() > 1 ? kTouchesAnything : one ? hashes[0] : kTouchesNothing;
  return op;
}

// The bytes that go into the log and to Redis in place of what the client sent, and what they will leave.
void Frontdesk::rewrite_for_log(const CommandInfo* info, const Argv& argv, std::string_view command, std::string* out,
                                Op* op) const {
  if (info != nullptr && make_absolute(argv, world_->unix_ms(), BackendFeatures{}, out)) {
    RequestParser parser(limits_.requests);
    parser.parse(*out);
    op->effect = effect_of(counter_->table().find(parser.argv()), parser.argv());
    return;
  }
  const bool names_database =
      info != nullptr && (info->name == "move" || info->name == "copy" || info->name == "swapdb");
  if (names_database) {
    // The reserved database does not exist for clients: named, it becomes one that does not exist for Redis either,
    // which then says so in its own words.
    const std::string reserved = std::to_string(counter_->reserved_database());
    const std::string none = std::to_string(counter_->databases());
    Argv changed = argv;
    const size_t from = info->name == "swapdb" ? 1 : info->name == "move" ? 2 : 4;
    for (size_t i = from; i < changed.size(); i++) {
      const bool is_database = info->name != "copy" || same_word(argv[i - 1], "DB");
      if (is_database && changed[i] == reserved) changed[i] = none;
    }
    append_request(out, changed);
    return;
  }
  out->assign(command);
}

void Frontdesk::forward(Session* session, const CommandInfo* info, const Argv& argv, std::string_view command) {
  if (info != nullptr && !info->logged) {
    forward_read(session, info, session->db, argv, command);
    return;
  }
  if (const std::string down = counter_->refuse_write(); !down.empty()) {
    refuse(session, down);
    return;
  }
  std::string logged;
  Unit unit;
  Op op = make_op(info, session->db, argv);
  rewrite_for_log(info, argv, command, &logged, &op);
  op.waiter = session->waiter(session->open_slot(true, world_->monotonic_ms()));
  unit.add(std::move(op), logged);
  counter_->write(session, std::move(unit));
}

void Frontdesk::forward_read(Session* session, const CommandInfo* info, int db, const Argv& argv,
                             std::string_view command, Filter filter) {
  if (const std::string down = counter_->refuse_read(); !down.empty()) {
    refuse(session, down);
    return;
  }
  const uint64_t touches = make_op(info, db, argv).touches;
  const Waiter waiter = session->waiter(session->open_slot(false, world_->monotonic_ms()), filter);
  counter_->read(session, waiter, touches, db, command);
}

// EXEC: the transaction becomes one contiguous piece of one batch, or, if it only reads, goes to Redis as it is.
void Frontdesk::execute(Session* session) {
  if (!session->transaction) {
    reply_error(session, "ERR EXEC without MULTI");
    return;
  }
  const Transaction transaction = std::move(*session->transaction);
  session->transaction.reset();
  if (transaction.dirty) {
    reply_error(session, "EXECABORT Transaction discarded because of previous errors.");
    return;
  }
  if (transaction.commands.empty()) {
    session->answer("*0\r\n", world_->monotonic_ms());
    touch(session);
    return;
  }
  bool writes = false;
  for (const std::string& command : transaction.commands) {
    RequestParser parser(limits_.requests);
    parser.parse(command);
    const CommandInfo* info = counter_->table().find(parser.argv());
    writes = writes || info == nullptr || info->logged;
  }
  if (const std::string down = writes ? counter_->refuse_write() : counter_->refuse_read(); !down.empty()) {
    reply_error(session, down);
    return;
  }

  std::string header;
  append_array_header(&header, transaction.commands.size());
  auto unit = std::make_unique<Unit>();
  const uint64_t slot = session->open_slot(writes, world_->monotonic_ms(), header);
  bool to_redis = false;
  for (const std::string& command : transaction.commands) {
    RequestParser parser(limits_.requests);
    parser.parse(command);
    const Argv& argv = parser.argv();
    const CommandInfo* info = counter_->table().find(argv);
    Op op = make_op(info, session->db, argv);
    op.waiter = session->waiter(slot);
    op.last_piece = false;
    std::string bytes = command;
    if (info != nullptr && info->handling == Handling::kProxy) {
      const LocalCommands::Outcome outcome = LocalCommands(this, session).run(info->name, argv);
      op.kind = outcome.to_backend ? Op::Kind::kRead : Op::Kind::kLocal;
      op.waiter.filter = outcome.filter;
      op.reply = outcome.reply;
    } else if (op.kind == Op::Kind::kWrite) {
      rewrite_for_log(info, argv, command, &bytes, &op);
    }
    to_redis = to_redis || op.kind != Op::Kind::kLocal;
    unit->add(std::move(op), bytes);
  }
  unit->ops.back().last_piece = true;
  if (writes) {
    counter_->write(session, std::move(*unit));
  } else if (to_redis) {
    counter_->reads_at_once(session, std::move(unit));
  } else {
    for (const Op& op : unit->ops) session->add_reply(slot, op.reply);
    session->release(slot);
    touch(session);
  }
}

}  // namespace holdfast
