// A command table as a Redis 7.0 would tell it, of the commands that the tests use.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "core/command/table.h"
#include "tests/unit/resp_words.h"

namespace holdfast::testing {

inline ReplyValue string_value(std::string_view text) {
  ReplyValue value;
  value.kind = ReplyValue::Kind::kString;
  value.text = text;
  return value;
}

inline ReplyValue number_value(int64_t number) {
  ReplyValue value;
  value.kind = ReplyValue::Kind::kInteger;
  value.integer = number;
  return value;
}

inline ReplyValue array_value(std::initializer_list<ReplyValue> elements = {}) {
  ReplyValue value;
  value.kind = ReplyValue::Kind::kArray;
  value.elements = elements;
  return value;
}

inline ReplyValue command_entry(std::string_view name, int arity, std::string_view flags, int first, int last, int step,
                                std::initializer_list<ReplyValue> subcommands = {}) {
  ReplyValue flag_list = array_value();
  for (const std::string_view flag : split(flags)) flag_list.elements.push_back(string_value(flag));
  return array_value({string_value(name), number_value(arity), flag_list, number_value(first), number_value(last),
                      number_value(step), array_value(), array_value(), array_value(), array_value(subcommands)});
}

inline const CommandTable& test_table() {
  static const CommandTable kTable = [] {
    const auto entry = command_entry;
    const ReplyValue all = array_value({
        entry("acl", -2, "", 0, 0, 0,
              {entry("acl|setuser", -3, "admin", 0, 0, 0, {}), entry("acl|deluser", -3, "admin", 0, 0, 0, {}),
               entry("acl|whoami", 2, "", 0, 0, 0, {}), entry("acl|list", 2, "admin", 0, 0, 0, {}),
               entry("acl|users", 2, "admin", 0, 0, 0, {})}),
        entry("append", 3, "write denyoom", 1, 1, 1, {}),
        entry("auth", -2, "noscript skip_slowlog", 0, 0, 0, {}),
        entry("blpop", -3, "write blocking", 1, -2, 1, {}),
        entry("client", -2, "", 0, 0, 0,
              {entry("client|getname", 2, "", 0, 0, 0, {}), entry("client|help", 2, "", 0, 0, 0, {}),
               entry("client|id", 2, "", 0, 0, 0, {}), entry("client|info", 2, "", 0, 0, 0, {}),
               entry("client|kill", -3, "", 0, 0, 0, {}), entry("client|list", -2, "", 0, 0, 0, {}),
               entry("client|no-evict", 3, "", 0, 0, 0, {}), entry("client|setinfo", 4, "", 0, 0, 0, {}),
               entry("client|setname", 3, "", 0, 0, 0, {}), entry("client|tracking", -3, "", 0, 0, 0, {}),
               entry("client|getredir", 2, "", 0, 0, 0, {}), entry("client|pause", -3, "", 0, 0, 0, {}),
               entry("client|no-touch", 3, "", 0, 0, 0, {}), entry("client|capa", -3, "", 0, 0, 0, {})}),
        entry("psync", -3, "admin no_multi", 0, 0, 0, {}),
        entry("pubsub", -2, "", 0, 0, 0, {}),
        entry("cluster", -2, "", 0, 0, 0,
              {entry("cluster|countkeysinslot", 3, "", 0, 0, 0, {}), entry("cluster|getkeysinslot", 4, "", 0, 0, 0, {}),
               entry("cluster|myid", 2, "", 0, 0, 0, {})}),
        entry("commandlog", -2, "", 0, 0, 0,
              {entry("commandlog|get", 4, "admin", 0, 0, 0, {}), entry("commandlog|len", 3, "admin", 0, 0, 0, {}),
               entry("commandlog|reset", 3, "admin", 0, 0, 0, {})}),
        entry("config", -2, "", 0, 0, 0,
              {entry("config|get", -3, "", 0, 0, 0, {}), entry("config|resetstat", 2, "", 0, 0, 0, {}),
               entry("config|set", -4, "", 0, 0, 0, {})}),
        entry("copy", -3, "write denyoom", 1, 2, 1, {}),
        entry("dbsize", 1, "readonly", 0, 0, 0, {}),
        entry("debug", -2, "admin", 0, 0, 0, {}),
        entry("del", -2, "write", 1, -1, 1, {}),
        entry("discard", 1, "", 0, 0, 0, {}),
        entry("echo", 2, "", 0, 0, 0, {}),
        entry("eval_ro", -3, "readonly movablekeys", 0, 0, 0, {}),
        entry("eval", -3, "noscript movablekeys", 0, 0, 0, {}),
        entry("evalsha", -3, "noscript movablekeys", 0, 0, 0, {}),
        entry("exec", 1, "noscript skip_slowlog", 0, 0, 0, {}),
        entry("expire", -3, "write", 1, 1, 1, {}),
        entry("fcall", -3, "movablekeys", 0, 0, 0, {}),
        entry("flushall", -1, "write", 0, 0, 0, {}),
        entry("geoadd", -5, "write denyoom", 1, 1, 1, {}),
        entry("get", 2, "readonly", 1, 1, 1, {}),
        entry("getdel", 2, "write", 1, 1, 1, {}),
        entry("getex", -2, "write", 1, 1, 1, {}),
        entry("hdel", -3, "write", 1, 1, 1, {}),
        entry("hello", -1, "", 0, 0, 0, {}),
        entry("hincrbyfloat", 4, "write denyoom", 1, 1, 1, {}),
        entry("incr", 2, "write denyoom", 1, 1, 1, {}),
        entry("incrbyfloat", 3, "write denyoom", 1, 1, 1, {}),
        entry("info", -1, "", 0, 0, 0, {}),
        entry("latency", -2, "", 0, 0, 0,
              {entry("latency|doctor", 2, "admin", 0, 0, 0, {}), entry("latency|histogram", -2, "admin", 0, 0, 0, {})}),
        entry("lpop", -2, "write", 1, 1, 1, {}),
        entry("lpush", -3, "write denyoom", 1, 1, 1, {}),
        entry("mget", -2, "readonly", 1, -1, 1, {}),
        entry("migrate", -6, "write movablekeys", 3, 3, 1, {}),
        entry("monitor", 1, "admin", 0, 0, 0, {}),
        entry("move", 3, "write", 1, 1, 1, {}),
        entry("mset", -3, "write denyoom", 1, -1, 2, {}),
        entry("multi", 1, "", 0, 0, 0, {}),
        entry("psubscribe", -2, "", 0, 0, 0, {}),
        entry("punsubscribe", -1, "", 0, 0, 0, {}),
        entry("publish", 3, "may_replicate", 0, 0, 0, {}),
        entry("pexpireat", -3, "write", 1, 1, 1, {}),
        entry("ping", -1, "", 0, 0, 0, {}),
        entry("quit", -1, "", 0, 0, 0, {}),
        entry("readonly", 1, "", 0, 0, 0, {}),
        entry("reset", 1, "", 0, 0, 0, {}),
        entry("role", 1, "", 0, 0, 0, {}),
        entry("brpop", -3, "write blocking", 1, -2, 1, {}),
        entry("rename", 3, "write", 1, 2, 1, {}),
        entry("rpush", -3, "write denyoom", 1, 1, 1, {}),
        entry("script", -2, "", 0, 0, 0, {}),
        entry("select", 2, "", 0, 0, 0, {}),
        entry("set", -3, "write denyoom", 1, 1, 1, {}),
        entry("shutdown", -1, "admin", 0, 0, 0, {}),
        entry("setnx", 3, "write denyoom", 1, 1, 1, {}),
        entry("slowlog", -2, "", 0, 0, 0,
              {entry("slowlog|get", -2, "admin", 0, 0, 0, {}), entry("slowlog|help", 2, "", 0, 0, 0, {}),
               entry("slowlog|len", 2, "admin", 0, 0, 0, {}), entry("slowlog|reset", 2, "admin", 0, 0, 0, {})}),
        entry("spop", -2, "write", 1, 1, 1, {}),
        entry("subscribe", -2, "", 0, 0, 0, {}),
        entry("swapdb", 3, "write", 0, 0, 0, {}),
        entry("time", 1, "", 0, 0, 0, {}),
        entry("unlink", -2, "write", 1, -1, 1, {}),
        entry("unsubscribe", -1, "", 0, 0, 0, {}),
        entry("unwatch", 1, "", 0, 0, 0, {}),
        entry("vcard", -1, "readonly", 1, 1, 1, {}),
        entry("wait", 3, "", 0, 0, 0, {}),
        entry("watch", -2, "", 1, -1, 1, {}),
        entry("blmpop", -5, "write blocking movablekeys", 0, 0, 0, {}),
        entry("bzmpop", -5, "write blocking movablekeys", 0, 0, 0, {}),
        entry("lmpop", -4, "write movablekeys", 0, 0, 0, {}),
        entry("xadd", -5, "write denyoom", 1, 1, 1, {}),
        entry("xreadgroup", -7, "write blocking movablekeys", 0, 0, 0, {}),
        entry("zmpop", -4, "write movablekeys", 0, 0, 0, {}),
        entry("xread", -4, "readonly blocking movablekeys", 0, 0, 0, {}),
    });
    Result<CommandTable> table = CommandTable::from_command_reply(all);
    return table.ok() ? std::move(*table) : CommandTable();
  }();
  return kTable;
}

}  // namespace holdfast::testing
