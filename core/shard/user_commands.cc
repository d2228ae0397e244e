// Users: signing in, what they may do, and ACL. A restricted user's commands are put to Redis first, in the name of the
// user's shadow (see users.h), or are executed in its name: the decision, and its words, are Redis's.
#include <algorithm>
#include <set>
#include <utility>

#include "core/resp/reply.h"
#include "core/resp/words.h"
#include "core/shard/busy_watch.h"
#include "core/shard/frontdesk.h"
#include "core/shard/local_commands.h"
#include "core/shard/outcomes.h"

namespace holdfast {
namespace {

constexpr std::string_view kOwnUsers = "ERR users whose names begin with 'holdfast:' are Holdfast's own";

const User* find_user(const Users& users, std::string_view name) {
  const auto found = users.find(name);
  return found == users.end() ? nullptr : &found->second;
}

// A user that has two lines in an ACL file; empty: none has.
std::string name_given_twice(std::string_view text) {
  std::set<std::string, std::less<>> names;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    for (const auto& [name, user] : parse_users({std::string(line)})) {
      if (!names.insert(name).second) return name;
    }
  }
  return {};
}

}  // namespace

bool Frontdesk::default_is_open() const {
  const User* user = find_user(counter_->users(), kDefaultUser);
  return user != nullptr && user->open;
}

// As on a new connection.
void Frontdesk::sign_out(Session* session) {
  const User* user = find_user(counter_->users(), kDefaultUser);
  session->user = kDefaultUser;
  session->authenticated = user != nullptr && user->open;
  session->restricted = user != nullptr && user->restricted;
  limit_request(session);
}

// As Redis 8 does it: a name that is no user's, or of one that is off, changes nothing.
void Frontdesk::sign_in_by_certificate(Session* session) {
  const User* user = find_user(counter_->users(), session->certificate_user());
  if (user == nullptr || !user->on) return;
  session->user = session->certificate_user();
  session->authenticated = true;
  session->restricted = user->restricted;
  limit_request(session);
}

// Who has not signed in cannot make Holdfast keep much.
void Frontdesk::limit_request(Session* session) const {
  RequestLimits limits = limits_.requests;
  limits.unauthenticated = must_sign_in(*session);
  session->parser.set_limits(limits);
}

bool Frontdesk::must_sign_in(const Session& session) const {
  return !session.authenticated && !counter_->users().empty() && !default_is_open();
}

// ---- AUTH

// `then` gets Redis's answer, in which the session is signed in if that is no error.
void Frontdesk::sign_in(Session* session, const Argv& auth, std::function<void(Session*, const std::string&)> then) {
  if (const std::string down = counter_->refuse_read(); !down.empty()) return reply_error(session, down);
  const std::string name(auth.size() == 3 ? auth[1] : kDefaultUser);
  if (is_own_user(name)) return reply_error(session, kWrongPassword);
  begin_asking(session);
  counter_->check_password(auth, [this, id = session->id(), question = session->question, name,
                                  then = std::move(then)](std::string_view reply) {
    Session* asked = still_asking(id, question);
    if (asked == nullptr) return;
    asked->asking = false;
    const User* user = find_user(counter_->users(), name);
    if (reply.starts_with('-')) {
      note_refusal(asked, name, reply);
      return then(asked, std::string(reply));
    }
    if (user == nullptr) return reply_error(asked, kWrongPassword);  // made behind Holdfast's back
    asked->user = name;
    asked->authenticated = true;
    asked->restricted = user->restricted;
    limit_request(asked);
    then(asked, std::string(reply));
  });
}

void Frontdesk::authenticate(Session* session, const Argv& argv) {
  sign_in(session, argv, [this](Session* there, const std::string& reply) { answer(there, reply); });
}

