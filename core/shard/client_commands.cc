// CLIENT: about Holdfast's own clients.
#include <algorithm>
#include <optional>

#include "core/resp/words.h"
#include "core/shard/frontdesk.h"
#include "core/shard/outcomes.h"

namespace holdfast {
namespace {

// The subcommands that are dealt with here, and HELP.
constexpr std::string_view kOwn[] = {"CACHING", "CAPA",     "GETNAME",      "GETREDIR", "HELP",   "ID",
                                     "INFO",    "NO-EVICT", "NO-TOUCH",     "PAUSE",    "REPLY",  "SETINFO",
                                     "SETNAME", "TRACKING", "TRACKINGINFO", "UNBLOCK",  "UNPAUSE"};

// Those that 6.2, whose table does not tell them apart, does not know.
constexpr std::string_view kNewer[] = {"CAPA", "IMPORT-SOURCE", "NO-EVICT", "NO-TOUCH", "SETINFO"};

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
  if (desk_->counter_->watches().touched(session.id())) flags += 'd';
  if (session.closing) flags += 'c';
  if (session.readonly) flags += 'r';
  if (session.memory.spared) flags += 'e';
  if (session.no_touch) flags += 'T';
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
      {"capa", session.redirects ? "r" : ""},
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
      {"io-thread", "0"},
      {"tot-net-in", std::to_string(session.received)},
      {"tot-net-out", std::to_string(session.sent)},
      {"tot-cmds", std::to_string(session.commands)},
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
  const bool redis6 = desk_->counter_->words().cluster_dialect == ClusterDialect::kRedis6;
  const bool newer = std::any_of(std::begin(kNewer), std::end(kNewer), [&](auto word) { return same_word(sub, word); });
  if (newer && redis6) return backend();
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
    if (same_word(sub, "NO-TOUCH")) session_->no_touch = same_word(argv[2], "ON");
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
  // Valkey's: nobody is redirected.
  if (same_word(sub, "CAPA") && argv.size() >= 3) {
    const auto redirect = [](std::string_view word) { return same_word(word, "REDIRECT"); };
    session_->redirects |= std::any_of(argv.begin() + 2, argv.end(), redirect);
    return simple("OK");
  }
  if (same_word(sub, "IMPORT-SOURCE") && argv.size() == 3) {
    return same_word(argv[2], "OFF") ? simple("OK") : error("ERR Server is not in import mode");
  }
  // With these arguments Redis refuses it, in its own words. Of any other its connection would be meant, not this one.
  const bool wrong = std::any_of(std::begin(kOwn), std::end(kOwn), [&](auto own) { return same_word(sub, own); });
  if (wrong || redis6) return backend();  // 6.2 has no others
  return error("ERR 'client|" + lowered(sub.substr(0, 128)) +
               "' is refused by Holdfast: it would be about the connection to Redis, which all clients share");
}

ClientFacts LocalCommands::facts_of(const Session& session) const {
  const int64_t now = desk_->world_->monotonic_ms();
  return {.number = session.number(),
          .type = session.replica                           ? "replica"
                  : desk_->pubsub_.subscribed(session.id()) ? "pubsub"
                                                            : "normal",
          .address = session.address(),
          .local_address = session.local_address(),
          .user = session.user,
          .name = session.name,
          .lib_name = session.lib_name,
          .lib_version = session.lib_version,
          .capabilities = session.redirects ? "r" : "",
          .flags = flags_of(session),
          .db = session.db,
          .age_s = (now - session.since_ms()) / 1000,
          .idle_s = (now - session.last_ms) / 1000};
}

LocalCommands::Outcome LocalCommands::client_list(const Argv& argv) {
  const Counter& counter = *desk_->counter_;
  const Result<ClientFilter> filter =
      ClientFilter::of_list(argv, {counter.words().client_filters, counter.users(), desk_->told_databases()});
  if (!filter.ok()) return error(filter.error());
  std::vector<const Session*> sessions;
  for (const auto& [id, session] : desk_->sessions_) {
    if (!session->memory.in || (filter->skips_itself() && session.get() == session_)) continue;
    if (filter->fits(facts_of(*session))) sessions.push_back(session.get());
  }
  std::sort(sessions.begin(), sessions.end(), [](auto* a, auto* b) { return a->number() < b->number(); });
  std::string lines;
  for (const Session* session : sessions) lines += describe(*session) + "\n";
  return verbatim(lines);
}

LocalCommands::Outcome LocalCommands::client_kill(const Argv& argv) {
  const Counter& counter = *desk_->counter_;
  const Result<ClientFilter> filter =
      ClientFilter::of_kill(argv, {counter.words().client_filters, counter.users(), desk_->told_databases()});
  if (!filter.ok()) return error(filter.error());
  int64_t killed = 0;
  for (const auto& [id, session] : desk_->sessions_) {
    if (session->closing || (filter->skips_itself() && session.get() == session_)) continue;
    if (!filter->fits(facts_of(*session))) continue;
    // Closed at the end of the turn: one's own reply leaves first.
    session->closing = true;
    desk_->touch(session.get());
    killed++;
  }
  if (argv.size() == 3) return killed > 0 ? simple("OK") : error("ERR No such client");
  return integer(killed);
}

}  // namespace holdfast
