// What a simulated Redis answers to commands that are not about keys.
#include "core/resp/integer.h"
#include "core/resp/reply.h"
#include "core/resp/words.h"
#include "tests/simulation/sim_redis.h"

namespace holdfast::simulation {

struct SimRedis::AdminEntry {
  SimCommand command;
  AdminHandler run;
};

const SimRedis::AdminEntry SimRedis::kAdmin[] = {
    {{"acl", -2, "admin", 0, 0, 0}, &SimRedis::admin_acl},
    {{"auth", -2, "noscript", 0, 0, 0}, &SimRedis::admin_auth},
    {{"client", -2, "noscript", 0, 0, 0}, &SimRedis::admin_client},
    {{"command", -1, "loading", 0, 0, 0}, &SimRedis::admin_command},
    {{"config", -2, "admin", 0, 0, 0}, &SimRedis::admin_config},
    {{"discard", 1, "noscript", 0, 0, 0}, &SimRedis::admin_nothing},
    {{"exec", 1, "noscript", 0, 0, 0}, &SimRedis::admin_nothing},
    {{"hello", -1, "noscript", 0, 0, 0}, &SimRedis::admin_hello},
    {{"info", -1, "loading", 0, 0, 0}, &SimRedis::admin_info},
    {{"multi", 1, "noscript", 0, 0, 0}, &SimRedis::admin_nothing},
    {{"ping", -1, "fast", 0, 0, 0}, &SimRedis::admin_ping},
    {{"psync", -3, "admin", 0, 0, 0}, &SimRedis::admin_psync},
    {{"replconf", -1, "admin", 0, 0, 0}, &SimRedis::admin_replconf},
    {{"replicaof", 3, "admin", 0, 0, 0}, &SimRedis::admin_replicaof},
    {{"role", 1, "noscript", 0, 0, 0}, &SimRedis::admin_role},
    {{"select", 2, "fast", 0, 0, 0}, &SimRedis::admin_select},
    {{"subscribe", -2, "pubsub noscript", 0, 0, 0}, &SimRedis::admin_nothing},
    {{"unwatch", 1, "noscript", 0, 0, 0}, &SimRedis::admin_nothing},
    {{"watch", -2, "noscript", 1, -1, 1}, &SimRedis::admin_nothing},
};

const SimRedis::AdminEntry* SimRedis::find_admin(std::string_view name) {
  for (const AdminEntry& entry : kAdmin) {
    if (same_word(name, entry.command.name)) return &entry;
  }
  return nullptr;
}

SimRedis::AdminHandler SimRedis::admin_handler(const AdminEntry* entry) { return entry->run; }

void SimRedis::admin_nothing(const ClientPtr&, const Argv&, std::string* reply) { append_error(reply, "ERR not here"); }

void SimRedis::admin_auth(const ClientPtr& client, const Argv& argv, std::string* reply) {
  const auto user = users_.find(argv.size() == 3 ? std::string(argv[1]) : "default");
  const bool known = user != users_.end() && user->second.contains("#" + std::string(argv.back()));
  if (!known && argv.back() != options_.password) {
    return append_error(reply, "WRONGPASS invalid username-password pair");
  }
  client->authenticated = true;
  append_simple(reply, "OK");
}

// Users are here to sign in; nobody is kept from anything.
void SimRedis::admin_acl(const ClientPtr&, const Argv& argv, std::string* reply) {
  if (same_word(argv[1], "SETUSER") && argv.size() > 2) {
    std::set<std::string>& rules = users_[std::string(argv[2])];
    const auto forget = [&](char first) {
      std::erase_if(rules, [first](const std::string& rule) { return rule[0] == first; });
    };
    for (size_t i = 3; i < argv.size(); i++) {
      const std::string_view rule = argv[i];
      if (rule == "reset") {
        rules.clear();
      } else if (rule == "resetpass" || rule[0] == '>') {
        rules.erase("nopass");
        if (rule[0] == '>') rules.insert("#" + std::string(rule.substr(1)));
        if (rule[0] != '>') forget('#');
      } else if (rule == "resetkeys" || rule == "resetchannels" || rule == "-@all") {
        forget(rule == "resetkeys" ? '~' : rule == "resetchannels" ? '&' : '+');
      } else {
        if (rule == "on" || rule == "off") rules.erase(rule == "on" ? "off" : "on");
        rules.emplace(rule);
      }
    }
    append_simple(reply, "OK");
  } else if (same_word(argv[1], "DELUSER") && argv.size() > 2) {
    append_integer(reply, static_cast<int64_t>(users_.erase(std::string(argv[2]))));
  } else if (same_word(argv[1], "LIST")) {
    append_array_header(reply, users_.size());
    for (const auto& [name, rules] : users_) {
      std::string line = "user " + name;
      for (const std::string& rule : rules) line += " " + rule;
      append_bulk(reply, line);
    }
  } else {
    append_error(reply, "ERR unknown subcommand");
  }
}

void SimRedis::admin_hello(const ClientPtr& client, const Argv& argv, std::string* reply) {
  if (argv.size() > 1) client->protocol = argv[1] == "3" ? Protocol::kResp3 : Protocol::kResp2;
  append_map_header(reply, 1, client->protocol);
  append_bulk(reply, "proto");
  append_integer(reply, static_cast<int64_t>(client->protocol));
}

void SimRedis::admin_client(const ClientPtr& client, const Argv& argv, std::string* reply) {
  if (same_word(argv[1], "SETNAME") && argv.size() == 3) {
    client->name = argv[2];
    append_simple(reply, "OK");
  } else if (same_word(argv[1], "LIST")) {
    std::string lines;
    for (const auto& [id, other] : clients_) {
      lines += "id=" + std::to_string(id) + " addr=127.0.0.1:" + std::to_string(10000 + id) + " name=" + other->name +
               " db=" + std::to_string(other->db) + " flags=" + (other->replica ? "S" : "N") + " cmd=NULL\n";
    }
    append_bulk(reply, lines);
  } else if (same_word(argv[1], "KILL") && argv.size() >= 4 && same_word(argv[2], "ID")) {
    const auto id = static_cast<uint64_t>(parse_integer(argv[3]).value_or(0));
    const auto it = clients_.find(id);
    const bool skip_me = argv.size() >= 6 && same_word(argv[4], "SKIPME") && same_word(argv[5], "yes");
    if (it == clients_.end() || (skip_me && id == client->id)) return append_integer(reply, 0);
    drop(ClientPtr(it->second));
    append_integer(reply, 1);
    coverage_->count("redis: CLIENT KILL of a predecessor");
  } else {
    append_error(reply, "ERR unknown subcommand");
  }
}

void SimRedis::admin_command(const ClientPtr&, const Argv&, std::string* reply) {
  std::vector<SimCommand> commands = SimCommands::listed();
  for (const AdminEntry& entry : kAdmin) commands.push_back(entry.command);
  append_array_header(reply, commands.size());
  for (const SimCommand& command : commands) {
    append_array_header(reply, options_.dialect.old ? 7 : 10);
    append_bulk(reply, command.name);
    append_integer(reply, command.arity);
    std::vector<std::string_view> flags;
    for (std::string_view rest = command.flags; !rest.empty();) {
      const size_t end = std::min(rest.find(' '), rest.size());
      flags.push_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    append_array_header(reply, flags.size());
    for (std::string_view flag : flags) append_simple(reply, flag);
    append_integer(reply, command.first_key);
    append_integer(reply, command.last_key);
    append_integer(reply, command.key_step);
    append_array_header(reply, 0);  // ACL categories
    for (int more = 0; more < 3 && !options_.dialect.old; more++) append_array_header(reply, 0);
  }
}

void SimRedis::admin_config(const ClientPtr&, const Argv& argv, std::string* reply) {
  if (same_word(argv[1], "SET") && argv[2] == "appendonly") {
    appends_ = argv[3] == "yes";
    denies_ = false;
  }
  if (same_word(argv[1], "SET")) return append_simple(reply, "OK");
  std::vector<std::pair<std::string, std::string>> settings;
  if (argv.size() == 3 && argv[2] == "databases") {
    settings.emplace_back("databases", std::to_string(options_.databases));
  } else if (argv.size() == 3 && argv[2] == "maxmemory*") {
    settings.emplace_back("maxmemory", "0");
    settings.emplace_back("maxmemory-policy", "noeviction");
  }
  append_array_header(reply, 2 * settings.size());
  for (const auto& [name, value] : settings) {
    append_bulk(reply, name);
    append_bulk(reply, value);
  }
}

void SimRedis::admin_info(const ClientPtr&, const Argv&, std::string* reply) {
  std::string text = "# Server\r\nredis_version:" + std::string(options_.dialect.old ? "6.2.5" : "7.0.15") +
                     "\r\nredis_mode:standalone\r\nrun_id:" + run_id_ +
                     "\r\nloading:0\r\nused_memory:" + std::to_string(1000 * data_.size()) + "\r\n";
  text += "# Replication\r\nrole:" + std::string(following_ ? "slave" : "master") + "\r\n";
  if (following_) {
    text += "master_host:" + master_host_ + "\r\nmaster_port:" + std::to_string(master_port_) +
            "\r\nmaster_link_status:" + (sync_ == Sync::kStream ? "up" : "down") + "\r\n";
  }
  text += "master_replid:" + replid_ + "\r\nmaster_repl_offset:" + std::to_string(offset_) + "\r\n# Keyspace\r\n";
  for (int db = 0; db < options_.databases; db++) {
    if (data_[db].empty()) continue;
    text += "db" + std::to_string(db) + ":keys=" + std::to_string(data_[db].size()) + ",expires=0,avg_ttl=0\r\n";
  }
  append_bulk(reply, text);
}

void SimRedis::admin_ping(const ClientPtr&, const Argv&, std::string* reply) { append_simple(reply, "PONG"); }

void SimRedis::admin_role(const ClientPtr&, const Argv&, std::string* reply) {
  if (following_) {
    append_array_header(reply, 5);
    append_bulk(reply, "slave");
    append_bulk(reply, master_host_);
    append_integer(reply, master_port_);
    append_bulk(reply, sync_ == Sync::kStream ? "connected" : "connect");
    append_integer(reply, offset_);
    return;
  }
  append_array_header(reply, 3);
  append_bulk(reply, "master");
  append_integer(reply, offset_);
  append_array_header(reply, 0);
}

void SimRedis::admin_select(const ClientPtr& client, const Argv& argv, std::string* reply) {
  const std::optional<int64_t> db = parse_integer(argv[1]);
  if (!db || *db < 0 || *db >= options_.databases) return append_error(reply, "ERR DB index is out of range");
  client->db = static_cast<int>(*db);
  append_simple(reply, "OK");
}

}  // namespace holdfast::simulation