void Frontdesk::say_hello(Session* session, const Argv& argv) {
  Argv rest = argv;
  size_t auth = argv.size();
  for (size_t i = 2; i < argv.size() && auth == argv.size(); i++) {
    if (same_word(argv[i], "AUTH") && i + 2 < argv.size()) auth = i;
    if (same_word(argv[i], "SETNAME")) i++;
  }
  int64_t version = 0;
  if (auth == argv.size() || !parse_int(argv[1], &version) || version < 2 || version > 3) {
    return answer(session, LocalCommands(this, session).run("hello", argv).reply);
  }
  const size_t before = counter_->words().hello_looks_first ? argv.size() : auth;
  if (const std::string wrong = LocalCommands::hello_error(argv, before); !wrong.empty()) {
    return reply_error(session, wrong);
  }
  rest.erase(rest.begin() + static_cast<ptrdiff_t>(auth), rest.begin() + static_cast<ptrdiff_t>(auth) + 3);
  sign_in(session, {"AUTH", argv[auth + 1], argv[auth + 2]},
          [this, kept = std::vector<std::string>(rest.begin(), rest.end())](Session* there, const std::string& reply) {
            if (reply.starts_with('-')) return answer(there, reply);
            answer(there, LocalCommands(this, there).run("hello", Argv(kept.begin(), kept.end())).reply);
          });
}

// ---- what a user may do

// Reads that go to Redis by themselves do so in the user's name. Those that ride along in a batch do, too, but there
// Redis has other words for what it refuses.
bool Frontdesk::needs_permission(const Session& session, const CommandInfo& info, const Argv& argv) const {
  // What anybody may send: nor could Redis be asked about RESET, which it would carry out.
  if (!session.restricted || info.no_auth) return false;
  const bool read = info.handling == Handling::kBackend && !info.logged && !info.waits;
  return session.transaction || !read || session.has_open_in_batch() || is_for_busy_redis(argv, true);
}

void Frontdesk::ask_permission(Session* session, const CommandInfo& info, const Argv& argv, std::string_view command) {
  // Redis is asked between MULTI and DISCARD, so its answer to these is known already.
  if (const User* user = find_user(counter_->users(), session->user); user != nullptr) {
    const std::string* refusal = info.name == "multi"     ? &user->no_multi
                                 : info.name == "exec"    ? &user->no_exec
                                 : info.name == "discard" ? &user->no_discard
                                                          : nullptr;
    if (refusal != nullptr && !refusal->empty()) {
      refuse_with(session, *refusal);
      if (info.name != "exec") return;
      session->transaction.reset();
      return counter_->watches().forget(session->id());
    }
    if (refusal != nullptr) return decide_permitted(session, &info, argv, command);
  }
  if (const std::string down = counter_->refuse_read(); !down.empty()) return refuse(session, down);
  session->refused = true;  // until it is known that it is not
  begin_asking(session);
  const auto answered = [this, id = session->id(), question = session->question,
                         kept = std::string(command)](std::string_view refusal) {
    Session* asked = still_asking(id, question);
    if (asked == nullptr) return;
    asked->asking = false;
    if (refusal.starts_with("-NOPERM")) {
      note_refusal(asked, asked->user, refusal);
      return refuse_with(asked, without_shadow(refusal));
    }
    RequestParser parser(kNoRequestLimits);
    parser.parse(kept);
    const CommandInfo* found = counter_->table().find(parser.argv());
    asked->refused = false;
    decide_permitted(asked, found, parser.argv(), kept);
    if (!asked->refused) show_to_monitors(*asked, found, parser.argv());
  };
  if (info.name == "watch") return counter_->ask_watch(session->db, command, shadow_of(session->user), answered);
  if (info.no_multi) {
    Unit question;
    Argv dry_run{"ACL", "DRYRUN"};
    const std::string user = shadow_of(session->user);
    dry_run.push_back(user);
    dry_run.insert(dry_run.end(), argv.begin(), argv.end());
    question.add_question(0, dry_run);
    return look(session, question, [answered](Session*, const std::string& reply) {
      const Result<ReplyValue> said = parse_reply(reply);
      const bool refused = said.ok() && said->kind == ReplyValue::Kind::kString && said->text != "OK";
      answered(refused ? "-NOPERM " + said->text + "\r\n" : "");
    });
  }
  counter_->ask(session->db, command, shadow_of(session->user), answered);
}

