// One command that the simulated Redis has under way: what all families of commands share, and where each stands.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/integer.h"
#include "core/resp/reply.h"
#include "core/resp/request.h"
#include "core/resp/words.h"
#include "tests/simulation/sim_redis_commands.h"

namespace holdfast::simulation {

inline constexpr std::string_view kWrongType = "WRONGTYPE Operation against a key holding the wrong kind of value";
inline constexpr std::string_view kNotInteger = "ERR value is not an integer or out of range";
inline constexpr std::string_view kSyntax = "ERR syntax error";

struct SimCommands::Call {
  SimCommands* commands;
  const Context& context;
  const Argv& argv;
  std::string* reply;
  std::vector<SimEffect>* effects;

  Database& keys() { return (*context.data)[context.db]; }
  Rng& rng() { return *commands->rng_; }
  std::string_view arg(size_t i) const { return argv[i]; }
  bool is(size_t i, std::string_view word) const { return same_word(argv[i], word); }

  void tell(const Argv& effect) {
    std::string bytes;
    append_request(&bytes, effect);
    effects->push_back({context.db, std::move(bytes)});
  }
  void tell_own() { tell(argv); }
  void error(std::string_view text) { append_error(reply, text); }
  void ok() { append_simple(reply, "OK"); }
  void integer(int64_t value) { append_integer(reply, value); }
  void bulk(std::string_view text) { append_bulk(reply, text); }
  void nil() { append_null(reply, context.protocol); }

  bool expired(const Value& value) const { return value.expires_ms != kNoExpiry && value.expires_ms <= context.now_ms; }
  std::string_view removal() const { return commands->dialect_.unlink ? "UNLINK" : "DEL"; }

  // The key as this command sees it. One that has expired is removed, and that is told, before the command goes on.
  Value* find(std::string_view key) {
    const auto it = keys().find(key);
    if (it == keys().end()) return nullptr;
    if (!expired(it->second) || context.from_master) return &it->second;
    if (!context.on_replica) {
      const std::string name(key);
      keys().erase(it);
      tell({removal(), name});
      commands->coverage_->count("redis: expired on access");
    }
    return nullptr;
  }
  // Of one kind; an error is answered for another one. `found` may become nullptr.
  bool find_kind(std::string_view key, Value::Kind kind, Value** found) {
    *found = find(key);
    if (*found == nullptr || (*found)->kind == kind) return true;
    error(kWrongType);
    return false;
  }
  Value& make(std::string_view key, Value::Kind kind) {
    Value& value = keys()[std::string(key)];
    value = Value{};
    value.kind = kind;
    return value;
  }
  void erase(std::string_view key) { keys().erase(keys().find(key)); }
  void erase_if_empty(std::string_view key, const Value& value) {
    if (value.list.empty() && value.members.empty() && value.fields.empty()) erase(key);
  }
  bool number_arg(size_t i, int64_t* value) {
    const std::optional<int64_t> parsed = parse_integer(argv[i]);
    if (parsed) *value = *parsed;
    return parsed.has_value();
  }
  // A command that this one is made of, inside a script.
  std::string call(const Argv& inner) {
    std::string answer;
    commands->run(context, inner, &answer, effects);
    return answer;
  }

  // ---- sim_redis_strings.cc
  void get();
  void set();
  void set_for(int64_t factor);
  void setex();
  void psetex();
  void setnx();
  void incr();
  void incrbyfloat();
  void append();
  void getdel();
  void getex();

  // ---- sim_redis_keys.cc
  void del();
  void expire_at(Value* value, std::string_view key, int64_t expires, const Argv& effect);
  void expire_by(int64_t base, int64_t factor);
  void expire();
  void pexpire();
  void pexpireat();
  void persist();
  void pttl();
  void exists();
  std::optional<Context> in_database(size_t argument);
  void move();
  void copy();
  void rename();
  void swapdb();
  void flushdb();
  void flushall();
  void dbsize();
  void randomkey();

  // ---- sim_redis_collections.cc: lists, sets, hashes
  void push(bool left);
  void lpush();
  void rpush();
  void lrange();
  void lpop();
  void blpop();
  void llen();
  void zcard();
  void lmove();
  void sadd();
  void srem();
  void smembers();
  void spop();
  void hset();
  void hgetall();

  // ---- sim_redis_commands.cc: messages, scripts, and what nobody knows
  void publish();
  void eval();
  void wild(std::string_view key);
  void draw();
};

}  // namespace holdfast::simulation
