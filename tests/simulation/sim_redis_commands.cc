#include "tests/simulation/sim_redis_commands.h"

#include <algorithm>
#include <utility>

#include "tests/simulation/sim_redis_call.h"

namespace holdfast::simulation {

// To nobody: all who have subscribed are at the proxy.
void SimCommands::Call::publish() {
  tell_own();
  integer(0);
}

// EVAL "…" 2 list counter: draws a token, which goes to the front of the list and counts; sometimes it writes more, or
// publishes it.
// EVAL "…" n keys: each gets whatever chance and the time make of it.
void SimCommands::Call::eval() {
  int64_t count = 0;
  if (!number_arg(2, &count) || count < 0 || static_cast<size_t>(count) + 3 > argv.size()) return error(kNotInteger);
  if (arg(1) == "token" && count == 2) {
    const std::string token = "t" + rng().hex(12);
    call({"lpush", arg(3), token});
    if (rng().chance(0.2)) call({"SET", std::string(arg(4)) + ":last", std::to_string(context.now_ms)});
    call({"incr", arg(4)});
    if (rng().chance(0.3)) call({"publish", "news", token});
    return bulk(token);
  }
  append_array_header(reply, static_cast<size_t>(count));
  for (int64_t i = 0; i < count; i++) wild(arg(static_cast<size_t>(3 + i)));
}

void SimCommands::Call::wild(std::string_view key) {
  const std::string token = "w" + rng().hex(12);
  const std::string soon = std::to_string(context.now_ms + rng().between(-50, 500));
  switch ((context.now_ms / 7 + rng().below(8)) % 8) {
    case 0: call({"set", key, token}); return bulk(token);
    case 1: call({"SET", key, token, "PXAT", soon}); return bulk(token);
    case 2: call({"Del", key}); return nil();
    case 3: call({"RPUSH", key, token}); return bulk("pushed");
    case 4: call({"PEXPIREAT", key, soon}); return bulk("expires");
    case 5: call({"SPOP", key}); return bulk("popped");
    default: call({"GET", key}); return bulk("nothing");
  }
}

// A module's command that nobody knows anything of, and one that Redis does not even list.
void SimCommands::Call::draw() {
  const std::string token = "d" + rng().hex(12);
  Value& value = make(arg(1), Value::Kind::kString);
  value.text = token;
  tell({"SET", arg(1), token});
  bulk(token);
}

struct SimCommands::Entry {
  SimCommand command;
  void (Call::*run)();
  bool hidden = false;
};

const SimCommands::Entry SimCommands::kEntries[] = {
    {{"append", 3, "write denyoom fast", 1, 1, 1}, &Call::append},
    {{"blpop", -3, "write noscript blocking", 1, -2, 1}, &Call::blpop},
    {{"copy", -3, "write denyoom", 1, 2, 1}, &Call::copy},
    {{"dbsize", 1, "readonly fast", 0, 0, 0}, &Call::dbsize},
    {{"del", -2, "write", 1, -1, 1}, &Call::del},
    {{"eval", -3, "noscript movablekeys", 0, 0, 0}, &Call::eval},
    {{"exists", -2, "readonly fast", 1, -1, 1}, &Call::exists},
    {{"expire", -3, "write fast", 1, 1, 1}, &Call::expire},
    {{"flushall", -1, "write", 0, 0, 0}, &Call::flushall},
    {{"flushdb", -1, "write", 0, 0, 0}, &Call::flushdb},
    {{"get", 2, "readonly fast", 1, 1, 1}, &Call::get},
    {{"getdel", 2, "write fast", 1, 1, 1}, &Call::getdel},
    {{"getex", -2, "write fast", 1, 1, 1}, &Call::getex},
    {{"hgetall", 2, "readonly", 1, 1, 1}, &Call::hgetall},
    {{"hidden.draw", 2, "write", 1, 1, 1}, &Call::draw, true},
    {{"hset", -4, "write denyoom fast", 1, 1, 1}, &Call::hset},
    {{"incr", 2, "write denyoom fast", 1, 1, 1}, &Call::incr},
    {{"incrbyfloat", 3, "write denyoom fast", 1, 1, 1}, &Call::incrbyfloat},
    {{"llen", 2, "readonly fast", 1, 1, 1}, &Call::llen},
    {{"lmove", 5, "write denyoom", 1, 2, 1}, &Call::lmove},
    {{"lpop", 2, "write fast", 1, 1, 1}, &Call::lpop},
    {{"lpush", -3, "write denyoom fast", 1, 1, 1}, &Call::lpush},
    {{"lrange", 4, "readonly", 1, 1, 1}, &Call::lrange},
    {{"module.draw", 2, "write denyoom module", 1, 1, 1}, &Call::draw},
    {{"move", 3, "write fast", 1, 1, 1}, &Call::move},
    {{"persist", 2, "write fast", 1, 1, 1}, &Call::persist},
    {{"pexpire", -3, "write fast", 1, 1, 1}, &Call::pexpire},
    {{"pexpireat", -3, "write fast", 1, 1, 1}, &Call::pexpireat},
    {{"psetex", 4, "write denyoom", 1, 1, 1}, &Call::psetex},
    {{"pttl", 2, "readonly fast", 1, 1, 1}, &Call::pttl},
    {{"publish", 3, "pubsub loading stale fast", 0, 0, 0}, &Call::publish},
    {{"randomkey", 1, "readonly", 0, 0, 0}, &Call::randomkey},
    {{"rename", 3, "write", 1, 2, 1}, &Call::rename},
    {{"rpush", -3, "write denyoom fast", 1, 1, 1}, &Call::rpush},
    {{"sadd", -3, "write denyoom fast", 1, 1, 1}, &Call::sadd},
    {{"set", -3, "write denyoom", 1, 1, 1}, &Call::set},
    {{"setex", 4, "write denyoom", 1, 1, 1}, &Call::setex},
    {{"setnx", 3, "write denyoom fast", 1, 1, 1}, &Call::setnx},
    {{"smembers", 2, "readonly", 1, 1, 1}, &Call::smembers},
    {{"spop", -2, "write fast", 1, 1, 1}, &Call::spop},
    {{"srem", -3, "write fast", 1, 1, 1}, &Call::srem},
    {{"swapdb", 3, "write fast", 0, 0, 0}, &Call::swapdb},
    {{"zcard", 2, "readonly fast", 1, 1, 1}, &Call::zcard},
    {{"unlink", -2, "write fast", 1, -1, 1}, &Call::del},
};

std::vector<SimCommand> SimCommands::listed() {
  std::vector<SimCommand> commands;
  for (const Entry& entry : kEntries) {
    if (!entry.hidden) commands.push_back(entry.command);
  }
  return commands;
}

const SimCommands::Entry* SimCommands::find(std::string_view name) {
  for (const Entry& entry : kEntries) {
    if (same_word(name, entry.command.name)) return &entry;
  }
  return nullptr;
}

bool SimCommands::knows(std::string_view name, size_t argc, bool* arity_fits) {
  const Entry* entry = find(name);
  if (entry == nullptr) return false;
  const int arity = entry->command.arity;
  *arity_fits = arity > 0 ? static_cast<int>(argc) == arity : static_cast<int>(argc) >= -arity;
  return true;
}

bool SimCommands::writes(std::string_view name) {
  const Entry* entry = find(name);
  return entry != nullptr && std::string_view(entry->command.flags).starts_with("write");
}

void SimCommands::run(const Context& context, const Argv& argv, std::string* reply, std::vector<SimEffect>* effects) {
  Call call{this, context, argv, reply, effects};
  (call.*find(argv[0])->run)();
}

}  // namespace holdfast::simulation
