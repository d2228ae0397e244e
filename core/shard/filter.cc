#include "core/shard/filter.h"

#include "core/resp/reply.h"
#include "core/shard/live_settings.h"
#include "core/shard/replication_info.h"
#include "core/shard/users.h"
#include "core/stats/info_sections.h"

namespace holdfast {
namespace {

std::string without_keyspace_line(const std::string& info, int reserved_db) {
  const std::string line = "db" + std::to_string(reserved_db) + ":";
  size_t at = info.find("\n" + line);
  if (at == std::string::npos) return info;
  at++;
  const size_t end = info.find('\n', at);
  return info.substr(0, at) + (end == std::string::npos ? "" : info.substr(end + 1));
}

// The value of a line "name:value", if there is such a line.
void set_field(std::string* info, const std::string& name, const std::string& value) {
  const size_t at = info->find("\n" + name + ":");
  if (at == std::string::npos) return;
  const size_t begin = at + name.size() + 2;
  info->replace(begin, info->find_first_of("\r\n", begin) - begin, value);
}

std::string with_client_memory(std::string stats, size_t bytes) {
  constexpr std::string_view kName = "clients.normal\r\n:";
  const size_t at = stats.find(kName);
  if (at == std::string::npos) return stats;
  const size_t begin = at + kName.size();
  return stats.replace(begin, stats.find('\r', begin) - begin, std::to_string(bytes));
}

// Entries of ACL LOG. Redis knows the shadows of users and Holdfast's connection; what Holdfast itself was refused,
// when it found out what a user may do, is left out.
std::string acl_log(const ReplyValue& log, const Visible& visible, Protocol protocol) {
  size_t count = 0;
  std::string entries;
  for (const ReplyValue& entry : log.elements) {
    std::map<std::string, std::string> fields;
    for (size_t i = 0; i + 1 < entry.elements.size(); i += 2) {
      fields[entry.elements[i].text] = entry.elements[i + 1].text;
    }
    const std::string user = without_shadow(fields["username"]);
    const std::string& object = fields["object"];
    const bool found_out = user != fields["username"] && (object == "multi" || object == "exec" || object == "discard");
    if (is_own_user(user) || found_out) continue;
    count++;
    append_map_header(&entries, entry.elements.size() / 2, protocol);
    for (size_t i = 0; i + 1 < entry.elements.size(); i += 2) {
      const std::string& name = entry.elements[i].text;
      const ReplyValue& value = entry.elements[i + 1];
      append_bulk(&entries, name);
      if (value.kind == ReplyValue::Kind::kInteger) {
        append_integer(&entries, value.integer);
      } else if (name == "age-seconds" && protocol == Protocol::kResp3) {
        entries += "," + value.text + "\r\n";
      } else if (name == "username") {
        append_bulk(&entries, user);
      } else if (const auto client = visible.refused->find(user);
                 name == "client-info" && client != visible.refused->end()) {
        append_bulk(&entries, client->second);
      } else {
        append_bulk(&entries, value.text);
      }
    }
  }
  std::string out;
  append_array_header(&out, count);
  return out + entries;
}

// A script was executed as *_RO because it may not write now: what Redis says to that is not the reason.
std::string without_reading(std::string_view reply) {
  for (const std::string_view told : {"-ERR Write commands are not allowed from read-only scripts.",
                                      "-ERR Can not execute a script with write flag using *_ro command."}) {
    if (reply.starts_with(told)) {
      return std::string("-").append(kTooFewReplicas).append(reply.substr(told.size()));
    }
  }
  return std::string(reply);
}

}  // namespace

std::string filter_reply(Filter filter, std::string_view reply, const Visible& visible) {
  if (filter == Filter::kReading) return without_reading(reply);
  const Result<ReplyValue> parsed = parse_reply(reply);
  const bool resp3 = reply.starts_with('=') || reply.starts_with('%');
  const Protocol protocol = resp3 ? Protocol::kResp3 : Protocol::kResp2;
  std::string out;
  if (parsed.ok() && filter == Filter::kInfo && parsed->kind == ReplyValue::Kind::kString) {
    std::string info = without_keyspace_line(parsed->text, visible.reserved_db);
    set_field(&info, "connected_clients", std::to_string(visible.clients));
    set_field(&info, "maxclients", std::to_string(visible.limits.clients));
    set_field(&info, "mem_clients_normal", std::to_string(visible.client_memory));
    set_field(&info, "evicted_clients", std::to_string(visible.evicted));
    set_field(&info, "blocked_clients", std::to_string(visible.blocked));
    set_field(&info, "pubsub_channels", std::to_string(visible.channels));
    set_field(&info, "pubsub_patterns", std::to_string(visible.patterns));
    set_field(&info, "tracking_clients", std::to_string(visible.tracking.clients));
    set_field(&info, "tracking_total_keys", std::to_string(visible.tracking.keys));
    set_field(&info, "tracking_total_items", std::to_string(visible.tracking.items));
    set_field(&info, "tracking_total_prefixes", std::to_string(visible.tracking.prefixes));
    if (!visible.port.empty()) set_field(&info, "tcp_port", visible.port);
    set_field(&info, "total_connections_received", std::to_string(visible.connections));
    set_field(&info, "total_commands_processed", std::to_string(visible.commands));
    if (visible.cluster) {
      set_field(&info, "cluster_enabled", "1");
      set_field(&info, "redis_mode", "cluster");
      set_field(&info, "server_mode", "cluster");  // Valkey's name for it
    }
    set_field(&info, "maxmemory", std::to_string(visible.maxmemory));
    set_field(&info, "maxmemory_human", human_memory(visible.maxmemory));
    if (visible.replicas != nullptr) tell_replicas(*visible.replicas, visible.limits, &info);
    if (visible.own_calls != nullptr) {
      set_field(&info, "rdb_changes_since_last_save", std::to_string(visible.own_calls->changes_unsaved(info)));
    }
    if (visible.statistics != nullptr) show_statistics(&info, *visible.statistics, *visible.own_calls);
    append_verbatim(&out, info, protocol);
    return out;
  }
  if (parsed.ok() && filter == Filter::kConfigGet && parsed->kind == ReplyValue::Kind::kArray) {
    append_map_header(&out, parsed->elements.size() / 2, protocol);
    const auto told = [&](const std::string& name, const std::string& redis_has) {
      if (visible.told == nullptr) return redis_has;
      const auto found = visible.told->find(name);
      return found == visible.told->end() ? redis_has : found->second;
    };
    for (size_t i = 0; i < parsed->elements.size(); i++) {
      const std::string name = i % 2 == 1 ? parsed->elements[i - 1].text : std::string();
      append_bulk(&out, name == "databases"                            ? std::to_string(visible.databases)
                        : visible.cluster && name == "cluster-enabled" ? "yes"
                        : name == "maxmemory"                          ? std::to_string(visible.maxmemory)
                        : name == "port"                               ? std::to_string(visible.plain_port)
                        : visible.tls.contains(name)                   ? visible.tls.find(name)->second
                        : name == "requirepass"                        ? std::string()  // only its hash is kept
                        : is_client_setting(name)                      ? client_setting(visible.limits, name)
                                                                       : told(name, parsed->elements[i].text));
    }
    return out;
  }
  if (filter == Filter::kMemoryStats) return with_client_memory(std::string(reply), visible.client_memory);
  if (parsed.ok() && filter == Filter::kAclLog && parsed->kind == ReplyValue::Kind::kArray) {
    return acl_log(*parsed, visible,
                   reply.find("\r\n%") == std::string_view::npos ? Protocol::kResp2 : Protocol::kResp3);
  }
  return std::string(reply);
}

}  // namespace holdfast
