// CLIENT: about Holdfast's own clients.
#include <algorithm>
#include <optional>

#include "core/resp/words.h"
#include "core/shard/frontdesk.h"
#include "core/shard/outcomes.h"

namespace holdfast {
namespace {

enum class ClientType { kNormal, kMaster, kReplica, kPubSub };

std::optional<ClientType> parse_type(std::string_view text) {
  if (same_word(text, "normal")) return ClientType::kNormal;
  if (same_word(text, "master")) return ClientType::kMaster;
  if (same_word(text, "replica") || same_word(text, "slave")) return ClientType::kReplica;
  if (same_word(text, "pubsub")) return ClientType::kPubSub;
  return std::nullopt;
}

// The subcommands that are dealt with here, and HELP.
constexpr std::string_view kOwn[] = {"CACHING", "CAPA",     "GETNAME",      "GETREDIR", "HELP",   "ID",
                                     "INFO",    "NO-EVICT", "NO-TOUCH",     "PAUSE",    "REPLY",  "SETINFO",
                                     "SETNAME", "TRACKING", "TRACKINGINFO", "UNBLOCK",  "UNPAUSE"};

LocalCommands::Outcome unknown_type(std::string_view text) {
  return error("ERR Unknown client type '" + std::string(text) + "'");
}

}  // namespace

LocalCommands::Outcome LocalCommands::verbatim(std::string_view text) const {
  Outcome outcome;
  append_verbatim(&outcome.reply, text, session_->protocol);
  return outcome;
}

std::string LocalCommands::flags_of(const Session& session) const {
  if (session.replica) return "S";
  std::string flags;
  if (desk_->pubsub_.subscribed(session.id())) flags += 'P';
  if (session.transaction) flags += 'x';
  if (session.blocked || session.paused) flags += 'b';
  if (desk_->monitors_.contains(session.id())) flags += 'O';
  if (const Tracking::Options* options = desk_->tracking_.of(session.id())) {
    flags += 't';
    if (options->redirect_broken) flags += 'R';
    if (options->broadcast) flags += 'B';
  }
  if (session.memory.spared) flags += 'e';
  return flags.empty() ? "N" : flags;
}

std::string LocalCommands::describe(const Session& session) const {
  const int64_t now = desk_->world_->monotonic_ms();
  const Tracking::Options* tracking = desk_->tracking_.of(session.id());
  ClientMemory memory = desk_->memory_of(session);
  memory.unsent = desk_->world_->client_unsent(session.id());
  // Its own request is in no buffer of its.
  if (&session == session_) memory.unread += session.parser.canonical().size();
  const auto subscriptions = [&](PubSub::Kind kind) {
    return std::to_string(desk_->pubsub_.count_of(session.id(), kind));
  };
  const Watches& watches = desk_->counter_->watches();
  const struct {
    std::string_view name;
    std::string value;
  } kFields[] = {
      {"id", std::to_string(session.number())},
      {"addr", session.address()},
      {"laddr", session.local_address()},
      {"fd", "-1"},
      {"name", session.name},
      {"age", std::to_string((now - session.since_ms()) / 1000)},
      {"idle", std::to_string((now - session.last_ms) / 1000)},
      {"flags", flags_of(session)},
      {"db", std::to_string(session.db)},
      {"sub", subscriptions(PubSub::Kind::kChannel)},
      {"psub", subscriptions(PubSub::Kind::kPattern)},
      {"ssub", subscriptions(PubSub::Kind::kShard)},
      {"multi", session.transaction ? std::to_string(session.transaction->commands.size()) : "-1"},
      {"watch", std::to_string(watches.watching(session.id()) ? watches.keys(session.id()).size() : 0)},
      {"qbuf", std::to_string(memory.unread)},
      {"qbuf-free", std::to_string(memory.room)},
      {"argv-mem", std::to_string(memory.requests)},
      {"multi-mem", std::to_string(memory.queued)},
      {"rbs", "0"},  // no buffer is kept for replies
      {"rbp", std::to_string(session.usual_reply())},
      {"obl", std::to_string(memory.replies)},
      {"oll", std::to_string(session.waiting())},
      {"omem", std::to_string(memory.unsent)},
      {"tot-mem", std::to_string(memory.total())},
      {"events", "r"},
      {"cmd", session.last_command.empty() ? "NULL" : session.last_command},
      {"user", session.user},
      {"redir", std::to_string(tracking == nullptr ? -1 : tracking->redirect)},
      {"resp", std::to_string(static_cast<int>(session.protocol))},
      {"lib-name", session.lib_name},
      {"lib-ver", session.lib_version},
  };
  const std::vector<std::string>& told = desk_->counter_->words().client_fields;
  std::string line;
  for (const auto& [name, value] : kFields) {
    if (!told.empty() && std::find(told.begin(), told.end(), name) == told.end()) continue;
    line.append(line.empty() ? "" : " ").append(name).append("=").append(value);
  }
  return line;
}

LocalCommands::Outcome LocalCommands::client(const Argv& argv) {
  const std::string_view sub = argv[1];
  if (same_word(sub, "ID") && argv.size() == 2) return integer(session_->number());
  if (same_word(sub, "GETNAME") && argv.size() == 2) {
    if (!session_->name.empty()) return bulk(session_->name);
    Outcome outcome;
    append_null(&outcome.reply, session_->protocol);
    return outcome;
  }
  if (same_word(sub, "SETNAME") && argv.size() == 3) {
    if (!printable(argv[2])) return error("ERR Client names cannot contain spaces, newlines or special characters.");
    session_->name = argv[2];
    return simple("OK");
  }
  if (same_word(sub, "SETINFO") && argv.size() == 4) {
    const bool name = same_word(argv[2], "LIB-NAME");
    if (!name && !same_word(argv[2], "LIB-VER")) {
      return error("ERR Unrecognized option '" + std::string(argv[2]) + "'");
    }
    if (!printable(argv[3])) {
      return error("ERR " + std::string(argv[2]) + " cannot contain spaces, newlines or special characters.");
    }
    (name ? session_->lib_name : session_->lib_version) = argv[3];
    return simple("OK");
  }
  if (same_word(sub, "REPLY") && argv.size() == 3) {
    const bool on = same_word(argv[2], "ON"), skip = same_word(argv[2], "SKIP");
    if (!on && !skip && !same_word(argv[2], "OFF")) return error("ERR syntax error");
    session_->silent = !on && !skip;
    session_->skip = skip && !session_->silent;
    if (on) session_->mute = false;
    return on ? simple("OK") : Outcome{};
  }
  if (same_word(sub, "INFO") && argv.size() == 2) return verbatim(describe(*session_) + "\n");
  if (same_word(sub, "LIST")) return client_list(argv);
  if (same_word(sub, "KILL")) return client_kill(argv);
  if (same_word(sub, "PAUSE") && (argv.size() == 3 || argv.size() == 4)) return client_pause(argv);
  if (same_word(sub, "UNPAUSE") && argv.size() == 2) {
    desk_->pause_.end();
    return simple("OK");
  }
  if (same_word(sub, "TRACKING") && argv.size() >= 3) return client_tracking(argv);
  if (same_word(sub, "CACHING") && argv.size() == 3) return client_caching(argv);
  if (same_word(sub, "TRACKINGINFO") && argv.size() == 2) return client_tracking_info();
  if (same_word(sub, "GETREDIR") && argv.size() == 2) {
    const Tracking::Options* options = desk_->tracking_.of(session_->id());
    return integer(options == nullptr ? -1 : options->redirect);
  }
  if ((same_word(sub, "NO-EVICT") || same_word(sub, "NO-TOUCH")) && argv.size() == 3) {
    if (!same_word(argv[2], "ON") && !same_word(argv[2], "OFF")) return error("ERR syntax error");
    // NO-TOUCH would have to reach the shared connection and is a hint only.
    if (same_word(sub, "NO-EVICT")) desk_->memory_.spare(&session_->memory, same_word(argv[2], "ON"));
    return simple("OK");
  }
  if (same_word(sub, "UNBLOCK") && (argv.size() == 3 || argv.size() == 4)) {
    int64_t id = 0;
    const bool with_error = argv.size() == 4 && same_word(argv[3], "ERROR");
    if (argv.size() == 4 && !with_error && !same_word(argv[3], "TIMEOUT")) {
      return error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    }
    if (!parse_int(argv[2], &id)) return error("ERR value is not an integer or out of range");
    const char* text = with_error ? "UNBLOCKED client unblocked via CLIENT UNBLOCK" : "";
    const Session* blocked = desk_->find_number(id);
    return integer(blocked != nullptr && desk_->blocking_.unblock(blocked->id(), text) ? 1 : 0);
  }
  // Valkey's: what a client is able to do is of no concern here.
  if (same_word(sub, "CAPA") && argv.size() >= 3) return simple("OK");
  // With these arguments Redis refuses it, in its own words. Of any other its connection would be meant, not this one.
  const bool wrong = std::any_of(std::begin(kOwn), std::end(kOwn), [&](auto own) { return same_word(sub, own); });
  if (wrong) return backend();
  return error("ERR 'client|" + lowered(sub.substr(0, 128)) +
               "' is refused by Holdfast: it would be about the connection to Redis, which all clients share");
}

bool LocalCommands::is_of_type(const Session& session, int type) const {
  const bool subscriber = desk_->pubsub_.subscribed(session.id());
  return static_cast<ClientType>(type) == (session.replica ? ClientType::kReplica
                                           : subscriber    ? ClientType::kPubSub
                                                           : ClientType::kNormal);
}

LocalCommands::Outcome LocalCommands::client_list(const Argv& argv) {
  std::optional<ClientType> type;
  std::vector<int64_t> numbers;
  if (argv.size() == 4 && same_word(argv[2], "TYPE")) {
    type = parse_type(argv[3]);
    if (!type) return unknown_type(argv[3]);
  } else if (argv.size() > 3 && same_word(argv[2], "ID")) {
    for (size_t i = 3; i < argv.size(); i++) {
      int64_t number = 0;
      if (!parse_int(argv[i], &number)) return error("ERR Invalid client ID");
      numbers.push_back(number);
    }
  } else if (argv.size() > 2) {
    return error("ERR syntax error");
  }
  std::vector<const Session*> sessions;
  for (const auto& [id, session] : desk_->sessions_) {
    const bool wanted = session->memory.in && (numbers.empty() || std::find(numbers.begin(), numbers.end(),
                                                                            session->number()) != numbers.end());
    if (wanted && (!type || is_of_type(*session, static_cast<int>(*type)))) sessions.push_back(session.get());
  }
  std::sort(sessions.begin(), sessions.end(), [](auto* a, auto* b) { return a->number() < b->number(); });
  std::string lines;
  for (const Session* session : sessions) lines += describe(*session) + "\n";
  return verbatim(lines);
}

// CLIENT KILL address, or CLIENT KILL with pairs of a filter and its value.
LocalCommands::Outcome LocalCommands::client_kill(const Argv& argv) {
  std::optional<int64_t> number;
  std::optional<ClientType> type;
  std::string_view address, local_address, user;
  bool skip_me = true;
  const bool old_form = argv.size() == 3;
  if (old_form) {
    address = argv[2];
    skip_me = false;
  } else if (argv.size() % 2 != 0) {
    return error("ERR syntax error");
  }
  for (size_t i = 2; !old_form && i < argv.size(); i += 2) {
    const std::string_view value = argv[i + 1];
    if (same_word(argv[i], "ID")) {
      int64_t id = 0;
      if (!parse_int(value, &id) || id < 1) return error("ERR client-id should be greater than 0");
      number = id;
    } else if (same_word(argv[i], "TYPE")) {
      type = parse_type(value);
      if (!type) return unknown_type(value);
    } else if (same_word(argv[i], "ADDR")) {
      address = value;
    } else if (same_word(argv[i], "LADDR")) {
      local_address = value;
    } else if (same_word(argv[i], "USER")) {
      if (!desk_->counter_->users().contains(value)) return error("ERR No such user '" + std::string(value) + "'");
      user = value;
    } else if (same_word(argv[i], "SKIPME") && (same_word(value, "yes") || same_word(value, "no"))) {
      skip_me = same_word(value, "yes");
    } else {
      return error("ERR syntax error");
    }
  }
  int64_t killed = 0;
  for (const auto& [id, session] : desk_->sessions_) {
    if (session->closing || (skip_me && session.get() == session_)) continue;
    if (number && session->number() != *number) continue;
    if (type && !is_of_type(*session, static_cast<int>(*type))) continue;
    if (!address.empty() && session->address() != address) continue;
    if (!local_address.empty() && session->local_address() != local_address) continue;
    if (!user.empty() && session->user != user) continue;
    // Closed at the end of the turn: one's own reply leaves first.
    session->closing = true;
    desk_->touch(session.get());
    killed++;
  }
  if (old_form) return killed > 0 ? simple("OK") : error("ERR No such client");
  return integer(killed);
}

}  // namespace holdfast
