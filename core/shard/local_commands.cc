#include "core/shard/local_commands.h"

#include <algorithm>
#include <charconv>

#include "core/check.h"
#include "core/resp/reply.h"
#include "core/resp/words.h"
#include "core/shard/frontdesk.h"
#include "core/shard/outcomes.h"

namespace holdfast {
namespace {

// The reply to HELLO as that of a node of a cluster.
std::string in_cluster(std::string hello) {
  constexpr std::string_view kAlone = "$10\r\nstandalone\r\n";
  const size_t at = hello.find(kAlone);
  return at == std::string::npos ? hello : hello.replace(at, kAlone.size(), "$7\r\ncluster\r\n");
}

// The reply to HELLO with another connection's number.
std::string with_id(std::string hello, int64_t number) {
  constexpr std::string_view kId = "$2\r\nid\r\n:";
  const size_t at = hello.find(kId);
  if (at == std::string::npos) return hello;
  const size_t begin = at + kId.size();
  return hello.replace(begin, hello.find('\r', begin) - begin, std::to_string(number));
}

}  // namespace

const LocalCommands::Entry LocalCommands::kEntries[] = {
    {"acl", &LocalCommands::acl},
    {"asking", &LocalCommands::node_state},
    {"auth", &LocalCommands::auth},
    {"client", &LocalCommands::client},
    {"cluster", &LocalCommands::cluster},
    {"commandlog", &LocalCommands::commandlog},
    {"config", &LocalCommands::config},
    {"debug", &LocalCommands::debug},
    {"discard", &LocalCommands::discard},
    {"echo", &LocalCommands::echo},
    {"hello", &LocalCommands::hello},
    {"host:", &LocalCommands::http},
    {"info", &LocalCommands::info},
    {"latency", &LocalCommands::latency_histogram},
    {"memory", &LocalCommands::memory},
    {"monitor", &LocalCommands::monitor},
    {"multi", &LocalCommands::multi},
    {"ping", &LocalCommands::ping},
    {"post", &LocalCommands::http},
    {"psubscribe", &LocalCommands::subscribe},
    {"psync", &LocalCommands::sync},
    {"pubsub", &LocalCommands::pubsub},
    {"punsubscribe", &LocalCommands::unsubscribe},
    {"quit", &LocalCommands::quit},
    {"readonly", &LocalCommands::node_state},
    {"readwrite", &LocalCommands::node_state},
    {"replconf", &LocalCommands::replconf},
    {"replicaof", &LocalCommands::replicaof},
    {"reset", &LocalCommands::reset},
    {"role", &LocalCommands::role},
    {"select", &LocalCommands::select},
    {"slaveof", &LocalCommands::replicaof},
    {"slowlog", &LocalCommands::slowlog},
    {"ssubscribe", &LocalCommands::subscribe},
    {"subscribe", &LocalCommands::subscribe},
    {"sunsubscribe", &LocalCommands::unsubscribe},
    {"sync", &LocalCommands::sync},
    {"unsubscribe", &LocalCommands::unsubscribe},
    {"unwatch", &LocalCommands::unwatch},
    {"wait", &LocalCommands::wait},
    {"waitaof", &LocalCommands::waitaof},
};

LocalCommands::Outcome LocalCommands::run(std::string_view name, const Argv& argv) {
  const std::string_view container = name.substr(0, name.find('|'));
  for (const Entry& entry : kEntries) {
    if (entry.name == container) return (this->*entry.handler)(argv);
  }
  HOLDFAST_CHECK(false);  // traits.cc and this table do not agree
  return {};
}

LocalCommands::Outcome LocalCommands::ping(const Argv& argv) {
  if (argv.size() > 2) return error("ERR wrong number of arguments for 'ping' command");
  if (session_->protocol == Protocol::kResp2 && desk_->pubsub_.subscribed(session_->id())) {
    Outcome outcome;
    append_array_header(&outcome.reply, 2);
    append_bulk(&outcome.reply, "pong");
    append_bulk(&outcome.reply, argv.size() == 2 ? argv[1] : "");
    return outcome;
  }
  return argv.size() == 2 ? bulk(argv[1]) : simple("PONG");
}

// Redis takes it for an attack through a browser and closes the connection; so do we, ours being shared.
LocalCommands::Outcome LocalCommands::http(const Argv&) {
  desk_->world_->note(World::Level::kWarn, "closing client " + session_->address() + ": it speaks HTTP");
  session_->mute = session_->closing = session_->refused = true;
  return {};
}

LocalCommands::Outcome LocalCommands::echo(const Argv& argv) { return bulk(argv[1]); }

LocalCommands::Outcome LocalCommands::select(const Argv& argv) {
  int64_t db = 0;
  const Counter& counter = *desk_->counter_;
  if (!parse_int(argv[1], &db)) return backend();  // it refuses what is no number, in its own words
  if (db < 0 || db >= counter.databases() || db == counter.reserved_database()) {
    return error("ERR DB index is out of range");
  }
  session_->db = static_cast<int>(db);
  return simple("OK");
}

LocalCommands::Outcome LocalCommands::multi(const Argv&) {
  if (session_->transaction) {
    if (desk_->counter_->words().nested_aborts) session_->transaction->dirty = true;
    return {.reply = desk_->counter_->words().nested_multi};
  }
  session_->transaction.emplace().users = desk_->counter_->users_generation();
  return simple("OK");
}

LocalCommands::Outcome LocalCommands::discard(const Argv&) {
  if (!session_->transaction) return error("ERR DISCARD without MULTI");
  session_->transaction.reset();
  desk_->counter_->watches().forget(session_->id());
  return simple("OK");
}

LocalCommands::Outcome LocalCommands::unwatch(const Argv&) {
  desk_->counter_->watches().forget(session_->id());
  return simple("OK");
}

LocalCommands::Outcome LocalCommands::quit(const Argv&) {
  session_->closing = true;
  return simple("OK");
}

LocalCommands::Outcome LocalCommands::reset(const Argv&) {
  session_->transaction.reset();
  desk_->counter_->watches().forget(session_->id());
  desk_->pubsub_.forget(session_->id());
  desk_->tracking_.end(session_->id());
  desk_->monitors_.forget(session_->id());
  session_->caching.reset();
  session_->no_touch = session_->readonly = false;
  session_->silent = session_->skip = false;
  desk_->memory_.spare(&session_->memory, false);
  session_->db = 0;
  session_->protocol = Protocol::kResp2;
  session_->name.clear();
  desk_->sign_out(session_);
  return simple("RESET");
}

// What is wrong with the options of HELLO before `end`; empty: nothing.
std::string LocalCommands::hello_error(const Argv& argv, size_t end) {
  for (size_t i = 2; i < end;) {
    if (same_word(argv[i], "SETNAME") && i + 1 < argv.size()) {
      if (!printable(argv[i + 1])) return "ERR Client names cannot contain spaces, newlines or special characters.";
      i += 2;
    } else if (same_word(argv[i], "AUTH") && i + 2 < argv.size()) {
      i += 3;
    } else {
      return "ERR Syntax error in HELLO option '" + std::string(argv[i]) + "'";
    }
  }
  return {};
}

LocalCommands::Outcome LocalCommands::hello(const Argv& argv) {
  size_t next = 1;
  int64_t version = static_cast<int64_t>(session_->protocol);
  if (argv.size() > 1) {
    if (!parse_int(argv[1], &version)) return error("ERR Protocol version is not an integer or out of range");
    if (version < 2 || version > 3) return error("NOPROTO unsupported protocol version");
    next = 2;
  }
  if (const std::string wrong = hello_error(argv, argv.size()); !wrong.empty()) return error(wrong);
  for (; next < argv.size(); next += 2) {
    if (same_word(argv[next], "AUTH")) return auth({"AUTH", argv[next + 1], argv[next + 2]});
    session_->name = argv[next + 1];
  }
  if (desk_->must_sign_in(*session_)) return error(desk_->counter_->words().hello_needs_auth);
  session_->protocol = static_cast<Protocol>(version);
  Outcome outcome;
  if (const std::string& own = desk_->counter_->words().hello[version - 2]; !own.empty()) {
    outcome.reply = with_id(own, session_->number());
    if (desk_->cluster_.enabled) outcome.reply = in_cluster(std::move(outcome.reply));
    return outcome;
  }
  append_map_header(&outcome.reply, 7, session_->protocol);
  auto field = [&](std::string_view name) { append_bulk(&outcome.reply, name); };
  field("server"), field("redis");
  field("version"), field(desk_->counter_->redis_version());
  field("proto"), append_integer(&outcome.reply, version);
  field("id"), append_integer(&outcome.reply, session_->number());
  field("mode"), field(desk_->cluster_.enabled ? "cluster" : "standalone");
  field("role"), field("master");
  field("modules"), append_array_header(&outcome.reply, 0);
  return outcome;
}

// Only inside a transaction; otherwise see Frontdesk::sign_in().
LocalCommands::Outcome LocalCommands::auth(const Argv&) {
  return error("ERR AUTH is refused by Holdfast in a transaction: it has a part in it");
}

LocalCommands::Outcome LocalCommands::info(const Argv&) { return backend(Filter::kInfo); }

LocalCommands::Outcome LocalCommands::memory(const Argv& argv) {
  const bool stats = argv.size() > 1 && same_word(argv[1], "STATS");
  return backend(stats ? Filter::kMemoryStats : Filter::kNone);
}

LocalCommands::Outcome LocalCommands::replicaof(const Argv& argv) {
  // It is a master already.
  if (same_word(argv[1], "NO") && same_word(argv[2], "ONE")) return simple("OK");
  return error("ERR 'replicaof' is refused by Holdfast: Redis follows Holdfast's log and nobody else");
}

LocalCommands::Outcome LocalCommands::monitor(const Argv&) {
  if (session_->transaction) return error("ERR MONITOR isn't allowed for DENY BLOCKING client");
  desk_->monitors_.begin(session_->id());
  return simple("OK");
}

// What was answered before is in the log: what WAITAOF asks of the local disk, and more.
LocalCommands::Outcome LocalCommands::waitaof(const Argv& argv) {
  int64_t local = 0, replicas = 0, timeout = 0;
  const bool right = parse_int(argv[1], &local) && parse_int(argv[2], &replicas) && parse_int(argv[3], &timeout) &&
                     (local == 0 || local == 1) && replicas >= 0 && timeout >= 0;
  if (!right) return backend();  // it says what is wrong
  Outcome outcome;
  append_array_header(&outcome.reply, 2);
  append_integer(&outcome.reply, 1);
  append_integer(&outcome.reply, 0);
  return outcome;
}

}  // namespace holdfast
