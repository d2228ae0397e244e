// CONFIG: Redis's own settings, but for those by which it could break what Holdfast promises.
#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "core/resp/integer.h"
#include "core/resp/reply.h"
#include "core/resp/words.h"
#include "core/shard/frontdesk.h"
#include "core/shard/local_commands.h"
#include "core/shard/outcomes.h"

namespace holdfast {
namespace {

constexpr int64_t kLastPort = 65535;
constexpr std::string_view kTakenPort = "Unable to listen on this port. Check server logs.";

// 0: no limit.
size_t tracking_limit(const std::string& text) {
  size_t limit = 0;
  std::from_chars(text.data(), text.data() + text.size(), limit);
  return limit == 0 ? SIZE_MAX : limit;
}

}  // namespace

// What CONFIG SET answers where a value is not taken.
std::string Frontdesk::not_set(std::string_view name, std::string_view value, std::string_view reason) const {
  if (counter_->words().cluster_dialect != ClusterDialect::kRedis6) {
    return "ERR CONFIG SET failed (possibly related to argument '" + std::string(name) + "') - " + std::string(reason);
  }
  const bool is_told = !same_word(name, "client-output-buffer-limit");
  return "ERR Invalid argument '" + std::string(value) + "' for CONFIG SET '" + std::string(name) + "'" +
         (is_told ? " - " + std::string(reason) : "");
}

LocalCommands::Outcome LocalCommands::config(const Argv& argv) {
  // 6.2 refuses to set several.
  const bool one_only = desk_->counter_->words().cluster_dialect == ClusterDialect::kRedis6;
  if (one_only && same_word(argv[1], "SET") && argv.size() != 4) return backend();
  if (same_word(argv[1], "GET")) return backend(Filter::kConfigGet);
  if (same_word(argv[1], "RESETSTAT")) return backend(Filter::kResetStat);
  if (!same_word(argv[1], "SET")) return backend();
  // Only inside a transaction; otherwise see Frontdesk::set_config().
  for (size_t i = 2; i + 1 < argv.size(); i += 2) {
    std::string_view reason = LiveSettings::why_fixed(argv[i], argv[i + 1]);
    if (same_word(argv[i], "maxmemory") || same_word(argv[i], "maxmemory-policy") ||
        same_word(argv[i], "requirepass") || same_word(argv[i], "port") || same_word(argv[i], "repl-backlog-size") ||
        (same_word(argv[i], "appendfsync") && same_word(argv[i + 1], "always")) || is_client_setting(argv[i]) ||
        Statistics::is_setting(argv[i])) {
      reason = "Holdfast has a part in it, which cannot be in a transaction";
    }
    if (!reason.empty()) return error(desk_->not_set(argv[i], argv[i + 1], reason));
  }
  return backend();
}

void Frontdesk::set_config(Session* session, const Argv& all) {
  std::map<std::string, std::string> ours;
  std::optional<std::string> password;
  Doors doors;
  const TlsSettingValues tls = world_->tls_settings();
  FrontdeskLimits tried = limits_;
  std::vector<size_t> fixed;
  Argv argv(all.begin(), all.begin() + 2);
  // A name without a value is for Redis to refuse.
  for (size_t i = 2; i < all.size(); i += 2) {
    const Argv pair(all.begin() + i, all.begin() + std::min(i + 2, all.size()));
    if (pair.size() == 2 && same_word(pair[0], "requirepass")) {
      if (password) return reply_error(session, not_set("requirepass", pair[1], "duplicate parameter"));
      password = pair[1];
      continue;
    }
    if (pair.size() == 2 && same_word(pair[0], "port")) {
      if (doors.port) return reply_error(session, not_set("port", pair[1], "duplicate parameter"));
      const std::optional<int64_t> number = parse_integer(pair[1]);
      const std::string wrong = parse_within(number, kNoInteger, 0, kLastPort);
      if (!wrong.empty()) return reply_error(session, not_set("port", pair[1], wrong));
      doors.port = static_cast<int>(*number);
      continue;
    }
    if (pair.size() == 2 && tls.contains(lowered(pair[0]))) {
      if (doors.tls.emplace(lowered(pair[0]), pair[1]).second) continue;
      return reply_error(session, not_set(lowered(pair[0]), pair[1], "duplicate parameter"));
    }
    const bool is_ours = all.size() % 2 == 0 && is_client_setting(pair[0]) &&
                         (counter_->words().evicts_clients || !same_word(pair[0], "maxmemory-clients"));
    if (!is_ours) argv.insert(argv.end(), pair.begin(), pair.end());
    const bool is_new = !is_ours || ours.emplace(lowered(pair[0]), pair[1]).second;
    const std::string reason = !is_new   ? "duplicate parameter"
                               : is_ours ? set_client_setting(&tried, pair[0], pair[1])
                                         : "";
    if (!is_ours && pair.size() == 2 && !LiveSettings::why_fixed(pair[0], pair[1]).empty()) fixed.push_back(i);
    if (!reason.empty()) return reply_error(session, not_set(lowered(pair[0]), pair.back(), reason));
  }
  if (!fixed.empty()) return set_config_but(session, all, fixed);
  const std::string bulk_bytes = std::to_string(tried.requests.max_bulk_bytes);
  if (tried.requests.max_bulk_bytes > limits_.requests.max_bulk_bytes) {
    argv.insert(argv.end(), {"proto-max-bulk-len", bulk_bytes});
  }
  if (password) {
    if (const std::string down = counter_->refuse_write(); !down.empty()) return reply_error(session, down);
  }
  if (argv.size() == 2) {
    if (const std::string closed = open_doors(doors); !closed.empty()) return reply_error(session, closed);
    set_client_settings(ours);
    return password ? set_requirepass(session, *password) : answer(session, "+OK\r\n");
  }
  if (const std::string down = counter_->refuse_read(); !down.empty()) return reply_error(session, down);
  wait_for(session, [this, session, ours, password, doors, change = counter_->settings().plan(argv)] {
    if (session->has_open_in_batch()) return false;
    const Doors before = doors_now(doors);
    if (const std::string closed = open_doors(doors); !closed.empty()) {
      session->asking = false;
      reply_error(session, closed);
      return true;
    }
    Unit unit;
    for (const std::string& request : change.requests) unit.add_read(0, request);
    counter_->settings().begin(change);
    // It holds also where its client has left meanwhile.
    counter_->look(unit, [this, id = session->id(), question = session->question, ours, password, before,
                          change](const Result<std::string>& replies) {
      const std::vector<std::string> told = split_replies(replies.ok() ? *replies : "-" + replies.error() + "\r\n");
      const std::string reply = told.empty() ? "-ERR Redis has not told whether it is set\r\n" : told.back();
      const bool done = reply.starts_with('+');
      if (done) {
        counter_->settings().carried_out(change);
        set_client_settings(ours);
        for (const auto& [name, value] : change.kept) statistics_.set(name, value);
        const auto most_keys = change.kept.find("tracking-table-max-keys");
        if (most_keys != change.kept.end()) tracking_.set_most_keys(tracking_limit(most_keys->second));
      } else {
        counter_->settings().refused(change);
        open_doors(before);
      }
      if (const std::string& more = done ? change.then : change.undo; replies.ok() && !more.empty()) {
        Unit last;
        last.add_read(0, more);
        counter_->look(last, [](const Result<std::string>&) {});
      }
      Session* there = still_asking(id, question);
      if (there == nullptr) return;
      if (!replies.ok()) return give_up_asking(there, replies.error());
      there->asking = false;
      done&& password ? set_requirepass(there, *password) : answer(there, reply);
    });
    return true;
  });
}

// All of them or none. What CONFIG SET answers where that cannot be; empty: done.
std::string Frontdesk::open_doors(const Doors& doors) {
  // Who gives up a port goes first: the other may want it.
  const auto port = doors.tls.find("tls-port");
  const bool tls_first = port != doors.tls.end() && port->second == "0";
  const Doors before = doors_now(doors);
  std::string closed = tls_first ? open_with_tls(doors.tls) : open_without_tls(doors.port);
  if (!closed.empty()) return closed;
  closed = tls_first ? open_without_tls(doors.port) : open_with_tls(doors.tls);
  if (!closed.empty()) tls_first ? open_with_tls(before.tls) : open_without_tls(before.port);
  return closed;
}

std::string Frontdesk::open_without_tls(std::optional<int> port) {
  if (!port || *port == world_->accepts_on()) return {};
  const Result<Done> done = world_->accept_on(*port);
  if (done.ok()) return {};
  world_->note(World::Level::kWarn, done.error());
  return not_set("port", std::to_string(*port), kTakenPort);
}

std::string Frontdesk::open_with_tls(const TlsSettingValues& tls) {
  if (tls.empty()) return {};
  const std::optional<World::RefusedSetting> refused = world_->set_tls(tls);
  return refused ? not_set(refused->name, tls.find(refused->name)->second, refused->reason) : std::string();
}

// What of it there is now.
Frontdesk::Doors Frontdesk::doors_now(const Doors& wanted) {
  Doors now{wanted.port ? std::optional(world_->accepts_on()) : std::nullopt, world_->tls_settings()};
  std::erase_if(now.tls, [&](const auto& one) { return !wanted.tls.contains(one.first); });
  return now;
}

// Those pairs of it may not be changed: they may be set to what they are.
void Frontdesk::set_config_but(Session* session, const Argv& all, const std::vector<size_t>& fixed) {
  if (const std::string down = counter_->refuse_read(); !down.empty()) return reply_error(session, down);
  std::vector<std::string> kept(all.begin(), all.end());
  Unit questions;
  for (const size_t at : fixed) questions.add_question(0, {"CONFIG", "GET", all[at]});
  wait_for(session, [this, session, kept, fixed, questions] {
    if (session->has_open_in_batch()) return false;
    look(session, questions, [this, kept, fixed](Session* there, const std::string& replies) {
      there->asking = false;
      const std::vector<std::string> told = split_replies(replies);
      Argv rest(kept.begin(), kept.end());
      for (size_t i = fixed.size(); i-- > 0;) {
        const std::string &name = kept[fixed[i]], &value = kept[fixed[i] + 1];
        const Result<ReplyValue> is = parse_reply(i < told.size() ? told[i] : std::string());
        if (!is.ok() || is->elements.size() != 2 || is->elements[1].text != value) {
          return reply_error(there, not_set(lowered(name), value, LiveSettings::why_fixed(name, value)));
        }
        rest.erase(rest.begin() + static_cast<int64_t>(fixed[i]), rest.begin() + static_cast<int64_t>(fixed[i]) + 2);
      }
      if (rest.size() == 2) return answer(there, "+OK\r\n");
      set_config(there, rest);
    });
    return true;
  });
}

// It is the password of the user default, and that is in the log.
void Frontdesk::set_requirepass(Session* session, const std::string& password) {
  if (const std::string down = counter_->refuse_write(); !down.empty()) return reply_error(session, down);
  const std::string rule = password.empty() ? "nopass" : ">" + password;
  counter_->change_users({"ACL", "SETUSER", kDefaultUser, "resetpass", rule}, begin_change(session));
}

void Frontdesk::reset_counts() {
  commands_before_ = commands_;
  connected_before_ = next_number_ - 1;
  statistics_.reset();
  counter_->own_calls().reset();
  evicted_ = 0;
}

void Frontdesk::set_client_settings(const std::map<std::string, std::string>& settings) {
  for (const auto& [name, value] : settings) set_client_setting(&limits_, name, value);
  choose_memory_limit();
  for (const auto& [id, session] : sessions_) limit_request(session.get());
}

}  // namespace holdfast
