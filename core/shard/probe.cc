#include "core/shard/probe.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "core/resp/reply.h"
#include "core/shard/live_settings.h"
#include "core/shard/users.h"

namespace holdfast {
namespace {

constexpr std::string_view kClientName = "holdfast";

// Anything by which Redis could refuse a committed write, drop the tap or forget what the tap has not read.
constexpr struct {
  const char* name;
  const char* value;
  bool must;  // false: older builds do not know it
} kConfig[] = {
    {"stop-writes-on-bgsave-error", "no", true},
    {"min-replicas-to-write", "0", true},
    {"client-output-buffer-limit", "replica 0 0 0", true},
    {"client-output-buffer-limit", "normal 0 0 0", true},
    {"client-query-buffer-limit", "1gb", true},  // a batch is one transaction
    {"repl-backlog-ttl", "0", true},
    {"repl-timeout", "3600", true},
    {"timeout", "0", true},
    {"maxmemory-clients", "0", false},
    {"replica-ignore-disk-write-error", "yes", false},  // with an AOF that fails it would end itself while it is fed
};

constexpr std::string_view kNeeded[] = {"multi", "exec", "discard",  "select", "set",       "get",   "psync",
                                        "role",  "info", "replconf", "ping",   "replicaof", "config"};

int64_t to_number(const std::string& text) {
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// "db0:keys=12,expires=…" for each database that has keys.
std::map<int, int64_t> keys_per_database(const std::string& info) {
  std::map<int, int64_t> keys;
  size_t at = 0;
  while ((at = info.find("\ndb", at)) != std::string::npos) {
    int db = 0;
    long long count = 0;
    if (std::sscanf(info.c_str() + at, "\ndb%d:keys=%lld", &db, &count) == 2) keys[db] = count;
    at++;
  }
  return keys;
}

}  // namespace

std::string info_field(const std::string& info, const std::string& name) {
  size_t at = info.find("\n" + name + ":");
  if (info.starts_with(name + ":")) {
    at = 0;
  } else if (at == std::string::npos) {
    return {};
  } else {
    at++;
  }
  at += name.size() + 1;
  return info.substr(at, info.find_first_of("\r\n", at) - at);
}

int64_t info_number(const std::string& info, const std::string& name) { return to_number(info_field(info, name)); }

void Probe::request(const std::vector<std::string_view>& argv, Next next, int db) {
  backend_->request(db, argv, [this, next](std::string_view reply) {
    if (finished_) return;
    const Result<ReplyValue> value = parse_reply(reply);
    if (!value.ok()) {
      refuse("Redis sent what is no reply: " + value.error());
    } else if (value->is_error() && (value->text.starts_with("LOADING") || value->text.starts_with("BUSY "))) {
      finished_ = true;
      finish_(Outcome::kBusy, value->text);
    } else {
      (this->*next)(*value);
    }
  });
}

void Probe::refuse(const std::string& reason) {
  if (finished_) return;
  finished_ = true;
  finish_(Outcome::kRefused, reason);
}

void Probe::start(Finish finish) {
  finish_ = std::move(finish);
  authenticate();
}

// Clients may take all rights from the user that Holdfast was given for the first time: it has an account of its own.
void Probe::authenticate() { request({"AUTH", kOwnUser, options_.own_password}, &Probe::signed_in); }

void Probe::signed_in(const ReplyValue& reply) {
  if (!reply.is_error()) return introduce(reply);
  if (options_.redis_password.empty()) return make_account({});
  request(auth_request(options_.redis_username, options_.redis_password), &Probe::make_account);
}

void Probe::make_account(const ReplyValue& reply) {
  if (reply.is_error()) return made_account(reply);
  const std::string password = ">" + options_.own_password;
  request({"ACL", "SETUSER", kOwnUser, "reset", "on", password, "~*", "&*", "+@all"}, &Probe::made_account);
}

void Probe::made_account(const ReplyValue& reply) {
  if (reply.is_error()) {
    refuse("Redis refuses Holdfast: " + reply.text +
           " (set redis.username and redis.password to those of a user with all rights)");
    return;
  }
  request({"AUTH", kOwnUser, options_.own_password}, &Probe::introduce);
}

void Probe::introduce(const ReplyValue& reply) {
  if (reply.is_error())
    return refuse("Redis does not take the account that Holdfast has made for itself: " + reply.text);
  backend_->request(-1, {"CLIENT", "SETNAME", kClientName}, [](std::string_view) {});
  request({"CLIENT", "LIST"}, &Probe::drop_predecessors);
}

// What an earlier connection of Holdfast's has sent may still wait in its socket: it must never be executed behind our
// back.
void Probe::drop_predecessors(const ReplyValue& clients) {
  if (clients.is_error()) {
    refuse("Redis refuses CLIENT LIST: " + clients.text);
    return;
  }
  learn_client_fields(clients.text.substr(0, clients.text.find('\n')));
  size_t at = 0;
  std::vector<std::string> ids;
  while (at < clients.text.size()) {
    const size_t end = std::min(clients.text.find('\n', at), clients.text.size());
    const std::string line = clients.text.substr(at, end - at);
    if (line.find(" name=" + std::string(kClientName) + " ") != std::string::npos && line.starts_with("id=")) {
      ids.push_back(line.substr(3, line.find(' ') - 3));
    }
    at = end + 1;
  }
  for (const std::string& id : ids) {
    backend_->request(-1, {"CLIENT", "KILL", "ID", id, "SKIPME", "yes"}, [](std::string_view) {});
  }
  request({"INFO"}, &Probe::learn_info);
}

// Of a line with "name=value" between spaces.
void Probe::learn_client_fields(const std::string& line) {
  state_->words.client_fields.clear();
  for (size_t at = 0; at < line.size();) {
    const size_t end = std::min(line.find(' ', at), line.size());
    state_->words.client_fields.push_back(line.substr(at, line.find('=', at) - at));
    at = end + 1;
  }
}

void Probe::learn_info(const ReplyValue& reply) {
  if (reply.is_error()) {
    refuse("Redis refuses INFO: " + reply.text);
    return;
  }
  info_ = reply.text;
  if (info_field(info_, "loading") == "1") {
    finished_ = true;
    finish_(Outcome::kBusy, "it is loading its data");
    return;
  }
  state_->version = info_field(info_, "redis_version");
  state_->run_id = info_field(info_, "run_id");
  state_->replid = info_field(info_, "master_replid");
  state_->replica = info_field(info_, "role") == "slave";
  state_->replica_alone = state_->replica && info_field(info_, "master_link_status") != "up";
  if (info_field(info_, "cluster_enabled") == "1") {
    refuse("Redis runs in cluster mode: Holdfast needs one that does not (cluster-enabled no)");
    return;
  }
  request({"COMMAND"}, &Probe::learn_commands);
}

void Probe::learn_commands(const ReplyValue& reply) {
  Result<CommandTable> table = CommandTable::from_command_reply(reply);
  if (!table.ok()) {
    refuse("the answer to COMMAND cannot be read: " + table.error());
    return;
  }
  for (std::string_view name : kNeeded) {
    if (table->find_name(name) == nullptr) {
      refuse("Redis does not know '" + std::string(name) + "': was it renamed? Holdfast needs it under its own name");
      return;
    }
  }
  state_->table = std::move(*table);
  request({"CONFIG", "GET", "databases"}, &Probe::learn_databases);
}

void Probe::learn_databases(const ReplyValue& reply) {
  if (reply.elements.size() != 2) {
    refuse("Redis refuses CONFIG GET: " + reply.text);
    return;
  }
  state_->databases = static_cast<int>(to_number(reply.elements[1].text));
  state_->reserved_db = options_.reserved_database < 0 ? state_->databases - 1 : options_.reserved_database;
  if (state_->databases < 2 || state_->reserved_db >= state_->databases) {
    refuse("Redis has " + std::to_string(state_->databases) +
           " database(s), but Holdfast needs one for itself: start Redis with 'databases 17'");
    return;
  }
  state_->keys = state_->reserved_keys = 0;
  for (const auto& [db, keys] : keys_per_database(info_)) {
    (db == state_->reserved_db ? state_->reserved_keys : state_->keys) += keys;
  }
  request({"CONFIG", "GET", "maxmemory*"}, &Probe::check_memory);
}

void Probe::check_memory(const ReplyValue& reply) {
  std::map<std::string, std::string> config;
  for (size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    config[reply.elements[i].text] = reply.elements[i + 1].text;
  }
  if (const int64_t limit = to_number(config["maxmemory"]); limit >= kLifted) {
    config["maxmemory"] = std::to_string(limit - kLifted);
    backend_->request(-1, {"CONFIG", "SET", "maxmemory", config["maxmemory"]}, [](std::string_view) {});
  }
  if (config["maxmemory-policy"] == "noeviction" && to_number(config["maxmemory"]) > 0) {
    if (options_.maxmemory == 0 && to_number(config["maxmemory"]) != kNoRoom) {
      refuse("Redis has maxmemory " + config["maxmemory"] +
             " with maxmemory-policy noeviction, so it could refuse a committed write: give the limit to Holdfast "
             "(limits.maxmemory), which then refuses writes before the log");
      return;
    }
    backend_->request(-1, {"CONFIG", "SET", "maxmemory", "0"}, [](std::string_view) {});
    config["maxmemory"] = "0";
  }
  state_->maxmemory_policy = config["maxmemory-policy"];
  state_->maxmemory = to_number(config["maxmemory"]);
  backlog_bytes_ = backlog_bytes(state_->maxmemory);
  request({"CONFIG", "GET", "append*"}, &Probe::check_aof);
}

// An AOF that fails makes Redis refuse writes, or end itself (appendfsync always).
void Probe::check_aof(const ReplyValue& reply) {
  std::map<std::string, std::string> config;
  for (size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    config[reply.elements[i].text] = reply.elements[i + 1].text;
  }
  state_->appends = config["appendonly"] == "yes";
  state_->aof_failed = state_->appends && info_field(info_, "aof_last_write_status") == "err";
  if (config["appendfsync"] == "always") set("appendfsync", std::string(kCalmFsync), true);
  if (state_->aof_failed) {
    state_->appends = false;
    set("appendonly", "no", true);
  }
  request({"GET", kMarkerKey}, &Probe::learn_marker, state_->reserved_db);
}

void Probe::learn_marker(const ReplyValue& reply) {
  state_->marker.reset();
  if (reply.is_error()) {
    refuse("database " + std::to_string(state_->reserved_db) + " of Redis is Holdfast's own, but: " + reply.text);
    return;
  }
  if (reply.kind == ReplyValue::Kind::kString) {
    Result<Marker> marker = parse_marker(reply.text);
    if (!marker.ok()) {
      refuse(marker.error());
      return;
    }
    state_->marker = std::move(*marker);
  }
  learn_words();
  set_config();
}

void Probe::learn_words() {
  auto learn = [this](const std::vector<std::string_view>& argv, std::string* words) {
    backend_->request(-1, argv, [words](std::string_view reply) { *words = reply; });
  };
  auto* words = &state_->words;
  if (state_->version.starts_with("6.")) {
    words->subscriber_commands = "(P)SUBSCRIBE / (P)UNSUBSCRIBE / PING / QUIT / RESET";
    words->pushes_when_silent = false;
  }
  const bool is_7_0 = state_->version.starts_with("7.0.");
  if (is_7_0) words->stream_gone = "UNBLOCKED the stream key no longer exists";
  if (is_7_0 || state_->version.starts_with("6.")) {
    words->group_gone = "NOGROUP the consumer group this client was blocked on no longer exists";
  }
  words->script_notes_memory = state_->version.starts_with("6.");
  if (is_7_0 || state_->version.starts_with("6.")) {
    const std::string_view newer = "<proto> ";
    words->load_ends_all = true;
    words->hello_needs_auth.erase(words->hello_needs_auth.find(newer), newer.size());
  }
  words->signs_in_first = !info_field(info_, "valkey_version").empty();
  words->cluster_dialect = !info_field(info_, "valkey_version").empty() ? ClusterDialect::kValkey
                           : state_->version.starts_with("6.")          ? ClusterDialect::kRedis6
                           : state_->version.starts_with("7.")          ? ClusterDialect::kRedis7
                                                                        : ClusterDialect::kRedis8;
  words->hello_looks_first = !is_7_0 && words->cluster_dialect != ClusterDialect::kRedis6;
  const std::string valkey = info_field(info_, "valkey_version");
  if (words->cluster_dialect == ClusterDialect::kValkey) {
    words->client_filters = valkey.starts_with("7.")   ? ClientFilter::Dialect::kRedis
                            : valkey.starts_with("8.") ? ClientFilter::Dialect::kRedisAge
                                                       : ClientFilter::Dialect::kValkey;
    for (size_t at; (at = words->no_users_file.find("Redis ")) != std::string::npos;) words->no_users_file.erase(at, 6);
  } else if (words->cluster_dialect == ClusterDialect::kRedis6) {
    words->client_filters = ClientFilter::Dialect::kRedis6;
  } else if (!is_7_0 && !state_->version.starts_with("7.2.")) {
    words->client_filters = ClientFilter::Dialect::kRedisAge;
  }
  words->evicts_clients = !state_->version.starts_with("6.");
  words->queues_without_memory = !is_7_0 && !state_->version.starts_with("6.");
  learn({"HELLO", "3"}, &words->hello[1]);
  learn({"HELLO", "2"}, &words->hello[0]);
  backend_->request(-1, {"MULTI"}, [](std::string_view) {});
  learn({"MULTI"}, &words->nested_multi);
  learn({"WATCH", "holdfast"}, &words->nested_watch);
  backend_->request(-1, {"EXEC"}, [words](std::string_view reply) { words->nested_aborts = reply.starts_with('-'); });
}

void Probe::set(const std::string& name, const std::string& value, bool must) {
  backend_->request(-1, {"CONFIG", "SET", name, value}, [this, name, value, must](std::string_view reply) {
    if (must && reply.starts_with('-')) {
      refuse("Redis refuses CONFIG SET " + name + " " + value + ": " + error_text(reply));
    }
  });
}

void Probe::set_config() {
  if (options_.check_and_set_config) {
    for (const auto& setting : kConfig) set(setting.name, setting.value, setting.must);
    if (options_.redis_tls) set("tls-replication", "yes", true);
    set("repl-backlog-size", std::to_string(backlog_bytes_), true);
  }
  backend_->request(-1, {"PING"}, [this](std::string_view) {
    if (finished_) return;
    finished_ = true;
    finish_(Outcome::kDone, {});
  });
}

}  // namespace holdfast
