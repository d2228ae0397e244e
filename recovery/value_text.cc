#include "recovery/value_text.h"

#include <algorithm>
#include <vector>

#include "core/resp/reply.h"

namespace holdfast {
namespace {

// What a stream tells about its inside, or about when a consumer was last seen by this very server.
constexpr std::string_view kNotTheValue[] = {
    "radix-tree-keys", "radix-tree-nodes", "seen-time", "active-time", "idle", "inactive", "lag"};

void append_value(const ReplyValue& value, std::string* out) {
  switch (value.kind) {
    case ReplyValue::Kind::kString: append_bulk(out, value.text); break;
    case ReplyValue::Kind::kError: append_error(out, value.text); break;
    case ReplyValue::Kind::kInteger: append_integer(out, value.integer); break;
    case ReplyValue::Kind::kNull: append_null(out, Protocol::kResp2); break;
    case ReplyValue::Kind::kArray:
      append_array_header(out, value.elements.size());
      for (size_t i = 0; i < value.elements.size(); i++) {
        const ReplyValue& one = value.elements[i];
        const bool skip =
            one.kind == ReplyValue::Kind::kString &&
            std::find(std::begin(kNotTheValue), std::end(kNotTheValue), one.text) != std::end(kNotTheValue);
        if (skip) {
          i++;
        } else {
          append_value(one, out);
        }
      }
      break;
  }
}

std::string joined(std::vector<std::string> items) {
  std::sort(items.begin(), items.end());
  std::string out;
  for (const std::string& item : items) append_bulk(&out, item);
  return out;
}

Result<std::string> hash_form(RedisClient* redis, const std::string& key, bool field_expiry) {
  Result<ReplyValue> all = redis->ask({"HGETALL", key});
  if (!all) return Error{all.error()};
  std::vector<std::string> times(all->elements.size() / 2);
  if (field_expiry && !times.empty()) {
    const std::string count = std::to_string(times.size());
    RedisClient::Argv argv = {"HPEXPIRETIME", key, "FIELDS", count};
    for (size_t i = 0; i < times.size(); i++) argv.push_back(all->elements[2 * i].text);
    const Result<ReplyValue> told = redis->ask(argv);
    if (!told) return Error{told.error()};
    for (size_t i = 0; i < told->elements.size() && i < times.size(); i++) {
      times[i] = std::to_string(told->elements[i].integer);
    }
  }
  std::vector<std::string> fields;
  for (size_t i = 0; i < times.size(); i++) {
    std::string& field = fields.emplace_back();
    append_bulk(&field, all->elements[2 * i].text);
    append_bulk(&field, all->elements[2 * i + 1].text);
    append_bulk(&field, times[i]);
  }
  return joined(std::move(fields));
}

// Entries alone: XINFO's own list is no place where names could be told from values of entries.
Result<std::string> stream_form(RedisClient* redis, const std::string& key) {
  const Result<ReplyValue> entries = redis->ask({"XRANGE", key, "-", "+"});
  if (!entries) return Error{entries.error()};
  std::string out;
  append_array_header(&out, entries->elements.size());
  for (const ReplyValue& entry : entries->elements) {
    if (entry.elements.size() != 2) return Error{"an answer to XRANGE that is not understood"};
    append_bulk(&out, entry.elements[0].text);
    append_array_header(&out, entry.elements[1].elements.size());
    for (const ReplyValue& part : entry.elements[1].elements) append_bulk(&out, part.text);
  }
  Result<ReplyValue> about = redis->ask({"XINFO", "STREAM", key, "FULL", "COUNT", "0"});
  if (!about) return Error{about.error()};
  for (size_t i = 0; i + 1 < about->elements.size(); i += 2) {
    if (about->elements[i].text == "entries") about->elements[i + 1].elements.clear();
  }
  append_value(*about, &out);
  return out;
}

}  // namespace

Result<std::string> normal_form(RedisClient* redis, const std::string& type, const std::string& key,
                                bool field_expiry) {
  if (type == "hash") return hash_form(redis, key, field_expiry);
  if (type == "stream") return stream_form(redis, key);
  RedisClient::Argv argv;
  if (type == "string") {
    argv = {"GET", key};
  } else if (type == "list") {
    argv = {"LRANGE", key, "0", "-1"};
  } else if (type == "set") {
    argv = {"SMEMBERS", key};
  } else if (type == "zset") {
    argv = {"ZRANGE", key, "0", "-1", "WITHSCORES"};
  } else {
    return std::string();
  }
  const Result<ReplyValue> value = redis->ask(argv);
  if (!value) return Error{value.error()};
  if (type == "set") {
    std::vector<std::string> members;
    for (const ReplyValue& member : value->elements) members.push_back(member.text);
    return joined(std::move(members));
  }
  std::string out;
  if (value->kind == ReplyValue::Kind::kString) {
    append_bulk(&out, value->text);
  } else {
    for (const ReplyValue& element : value->elements) append_bulk(&out, element.text);
  }
  return out;
}

}  // namespace holdfast
