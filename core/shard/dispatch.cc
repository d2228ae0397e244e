// Admission: what happens to a request. "Refuse before the log": what is let through here is carried out.
#include <algorithm>
#include <charconv>
#include <utility>

#include "core/cluster/admission.h"
#include "core/command/refusals.h"
#include "core/command/rewrite.h"
#include "core/resp/reply.h"
#include "core/resp/words.h"
#include "core/shard/busy_watch.h"
#include "core/shard/frontdesk.h"
#include "core/shard/key_events.h"
#include "core/shard/local_commands.h"

namespace holdfast {
namespace {

// Commands that act on the transaction itself rather than being queued in it.
bool steers_transaction(std::string_view name) {
  return name == "multi" || name == "exec" || name == "discard" || name == "quit" || name == "reset" || name == "watch";
}

// What EXEC decides on: it is refused as a whole, or Redis looks at who sent it.
bool in_transaction(const Session& session, const CommandInfo& info) {
  return session.transaction || info.name == "multi" || info.name == "exec" || info.name == "discard";
}

constexpr std::string_view kNoCode = "ERR ";
constexpr std::string_view kSignInFirst = "NOAUTH Authentication required.";
constexpr std::string_view kMigratesAlone =
    "ERR 'migrate' is refused by Holdfast in a transaction: what another server does could not be undone with it";

bool speaks_http(std::string_view first_word) {
  return same_word(first_word, "HOST:") || same_word(first_word, "POST");
}

bool names_block(const std::vector<std::string_view>& argv) {
  return std::any_of(argv.begin() + 1, argv.end(), [](std::string_view arg) { return same_word(arg, "BLOCK"); });
}

}  // namespace

void Frontdesk::refuse(Session* session, std::string_view error) {
  std::string reply;
  append_error(&reply, error);
  refuse_with(session, reply);
}

// Before it is looked at what the command does. EXEC that is refused so ends its transaction, in Redis too.
void Frontdesk::reject(Session* session, const CommandInfo* info, std::string_view error) {
  if (info == nullptr || info->name != "exec") return refuse(session, error);
  session->transaction.reset();
  counter_->watches().forget(session->id());
  if (error.starts_with(kNoCode)) error.remove_prefix(kNoCode.size());
  refuse(session, "EXECABORT Transaction discarded because of: " + std::string(error));
}

void Frontdesk::refuse_with(Session* session, std::string_view reply) {
  if (session->transaction) session->transaction->dirty = true;
  session->refused = true;
  session->request().rejected = true;
  answer(session, reply);
}

void Frontdesk::begin_asking(Session* session) {
  session->keep_request();
  session->asking = true;
  session->question++;
  session->asked_ms = world_->monotonic_ms();
  session->asked_bytes = session->at_hand;
}

// Who asked, if it still waits for that answer: it may have left, or have been told that it took too long.
Session* Frontdesk::still_asking(SessionId id, uint64_t question) {
  Session* session = find(id);
  return session != nullptr && session->asking && session->question == question ? session : nullptr;
}

void Frontdesk::dispatch(Session* session, const Argv& argv, std::string_view command) {
  if (session->replica) return on_replica_request(session, argv);
  const CommandInfo* info = counter_->table().find(argv);
  session->refused = false;
  session->begin_request(info);
  session->at_hand = command.size();
  if (info != nullptr && session->last_command != info->name) session->last_command = info->name;
  decide(session, info, argv, command);
  session->at_hand = 0;
  if (!session->refused) show_to_monitors(*session, info, argv);
  // What CLIENT CACHING said was for this request.
  const bool done = session->caching && !session->transaction && !session->executing;
  if (done && !(info != nullptr && info->name.starts_with("client"))) session->caching.reset();
}

void Frontdesk::decide(Session* session, const CommandInfo* info, const Argv& argv, std::string_view command) {
  if (session->at_the_door) return refuse(session, counter_->refuse_read());
  if (info == nullptr && speaks_http(argv[0])) {
    return answer(session, LocalCommands(this, session).run("post", argv).reply);
  }
  if (const std::string& busy = counter_->busy(); !busy.empty() && refused_while_busy(info, argv)) {
    return reject(session, info, busy);
  }
  if (counter_->words().signs_in_first && (info == nullptr || !info->no_auth) && must_sign_in(*session)) {
    return reject(session, info, kSignInFirst);
  }
  const bool not_here = session->transaction && info != nullptr && info->no_multi;
  if (info == nullptr || !info->arity_fits(argv.size()) || not_here) {
    session->refused = true;
    return ask_redis(session, command);
  }
  if (counter_->users().empty() && !info->no_auth && !in_transaction(*session, *info)) {
    return refuse(session, info->logged ? "NOTWRITTEN Holdfast does not know its users yet"
                                        : "LOADING Holdfast does not know its users yet");
  }
  if (!info->no_auth && must_sign_in(*session)) return reject(session, info, kSignInFirst);
  if (needs_permission(*session, *info, argv)) return ask_permission(session, *info, argv, command);
  decide_permitted(session, info, argv, command);
}

void Frontdesk::decide_permitted(Session* session, const CommandInfo* info, const Argv& argv,
                                 std::string_view command) {
  if (only_subscribes(session, *info)) {
    return reject(session, info,
                  "ERR Can't execute '" + info->name + "': only " + counter_->words().subscriber_commands +
                      " are allowed in this context");
  }
  script_cache_.note(*info, argv);
  if (!session->transaction || steers_transaction(info->name)) return admit(session, info, argv, command);
  if (const std::string reason = why_not(info, argv); !reason.empty()) return refuse(session, reason);
  if (info->name == "migrate") return refuse(session, kMigratesAlone);
  queue(session, info, argv, command);
}

// Whether Redis does not take it while a script runs on; nor do we take WATCH, which looks at the keys.
bool Frontdesk::refused_while_busy(const CommandInfo* info, const Argv& argv) {
  if (is_for_busy_redis(argv, true)) return false;
  return info == nullptr || !info->allow_busy || info->name == "watch";
}

void Frontdesk::refuse_busy(const Waiter& waiter) {
  const Session* session = find(waiter.session);
  // What a client sent before its turn has come is not refused behind its own script.
  if (session != nullptr && waiter.filter != Filter::kBlocked && !session->has_open_in_batch()) {
    give_up(waiter, counter_->busy());
  }
}

// Behind what the client has sent before.
void Frontdesk::ask_aside(Session* session, const Argv& argv) {
  if (const std::string down = counter_->refuse_read(); !down.empty()) return refuse(session, down);
  wait_for(session, [this, session, kept = std::vector<std::string>(argv.begin(), argv.end())] {
    if (session->waiting() > 0) return false;
    session->asking = false;
    const Waiter waiter = session->waiter(session->open_slot(false, world_->monotonic_ms()));
    counter_->ask_aside(session->protocol, {kept.begin(), kept.end()}, [this, waiter](std::string_view reply) {
      on_reply(waiter, reply);
      release(waiter);
    });
    return true;
  });
}

// In RESP2 a subscriber could not tell other replies from messages.
bool Frontdesk::only_subscribes(Session* session, const CommandInfo& info) {
  if (session->protocol != Protocol::kResp2 || pubsub_.empty() || !pubsub_.subscribed(session->id())) return false;
  return !info.name.ends_with("subscribe") && info.name != "ping" && info.name != "quit" && info.name != "reset";
}

// The table does not take the command here: Redis decides, in its own words.
void Frontdesk::ask_redis(Session* session, std::string_view command) {
  ask_leave(session, command, [this, kept = std::string(command)](Session* asked, std::string_view refusal) {
    if (!refusal.empty()) {
      if (asked->transaction) asked->transaction->dirty = true;
      asked->request().rejected = true;
      if (refusal.starts_with("-EXECABORT")) {
        // EXEC with arguments: refused, it ends the transaction all the same.
        asked->transaction.reset();
        counter_->watches().forget(asked->id());
      }
      return answer(asked, asked->restricted ? without_shadow(refusal) : std::string(refusal));
    }
    if (must_sign_in(*asked)) return refuse(asked, kSignInFirst);
    // Redis takes it. What no table knows may write anything.
    RequestParser parser(kNoRequestLimits);
    parser.parse(kept);
    const CommandInfo* info = counter_->table().find(parser.argv());
    if (info != nullptr && !info->arity_fits(parser.argv().size())) {
      // It contradicts what it said of its commands itself.
      refuse(asked, "ERR wrong number of arguments for '" + info->name + "' command");
    } else if (asked->transaction) {
      queue(asked, info, parser.argv(), kept);
    } else if (info != nullptr) {
      admit(asked, info, parser.argv(), kept);
    } else {
      forward(asked, nullptr, parser.argv(), kept);
    }
  });
}

// `then` gets what Redis says against the command, in the name of the client's user; nothing if it would take it.
void Frontdesk::ask_leave(Session* session, std::string_view command,
                          std::function<void(Session* session, std::string_view refusal)> then) {
  if (const std::string down = counter_->refuse_read(); !down.empty()) return refuse(session, down);
  begin_asking(session);
  const std::string user = session->restricted ? shadow_of(session->user) : std::string();
  counter_->ask(
      session->db, command, user,
      [this, id = session->id(), question = session->question, then = std::move(then)](std::string_view refusal) {
        Session* asked = still_asking(id, question);
        if (asked == nullptr) return;
        asked->asking = false;
        then(asked, refusal);
      });
}

std::string Frontdesk::why_not(const CommandInfo* info, const Argv& argv) const {
  if (info == nullptr) return {};
  if (const std::string_view reason = why_refused(*info, argv); !reason.empty()) {
    return "ERR '" + info->name + "' is refused by Holdfast: " + std::string(reason);
  }
  if (cluster_.enabled && request_slot(*info, argv) == kManySlots) return std::string(kCrossSlot);
  if (counter_->over_maxmemory() && takes_memory(*info, argv)) return std::string(kOverMaxmemory);
  if (info->write && too_few_replicas()) return std::string(kTooFewReplicas);
  return {};
}

// min-replicas-to-write is about Holdfast's replicas: the log is safe without them.
bool Frontdesk::too_few_replicas() const {
  return limits_.min_replicas > 0 && limits_.min_replicas_lag_s > 0 &&
         replicas_.good(limits_.min_replicas_lag_s) < limits_.min_replicas;
}

// Whether a script writes is known only when it does: Redis is to see to it that it does not.
void Frontdesk::run_reading(Session* session, const CommandInfo& reader, const Argv& argv) {
  Argv words = argv;
  words[0] = reader.name;
  std::string command;
  append_request(&command, words);
  forward_read(session, &reader, session->db, words, command, Filter::kReading);
}

// Of functions Redis alone knows them. Those before 7.0 know of no flags.
ScriptFlags Frontdesk::flags_of_script(const CommandInfo& info, const Argv& argv) const {
  if (!info.runs_script || argv.size() < 2 || counter_->table().find_name("fcall") == nullptr) return {};
  if (info.name == "eval") return script_flags(argv[1]);
  return info.name == "evalsha" ? script_cache_.flags(argv[1]) : ScriptFlags();
}

bool Frontdesk::takes_memory(const CommandInfo& info, const Argv& argv) const {
  return info.denyoom || flags_of_script(info, argv).takes_memory();
}

void Frontdesk::admit(Session* session, const CommandInfo* info, const Argv& argv, std::string_view command) {
  const std::string reason = why_not(info, argv);
  if (!reason.empty()) {
    refuse(session, reason);
    return;
  }
  if (const std::string error = why_not_in_cluster(*info, argv); !error.empty()) {
    session->request().rejected = true;
    reply_error(session, error);
    return;
  }
  if (info->waits) {
    wait_or_forward(session, info, argv, command);
    return;
  }
  if (info->name == "migrate") return migrate(session, info, argv, command);
  if (is_for_busy_redis(argv, !counter_->busy().empty())) {
    ask_aside(session, argv);
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
  if (info->name == "watch") {
    watch(session, argv);
    return;
  }
  if (info->name == "sync" || info->name == "psync") return follow(session, argv);
  if (info->name == "wait") return wait_for_replicas(session, argv);
  if (info->name == "auth") return authenticate(session, argv);
  if (info->name == "hello") return say_hello(session, argv);
  if (info->name.starts_with("acl") && changes_users(argv)) return change_users(session, argv);
  const bool one_only = counter_->words().cluster_dialect == ClusterDialect::kRedis6;
  if (info->name.starts_with("config") && same_word(argv[1], "SET") &&
      (one_only ? argv.size() == 4 : argv.size() > 3)) {
    set_config(session, argv);
    return;
  }
  if (info->name == "monitor" && !counter_->script_lines_up()) return begin_monitoring(session);
  if (loads_anew(*info, argv)) return load_anew(session, command);
  if (info->name.starts_with("debug") && argv.size() == 2 && same_word(argv[1], "DIGEST")) {
    return digest(session, command);
  }
  if (looks_at_slot(*info, argv)) {
    scan_slot(session, argv);
    return;
  }
  LocalCommands local(this, session);
  const LocalCommands::Outcome outcome = local.run(info->name, argv);
  if (outcome.to_backend) {
    forward_read(session, info, session->db, argv, command, outcome.filter);
    return;
  }
  if (pubsub_.wants_key_events() && !counter_->key_events_up() && info->name.ends_with("subscribe")) {
    // Told to be subscribed, it must miss nothing.
    wait_for(session, [this, session, reply = outcome.reply] {
      if (!counter_->key_events_up() && counter_->refuse_read().empty()) return false;
      session->asking = false;
      answer(session, reply);
      return true;
    });
    return;
  }
  answer(session, outcome.reply);
}

Op Frontdesk::make_op(const CommandInfo* info, int db, const Argv& argv) const {
  Op op;
  op.db = db;
  if (info != nullptr) op.command = info->number;
  op.kind = info == nullptr || info->logged ? Op::Kind::kWrite : Op::Kind::kRead;
  op.effect = effect_of(info, argv);
  // A module's command may come without its key: modules count their arguments themselves.
  const bool one_key = info != nullptr && info->first_key == 1 && info->last_key == 1 && !info->movable_keys;
  if (one_key && argv.size() > 1 && info->name != "move") {
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
    RequestParser parser(kNoRequestLimits);
    parser.parse(*out);
    const CommandInfo* rewritten = counter_->table().find(parser.argv());
    op->effect = effect_of(rewritten, parser.argv());
    op->command = rewritten == nullptr ? 0 : rewritten->number;
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

// A command that may block: what Redis would refuse goes there as it is, but never so that it could block.
void Frontdesk::wait_or_forward(Session* session, const CommandInfo* info, const Argv& argv, std::string_view command) {
  std::optional<BlockingCall> call = BlockingCall::parse(*info, argv);
  if (!call) {
    if (info->logged || !names_block(argv)) return forward(session, info, argv, command);
    if (const std::string down = counter_->refuse_read(); !down.empty()) return refuse(session, down);
    auto unit = std::make_unique<Unit>();
    Op op = make_op(info, session->db, argv);
    act_for(*session, info, false, &op);
    op.waiter = session->waiter(session->open_slot(false, world_->monotonic_ms()));
    unit->add(std::move(op), command);
    counter_->reads_at_once(session, std::move(unit));
    return;
  }
  const std::string down = info->logged ? counter_->refuse_write() : counter_->refuse_read();
  if (!down.empty()) return refuse(session, down);
  wait_for(session, [this, session, call = std::move(*call)] {
    if (session->has_open_in_batch()) return false;
    session->asking = false;
    blocking_.begin(session, call);
    return true;
  });
}

void Frontdesk::forward(Session* session, const CommandInfo* info, const Argv& argv, std::string_view command) {
  if (info != nullptr && !info->logged) {
    forward_read(session, info, session->db, argv, command);
    return;
  }
  if (info != nullptr && info->runs_script && too_few_replicas()) {
    // Redis 6.2 has no such command, and lets scripts write.
    if (const CommandInfo* reader = counter_->table().find_name(info->name + "_ro"); reader != nullptr) {
      return run_reading(session, *reader, argv);
    }
  }
  if (const std::string down = counter_->refuse_write(); !down.empty()) {
    refuse(session, down);
    return;
  }
  std::string logged;
  Unit unit;
  Op op = make_op(info, session->db, argv);
  rewrite_for_log(info, argv, command, &logged, &op);
  act_for(*session, info, false, &op);
  op.waiter = session->waiter(session->open_slot(true, world_->monotonic_ms()));
  add_receivers(info, argv, &op.waiter);
  note_read(session, op.waiter.slot, info, argv);
  unit.take(std::move(op), std::move(logged));
  admit_write(session, std::move(unit));
}

void Frontdesk::add_receivers(const CommandInfo* info, const Argv& argv, Waiter* waiter) const {
  if (pubsub_.empty() || info == nullptr || argv.size() != 3 || !info->name.ends_with("publish")) return;
  waiter->filter = Filter::kReceivers;
  waiter->receivers = static_cast<int32_t>(pubsub_.receivers(info->name[0] == 's', argv[1]).size());
  // Holdfast itself listens there.
  if (info->name[0] == 'p' && is_key_event_channel(argv[1]) && counter_->key_events_up()) waiter->receivers--;
}

void Frontdesk::admit_write(Session* session, Unit unit) {
  std::vector<Blocking::Push> pushes = blocking_.pushes_in(unit);
  counter_->write(session, std::move(unit));
  blocking_.attempt_behind(std::move(pushes));
}

void Frontdesk::forward_read(Session* session, const CommandInfo* info, int db, const Argv& argv,
                             std::string_view command, Filter filter) {
  if (const std::string down = counter_->refuse_read(); !down.empty()) {
    refuse(session, down);
    return;
  }
  const uint64_t touches = make_op(info, db, argv).touches;
  Waiter waiter = session->waiter(session->open_slot(false, world_->monotonic_ms()), filter);
  waiter.command = info->number;
  note_read(session, waiter.slot, info, argv);
  counter_->read(session, waiter, touches, db, command);
}

}  // namespace holdfast