// For ACL LOG, as Redis knows only of Holdfast's connection.
void Frontdesk::note_refusal(Session* session, const std::string& user, std::string_view reply) {
  constexpr size_t kMostUsers = 1000;
  if (reply.find("NOPERM") == std::string_view::npos && !reply.starts_with("-WRONGPASS") &&
      reply.find("ACL") == std::string_view::npos) {
    return;
  }
  if (refused_.size() >= kMostUsers) refused_.clear();
  refused_[user] = LocalCommands(this, session).describe(*session);
}

// What Redis itself must look at while it executes: scripts, commands that no table knows, SORT … BY. And in a
// transaction all, if somebody's rights have changed since it was queued.
void Frontdesk::act_for(const Session& session, const CommandInfo* info, bool changed, Op* op) const {
  if (!session.restricted) return;
  const bool sorts = info != nullptr && info->name.starts_with("sort");
  if (op->kind == Op::Kind::kWrite && op->effect != Effect::kUnknown && !sorts && !changed) return;
  op->user = shadow_of(session.user);
  op->effect = Effect::kUnknown;  // it may be refused
}

// ---- ACL

LocalCommands::Outcome LocalCommands::acl(const Argv& argv) {
  const bool alone = argv.size() == 2;
  if (alone && same_word(argv[1], "WHOAMI")) return bulk(session_->user);
  Outcome outcome;
  if (alone && same_word(argv[1], "LIST")) {
    const std::vector<std::string> lines = user_lines(desk_->counter_->users());
    append_array_header(&outcome.reply, lines.size());
    for (const std::string& line : lines) append_bulk(&outcome.reply, line);
    return outcome;
  }
  if (alone && same_word(argv[1], "USERS")) {
    append_array_header(&outcome.reply, desk_->counter_->users().size());
    for (const auto& [name, user] : desk_->counter_->users()) append_bulk(&outcome.reply, name);
    return outcome;
  }
  if (alone && same_word(argv[1], "SAVE")) return acl_save();
  if (same_word(argv[1], "LOG")) return backend(Filter::kAclLog);
  const bool about_a_user = argv.size() > 2 && (same_word(argv[1], "GETUSER") || same_word(argv[1], "DRYRUN"));
  if (about_a_user && is_own_user(argv[2])) return error(kOwnUsers);
  if (Frontdesk::changes_users(argv)) {
    return error("ERR ACL " + std::string(argv[1]) + " is refused by Holdfast in a transaction: it has a part in it");
  }
  return backend();
}

LocalCommands::Outcome LocalCommands::acl_save() const {
  if (desk_->world_->users_file().empty()) return error(desk_->counter_->words().no_users_file);
  const Result<Done> written = desk_->world_->write_users(user_text(desk_->counter_->users()));
  if (written.ok()) return simple("OK");
  desk_->world_->note(World::Level::kWarn, "ACL SAVE: " + written.error());
  return error("ERR There was an error trying to save the ACLs. Please check the server logs for more information");
}

bool Frontdesk::changes_users(const Argv& argv) {
  if (argv.size() == 2) return same_word(argv[1], "LOAD");
  return argv.size() > 2 && (same_word(argv[1], "SETUSER") || same_word(argv[1], "DELUSER"));
}

