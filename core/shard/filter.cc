#include "core/shard/filter.h"

#include "core/resp/reply.h"

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
void set_field(std::string* info, const std::string& name, size_t value) {
  const size_t at = info->find("\n" + name + ":");
  if (at == std::string::npos) return;
  const size_t begin = at + name.size() + 2;
  info->replace(begin, info->find_first_of("\r\n", begin) - begin, std::to_string(value));
}

}  // namespace

std::string filter_reply(Filter filter, std::string_view reply, const Visible& visible) {
  const Result<ReplyValue> parsed = parse_reply(reply);
  const bool resp3 = reply.starts_with('=') || reply.starts_with('%');
  const Protocol protocol = resp3 ? Protocol::kResp3 : Protocol::kResp2;
  std::string out;
  if (parsed.ok() && filter == Filter::kInfo && parsed->kind == ReplyValue::Kind::kString) {
    std::string info = without_keyspace_line(parsed->text, visible.reserved_db);
    set_field(&info, "connected_clients", visible.clients);
    set_field(&info, "blocked_clients", visible.blocked);
    set_field(&info, "pubsub_channels", visible.channels);
    set_field(&info, "pubsub_patterns", visible.patterns);
    append_verbatim(&out, info, protocol);
    return out;
  }
  if (parsed.ok() && filter == Filter::kConfigGet && parsed->kind == ReplyValue::Kind::kArray) {
    append_map_header(&out, parsed->elements.size() / 2, protocol);
    for (size_t i = 0; i < parsed->elements.size(); i++) {
      const bool databases = i % 2 == 1 && parsed->elements[i - 1].text == "databases";
      append_bulk(&out, databases ? std::to_string(visible.reserved_db) : parsed->elements[i].text);
    }
    return out;
  }
  return std::string(reply);
}

}  // namespace holdfast
