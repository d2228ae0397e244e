#include "core/shard/frontdesk.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/check.h"
#include "core/resp/reply.h"
#include "core/resp/words.h"
#include "core/shard/filter.h"
#include "core/shard/migration.h"

namespace holdfast {
namespace {

// How long an EXEC waits for writes of others to watched keys before new ones have to wait for it.
constexpr int64_t kPatienceMs = 20;

// An integer reply with so many more.
std::string plus(std::string_view reply, int32_t more) {
  int64_t number = 0;
  if (more == 0 || !reply.starts_with(':')) return std::string(reply);
  std::from_chars(reply.data() + 1, reply.data() + reply.size(), number);
  std::string sum;
  append_integer(&sum, number + more);
  return sum;
}

std::string port_of(const std::string& address) { return address.substr(address.rfind(':') + 1); }

}  // namespace

void Frontdesk::on_connected(SessionId id, Peer peer) {
  auto session = std::make_unique<Session>(id, next_number_++, std::move(peer), world_->monotonic_ms(),
                                           limits_.requests, &statistics_);
  Session* added = session.get();
  sign_out(added);
  sign_in_by_certificate(added);
  sessions_.emplace(id, std::move(session));
  memory_.add(&added->memory);
  come_to_the_door(added);
  if (draining_) {
    added->closing = true;
    touch(added);
  }
}

void Frontdesk::on_end(SessionId id) {
  Session* session = find(id);
  if (session == nullptr) return;
  session->ended = true;
  if (!session->parked || session->blocked) session->closing = true;
  if (session->blocked && !blocking_.attempting(id)) blocking_.forget(id);
  touch(session);
}

void Frontdesk::on_disconnected(SessionId id) {
  Session* session = find(id);
  if (session == nullptr) return;
  reply_bytes_ -= session->accounted;
  const bool messages_wait = session->message_bytes > 0;
  memory_.remove(&session->memory);
  last_found_ = nullptr;
  session->abandon();
  counter_->watches().forget(id);
  blocking_.forget(id);
  pubsub_.forget(id);
  tracking_.end(id);
  monitors_.forget(id);
  std::erase(migrating_, id);
  replicas_.forget(id);
  sessions_.erase(id);
  if (messages_wait) drop_unwanted_messages();
}

Session* Frontdesk::find(SessionId id) {
  if (last_found_ != nullptr && last_found_->id() == id) return last_found_;
  const auto it = sessions_.find(id);
  if (it == sessions_.end()) return nullptr;
  last_found_ = it->second.get();
  return last_found_;
}

Session* Frontdesk::find_number(int64_t number) {
  const auto it = std::find_if(sessions_.begin(), sessions_.end(),
                               [number](const auto& entry) { return entry.second->number() == number; });
  return it == sessions_.end() ? nullptr : it->second.get();
}

void Frontdesk::touch(Session* session) {
  if (session->listed) return;
  session->listed = true;
  to_flush_.push_back(session->id());
}

void Frontdesk::on_data(SessionId id, std::string_view data) {
  if (clients_take_too_much()) flush();
  Session* session = find(id);
  if (session == nullptr || session->closing) return;
  session->last_ms = world_->monotonic_ms();
  session->received += data.size();
  statistics_.time_passes();
  if (session->replica) replicas_.on_heard(id);
  serve(session, data);
}

bool Frontdesk::blocked(const Session& session) const {
  // What is under way will be about as large as what came last.
  const bool something = session.waiting() > 0 || session.unsent > 0;
  if (something && session.reply_bytes() + session.unsent > limits_.output_bytes) return true;
  if (session.waiting() > 0 && reply_bytes_ > limits_.total_bytes / 2) return true;
  // It may be its own script that runs on: Redis reads nothing from that client then.
  if (!counter_->busy().empty() && session.oldest()) return true;
  // Nothing is known of a new client's replies: they might all be large.
  const size_t most = session.reply_size_known() ? limits_.waiting_per_session
                                                 : std::min(limits_.waiting_at_first, limits_.waiting_per_session);
  if (session.waits_for != 0 && session.is_open(session.waits_for)) return true;
  return session.asking || session.blocked || holding_ || session.waiting() >= most || counter_->must_wait() != nullptr;
}

// CLIENT PAUSE.
bool Frontdesk::paused(const Session& session, const Argv& argv) {
  if (!pause_.on() || argv.empty()) return false;
  // What is refused anyhow need not wait.
  const CommandInfo* command = counter_->table().find(argv);
  if (command == nullptr || !command->arity_fits(argv.size()) || !why_not(command, argv).empty()) return false;
  if (pause_.all()) return true;
  const auto writes = [this](const CommandInfo* info, const Argv& words) {
    if (info == nullptr || !(info->logged || info->may_replicate)) return false;
    if (info->name == "fcall") return !pause_.only_reads(words[1]);
    return !flags_of_script(*info, words).no_writes;
  };
  const bool executes = session.transaction && same_word(argv[0], "EXEC");
  return executes ? any_queued(*session.transaction, writes) : writes(command, argv);
}

void Frontdesk::work_on_pause() {
  if (pause_.on() && world_->monotonic_ms() >= pause_.until_ms()) pause_.end();
  if (!pause_.asks() || counter_->write_under_way({})) return;
  Unit question;
  question.add_question(0, {"FUNCTION", "LIST"});
  counter_->look(question, [this, pause = pause_.begin_asking()](const Result<std::string>& reply) {
    pause_.on_functions(pause, reply.ok() ? std::string_view(*reply) : std::string_view());
  });
}

void Frontdesk::park(Session* session) {
  if (session->parked) return;
  session->parked = true;
  parked_.push_back(session->id());
  // Of a blocked client it must be seen when it leaves.
  if (!session->blocked) world_->client_hold(session->id(), true);
}

// As Redis counts them: with those that CLIENT PAUSE holds up.
size_t Frontdesk::blocked_clients() const {
  size_t count = blocking_.count();
  for (const SessionId id : parked_) {
    const auto session = sessions_.find(id);
    if (session != sessions_.end() && session->second->paused) count++;
  }
  return count;
}

// Deals with all whole requests in the session's input and `fresh`, which follows it.
void Frontdesk::serve(Session* session, std::string_view fresh) {
  std::string_view rest = session->input.with(fresh);
  if (session->at_the_door) let_in(session);
  session->unsent = world_->client_unsent(session->id());
  while (!rest.empty() && !session->closing) {
    if (blocked(*session)) {
      park(session);
      break;
    }
    const RequestParser::Status status = session->parser.parse(rest);
    if (status == RequestParser::Status::kIncomplete) break;
    if (status == RequestParser::Status::kError) {
      reply_error(session, session->parser.error());
      session->closing = true;
      break;
    }
    if (paused(*session, session->parser.argv())) {
      session->paused = true;
      park(session);
      break;
    }
    if (!session->parser.argv().empty()) {
      commands_++;
      session->mute = session->silent || std::exchange(session->skip, false);
      dispatch(session, session->parser.argv(), session->parser.canonical());
      session->commands++;
    }
    rest.remove_prefix(session->parser.consumed());
  }
  // Half a request that nothing will follow.
  if (session->ended && !session->parked) session->closing = true;
  if (!session->closing) session->input.keep(rest, session->parser.bytes_wanted());
  const bool too_large = session->input.size() > limits_.query_bytes && (!session->parked || session->blocked);
  if (too_large && !session->closing) close_for_size(session);
  if (session->closing) {
    session->input.clear();
    touch(session);
  }
  account(session);
}

void Frontdesk::close_for_size(Session* session) {
  world_->note(World::Level::kWarn, "closing client " + session->address() +
                                        ": its request or transaction is over the limit of " +
                                        std::to_string(limits_.query_bytes) + " bytes");
  session->closing = true;
  touch(session);
}

void Frontdesk::resume() {
  std::erase_if(at_the_door_, [this](SessionId id) {
    Session* session = find(id);
    return session == nullptr || !session->at_the_door || let_in(session);
  });
  for (SessionId id : std::exchange(stepping_, {})) {
    Session* session = find(id);
    if (session == nullptr || !session->step) continue;
    const std::function<bool()> step = std::exchange(session->step, nullptr);
    if (step()) continue;
    session->step = step;
    stepping_.push_back(id);
  }
  const int64_t now = world_->monotonic_ms();
  work_on_pause();
  // While the log is slow nothing would be won, and reads must go on.
  const auto executes = [&](SessionId id) {
    const Session* session = find(id);
    return session != nullptr && session->executing && session->asking && !session->has_open_in_batch() &&
           now - session->asked_ms > kPatienceMs;
  };
  holding_ = counter_->log_waiting_ms() < kPatienceMs &&
             (!migrating_.empty() || std::any_of(stepping_.begin(), stepping_.end(), executes));
  blocking_.work();
  if (parked_.empty()) return;
  std::vector<SessionId> parked;
  std::swap(parked, parked_);
  for (SessionId id : parked) {
    Session* session = find(id);
    if (session == nullptr) continue;
    session->unsent = world_->client_unsent(id);
    if (blocked(*session)) {
      parked_.push_back(id);
      continue;
    }
    session->parked = session->paused = false;
    serve(session, {});
    if (!session->parked) world_->client_hold(id, false);
  }
}

// The reserved one is hidden.
int Frontdesk::told_databases() const {
  const bool one = cluster_.enabled && counter_->words().cluster_dialect == ClusterDialect::kRedis8;
  return one ? 1 : counter_->reserved_database();
}

Visible Frontdesk::visible_to(const Session& session) {
  return {.reserved_db = counter_->reserved_database(),
          .clients = sessions_.size(),
          .blocked = blocked_clients(),
          .channels = pubsub_.channels(),
          .patterns = pubsub_.patterns(),
          .maxmemory = counter_->settings().maxmemory(),
          .limits = limits_,
          .tracking = tracking_.counts(),
          .port = port_of(session.local_address()),
          .plain_port = world_->accepts_on(),
          .tls = world_->tls_settings(),
          .connections = connected(),
          .commands = commands_ - commands_before_,
          .client_memory = memory_.total(),
          .evicted = evicted_,
          .databases = told_databases(),
          .cluster = cluster_.enabled,
          .told = &counter_->settings().told(),
          .refused = &refused_,
          .statistics = &statistics_,
          .own_calls = &counter_->own_calls(),
          .replicas = &replicas_};
}

void Frontdesk::on_reply(const Waiter& waiter, std::string_view reply) {
  if (waiter.filter == Filter::kBlocked) return blocking_.on_reply(waiter, reply);
  Session* session = find(waiter.session);
  if (session == nullptr) return;
  if (waiter.filter == Filter::kOnlyErrors) {
    if (reply.starts_with('-')) session->give_up(waiter.slot, reply);
    return;
  }
  if (session->restricted && reply.starts_with('-')) {
    note_refusal(session, session->user, reply);
    const std::string shown = without_shadow(reply);
    session->add_reply(waiter.slot, waiter.filter == Filter::kReading ? filter_reply(waiter.filter, shown, {}) : shown);
  } else if (waiter.filter == Filter::kNone) {
    session->add_reply(waiter.slot, reply);
  } else if (waiter.filter == Filter::kResetStat) {
    if (reply.starts_with('+')) reset_counts();
    session->add_reply(waiter.slot, reply);
  } else if (waiter.filter == Filter::kReceivers) {
    session->add_reply(waiter.slot, plus(reply, waiter.receivers));
  } else {
    session->add_reply(waiter.slot, filter_reply(waiter.filter, reply, visible_to(*session)));
  }
  account(session);
}

void Frontdesk::release(const Waiter& waiter) {
  if (waiter.filter == Filter::kBlocked) return blocking_.on_settled(waiter);
  Session* session = find(waiter.session);
  if (session == nullptr) return;
  session->release(waiter.slot);
  touch(session);
}

void Frontdesk::restart_reply(const Waiter& waiter) {
  if (waiter.filter == Filter::kBlocked) return blocking_.on_restart(waiter);
  if (Session* session = find(waiter.session)) session->restart_reply(waiter.slot);
}

void Frontdesk::give_up(const Waiter& waiter, std::string_view error) {
  if (waiter.filter == Filter::kBlocked) return blocking_.on_given_up(waiter, error);
  Session* session = find(waiter.session);
  if (session == nullptr) return;
  std::string reply;
  append_error(&reply, error);
  session->give_up(waiter.slot, reply);
  touch(session);
}

void Frontdesk::on_asked_lost(std::string_view error) {
  for (const auto& [id, session] : sessions_) give_up_asking(session.get(), error);
}

void Frontdesk::give_up_asking(Session* session, std::string_view error) {
  if (!session->asking) return;
  session->asking = false;
  session->step = nullptr;
  monitors_.give_up(session->id());
  if (session->executing) counter_->watches().forget(session->id());
  session->executing.reset();
  if (session->transaction) session->transaction->dirty = true;
  reply_error(session, session->migration ? give_up_migration(session, error) : std::string(error));
}

void Frontdesk::flush() {
  std::vector<SessionId> list;
  std::swap(list, to_flush_);
  for (SessionId id : list) {
    Session* session = find(id);
    if (session == nullptr) continue;
    session->listed = false;
    session->collect();
    if (!tracking_.empty()) tracking_.on_left(id, session->first_slot());
    check_output(session, false);
    if (!session->outgoing.empty()) {
      session->sent += session->outgoing.size();
      world_->client_send(id, std::move(session->outgoing));
      session->outgoing = std::string();
    }
    account_unsent(session);
    if (session->closing && session->waiting() == 0 && !session->asking && !blocking_.attempting(id)) {
      blocking_.forget(id);
      world_->client_close(id);
    }
  }
  evict_clients();
}

void Frontdesk::check_time(int64_t now_ms,
                           const std::function<std::string(const Session&, const Session::Oldest&)>& too_late) {
  std::vector<SessionId> idle;
  for (const auto& [id, owned] : sessions_) {
    Session* session = owned.get();
    for (;;) {
      const std::optional<Session::Oldest> oldest = session->oldest();
      if (!oldest) break;
      const std::string error = too_late(*session, *oldest);
      if (error.empty()) break;
      std::string reply;
      append_error(&reply, error);
      session->give_up(oldest->slot, reply);
      touch(session);
    }
    if (session->asking) {
      const std::string error = too_late(*session, Session::Oldest{0, session->asked_ms, false});
      if (!error.empty()) give_up_asking(session, error);
    }
    if (session->output.soft()) check_output(session, false);
    if (limits_.idle_ms > 0 && !session->replica && session->waiting() == 0 && !session->asking && !session->blocked &&
        now_ms - session->last_ms > limits_.idle_ms) {
      idle.push_back(id);
    }
  }
  for (SessionId id : idle) world_->client_close(id);
  refresh_memory(now_ms);
}

void Frontdesk::drain() {
  draining_ = true;
  for (const auto& [id, session] : sessions_) {
    session->closing = true;
    world_->client_hold(id, true);
    touch(session.get());
  }
}

bool Frontdesk::drained() const {
  return std::all_of(sessions_.begin(), sessions_.end(), [this](const auto& entry) {
    const auto& [id, session] = entry;
    return session->waiting() == 0 && !session->asking && !blocking_.attempting(id);
  });
}

void Frontdesk::answer(Session* session, std::string_view reply) {
  session->answer(reply, world_->monotonic_ms());
  touch(session);
}

void Frontdesk::answer_when_settled(Session* session, std::string_view reply) {
  const uint64_t slot = session->open_slot(false, world_->monotonic_ms());
  session->add_reply(slot, reply);
  counter_->release_when_settled(session->waiter(slot));
}

void Frontdesk::reply_error(Session* session, std::string_view text) {
  std::string reply;
  append_error(&reply, text);
  session->answer(reply, world_->monotonic_ms());
  touch(session);
}

}  // namespace holdfast
