// Keys of any kind of the simulated Redis: their lives, and the databases that they are in.
#include <algorithm>
#include <optional>
#include <utility>

#include "tests/simulation/sim_redis_call.h"

namespace holdfast::simulation {

void SimCommands::Call::del() {
  int64_t removed = 0;
  for (size_t i = 1; i < argv.size(); i++) {
    if (find(arg(i)) == nullptr) continue;
    erase(arg(i));
    removed++;
  }
  if (removed > 0) tell_own();
  integer(removed);
}

// A time that has passed removes the key, on a leader.
void SimCommands::Call::expire_at(Value* value, std::string_view key, int64_t expires, const Argv& effect) {
  if (expires <= context.now_ms && !context.from_master) {
    erase(key);
    return tell({removal(), key});
  }
  value->expires_ms = expires;
  tell(effect);
}

void SimCommands::Call::expire_by(int64_t base, int64_t factor) {
  int64_t time = 0;
  if (!number_arg(2, &time)) return error(kNotInteger);
  Value* value = find(arg(1));
  if (value == nullptr) return integer(0);
  const int64_t expires = base + time * factor;
  const std::string text = std::to_string(expires);
  const bool own = base == 0 || commands->dialect_.old;
  expire_at(value, arg(1), expires, own ? argv : Argv{"PEXPIREAT", arg(1), text});
  integer(1);
}

void SimCommands::Call::expire() { expire_by(context.now_ms, 1000); }

void SimCommands::Call::pexpire() { expire_by(context.now_ms, 1); }

void SimCommands::Call::pexpireat() { expire_by(0, 1); }

void SimCommands::Call::persist() {
  Value* value = find(arg(1));
  if (value == nullptr || value->expires_ms == kNoExpiry) return integer(0);
  value->expires_ms = kNoExpiry;
  tell_own();
  integer(1);
}

void SimCommands::Call::pttl() {
  const Value* value = find(arg(1));
  if (value == nullptr) return integer(-2);
  integer(value->expires_ms == kNoExpiry ? -1 : value->expires_ms - context.now_ms);
}

void SimCommands::Call::exists() {
  int64_t count = 0;
  for (size_t i = 1; i < argv.size(); i++) count += find(arg(i)) != nullptr ? 1 : 0;
  integer(count);
}

// The same command's hands in another database; nullptr and an error: there is no such database.
std::optional<SimCommands::Context> SimCommands::Call::in_database(size_t argument) {
  int64_t db = 0;
  const auto count = static_cast<int64_t>(context.data->databases.size());
  if (!number_arg(argument, &db) || db < 0 || db >= count) {
    error("ERR DB index is out of range");
    return std::nullopt;
  }
  Context other = context;
  other.db = static_cast<int>(db);
  return other;
}

void SimCommands::Call::move() {
  const std::optional<Context> other = in_database(2);
  if (!other) return;
  if (other->db == context.db) return error("ERR source and destination objects are the same");
  Call there{commands, *other, argv, reply, effects};
  const Value* value = find(arg(1));
  if (value == nullptr || there.find(arg(1)) != nullptr) return integer(0);
  there.keys()[std::string(arg(1))] = *value;
  erase(arg(1));
  tell_own();
  integer(1);
}

// COPY source destination [DB n]
void SimCommands::Call::copy() {
  const std::optional<Context> other = argv.size() == 5 ? in_database(4) : context;
  if (!other) return;
  if (other->db == context.db && arg(1) == arg(2)) {
    return error("ERR source and destination objects are the same");
  }
  Call there{commands, *other, argv, reply, effects};
  const Value* value = find(arg(1));
  if (value == nullptr || there.find(arg(2)) != nullptr) return integer(0);
  there.keys()[std::string(arg(2))] = *value;
  tell_own();
  integer(1);
}

void SimCommands::Call::rename() {
  const Value* value = find(arg(1));
  if (value == nullptr) return error("ERR no such key");
  if (arg(1) == arg(2)) return ok();
  find(arg(2));
  const Value moved = *value;
  erase(arg(1));
  keys()[std::string(arg(2))] = moved;
  tell_own();
  ok();
}

void SimCommands::Call::swapdb() {
  const std::optional<Context> one = in_database(1);
  if (!one) return;
  const std::optional<Context> two = in_database(2);
  if (!two) return;
  std::swap((*context.data)[one->db], (*context.data)[two->db]);
  tell_own();
  ok();
}

void SimCommands::Call::flushdb() {
  const bool any = !keys().empty();
  keys().clear();
  if (any || !commands->dialect_.old) tell_own();
  ok();
}

void SimCommands::Call::flushall() {
  for (Database& database : context.data->databases) database.clear();
  tell_own();
  ok();
}

void SimCommands::Call::dbsize() { integer(static_cast<int64_t>(keys().size())); }

void SimCommands::Call::randomkey() {
  for (int tries = 0; tries < 100 && !keys().empty(); tries++) {
    auto drawn = keys().begin();
    std::advance(drawn, rng().below(static_cast<int64_t>(keys().size())));
    const std::string name = drawn->first;
    if (find(name) != nullptr) return bulk(name);
  }
  nil();
}

}  // namespace holdfast::simulation