void Frontdesk::load_users(Session* session) {
  if (world_->users_file().empty()) return reply_error(session, counter_->words().no_users_file);
  const Result<std::string> text = world_->read_users();
  if (!text.ok()) return reply_error(session, "ERR Error loading ACLs, " + text.error());
  const std::string file = "ERR " + world_->users_file() + ": ";
  const std::string unchanged =
      ". WARNING: ACL errors detected, no change to the previously active ACL rules was performed";
  if (const std::string name = name_given_twice(*text); !name.empty()) {
    return reply_error(session, file + "Duplicate user '" + name + "' found" + unchanged);
  }
  const Users before = counter_->users();
  counter_->replace_users(*text, [=, this, done = begin_change(session)](const std::string& reply) {
    if (reply.starts_with("-ERR ")) {
      std::string refused;
      append_error(&refused, file + reply.substr(5, reply.size() - 7) + unchanged);
      return done(refused);
    }
    if (reply.starts_with('+')) end_loaded(before);
    done(reply);
  });
}

// Those whose user was made anew.
void Frontdesk::end_loaded(const Users& before) {
  for (const auto& [id, session] : sessions_) {
    const User* was = find_user(before, session->user);
    const User* is = find_user(counter_->users(), session->user);
    const bool same = was != nullptr && is != nullptr && was->rules == is->rules;
    if (session->user == kDefaultUser || (same && !counter_->words().load_ends_all)) continue;
    session->closing = true;
    touch(session.get());
  }
}

// Gets the reply; what the client sends behind it waits.
std::function<void(const std::string&)> Frontdesk::begin_change(Session* session) {
  const Waiter waiter = session->waiter(session->open_slot(true, world_->monotonic_ms()));
  session->waits_for = waiter.slot;
  return [this, waiter](const std::string& reply) {
    on_reply(waiter, reply);
    release(waiter);
  };
}

void Frontdesk::change_users(Session* session, const Argv& argv) {
  if (const std::string down = counter_->refuse_write(); !down.empty()) return reply_error(session, down);
  if (argv.size() == 2) return load_users(session);
  const bool makes = same_word(argv[1], "SETUSER");
  for (size_t i = 2; i < (makes ? 3 : argv.size()); i++) {
    if (is_own_user(argv[i])) return reply_error(session, kOwnUsers);
    if (makes && argv[i].find_first_of(std::string_view(" \t\n\v\f\r\0", 7)) != std::string_view::npos) {
      return reply_error(session, "ERR Usernames can't contain spaces or null characters");
    }
  }
  counter_->change_users(argv, begin_change(session));
}

// Rights that were taken away are gone at once, also for those who have signed in before.
void Frontdesk::on_users_changed() {
  const bool first = !std::exchange(users_known_, true);
  for (const auto& [id, session] : sessions_) {
    if (first) sign_in_by_certificate(session.get());  // it came before anybody knew who is who
    const User* user = find_user(counter_->users(), session->user);
    if (user == nullptr) {
      session->closing = true;
      touch(session.get());
      continue;
    }
    session->restricted = user->restricted;
    if (first) session->authenticated = session->authenticated || default_is_open();
    limit_request(session.get());
    if (user->restricted && pubsub_.subscribed(id)) check_subscriptions(*session);
  }
}

void Frontdesk::check_subscriptions(const Session& session) {
  constexpr std::pair<PubSub::Kind, std::string_view> kKinds[] = {{PubSub::Kind::kChannel, "SUBSCRIBE"},
                                                                  {PubSub::Kind::kPattern, "PSUBSCRIBE"},
                                                                  {PubSub::Kind::kShard, "SSUBSCRIBE"}};
  for (const auto& [kind, verb] : kKinds) {
    const std::vector<std::string> names = pubsub_.of(session.id(), kind);
    if (names.empty()) continue;
    Argv argv(names.begin(), names.end());
    argv.insert(argv.begin(), verb);
    std::string command;
    append_request(&command, argv);
    counter_->ask(0, command, shadow_of(session.user), [this, id = session.id()](std::string_view refusal) {
      Session* there = find(id);
      if (there == nullptr || refusal.find("channel") == std::string_view::npos) return;
      there->closing = true;
      touch(there);
    });
  }
}

}  // namespace holdfast
