// Lists, sets and hashes of the simulated Redis.
#include <algorithm>
#include <utility>

#include "tests/simulation/sim_redis_call.h"

namespace holdfast::simulation {

void SimCommands::Call::push(bool left) {
  Value* value = nullptr;
  if (!find_kind(arg(1), Value::Kind::kList, &value)) return;
  if (value == nullptr) value = &make(arg(1), Value::Kind::kList);
  for (size_t i = 2; i < argv.size(); i++) {
    left ? value->list.emplace_front(arg(i)) : value->list.emplace_back(arg(i));
  }
  tell_own();
  integer(static_cast<int64_t>(value->list.size()));
}

void SimCommands::Call::lpush() { push(true); }

void SimCommands::Call::rpush() { push(false); }

void SimCommands::Call::lrange() {
  Value* value = nullptr;
  if (!find_kind(arg(1), Value::Kind::kList, &value)) return;
  append_array_header(reply, value != nullptr ? value->list.size() : 0);
  if (value == nullptr) return;
  for (const std::string& element : value->list) bulk(element);
}

void SimCommands::Call::lpop() {
  Value* value = nullptr;
  if (!find_kind(arg(1), Value::Kind::kList, &value)) return;
  if (value == nullptr) return nil();
  bulk(value->list.front());
  value->list.pop_front();
  erase_if_empty(arg(1), *value);
  tell_own();
}

// Inside MULTI, where it does not wait.
void SimCommands::Call::blpop() {
  for (size_t i = 1; i + 1 < argv.size(); i++) {
    Value* value = nullptr;
    if (!find_kind(arg(i), Value::Kind::kList, &value)) return;
    if (value == nullptr) continue;
    append_array_header(reply, 2);
    bulk(arg(i));
    bulk(value->list.front());
    value->list.pop_front();
    erase_if_empty(arg(i), *value);
    return tell({"LPOP", arg(i)});
  }
  append_null_array(reply, context.protocol);
}

void SimCommands::Call::llen() {
  Value* value = nullptr;
  if (!find_kind(arg(1), Value::Kind::kList, &value)) return;
  integer(value == nullptr ? 0 : static_cast<int64_t>(value->list.size()));
}

// There are no sorted sets here.
void SimCommands::Call::zcard() { find(arg(1)) == nullptr ? integer(0) : error(kWrongType); }

void SimCommands::Call::lmove() {
  Value* from = nullptr;
  Value* to = nullptr;
  if (!find_kind(arg(1), Value::Kind::kList, &from)) return;
  if (from == nullptr) return nil();
  if (!find_kind(arg(2), Value::Kind::kList, &to)) return;
  const bool left = is(3, "LEFT");
  const std::string element = left ? from->list.front() : from->list.back();
  left ? from->list.pop_front() : from->list.pop_back();
  if (to == nullptr) to = &make(arg(2), Value::Kind::kList);
  is(4, "LEFT") ? to->list.push_front(element) : to->list.push_back(element);
  if (arg(1) != arg(2)) erase_if_empty(arg(1), *from);
  tell_own();
  bulk(element);
}

void SimCommands::Call::sadd() {
  Value* value = nullptr;
  if (!find_kind(arg(1), Value::Kind::kSet, &value)) return;
  if (value == nullptr) value = &make(arg(1), Value::Kind::kSet);
  int64_t added = 0;
  for (size_t i = 2; i < argv.size(); i++) added += value->members.emplace(arg(i)).second ? 1 : 0;
  if (added > 0) tell_own();
  integer(added);
}

void SimCommands::Call::srem() {
  Value* value = nullptr;
  if (!find_kind(arg(1), Value::Kind::kSet, &value)) return;
  int64_t removed = 0;
  for (size_t i = 2; value != nullptr && i < argv.size(); i++) {
    removed += static_cast<int64_t>(value->members.erase(std::string(arg(i))));
  }
  if (removed > 0) {
    erase_if_empty(arg(1), *value);
    tell_own();
  }
  integer(removed);
}

void SimCommands::Call::smembers() {
  Value* value = nullptr;
  if (!find_kind(arg(1), Value::Kind::kSet, &value)) return;
  append_array_header(reply, value != nullptr ? value->members.size() : 0);
  if (value == nullptr) return;
  for (const std::string& member : value->members) bulk(member);
}

void SimCommands::Call::spop() {
  Value* value = nullptr;
  if (!find_kind(arg(1), Value::Kind::kSet, &value)) return;
  if (value == nullptr) return nil();
  auto drawn = value->members.begin();
  std::advance(drawn, rng().below(static_cast<int64_t>(value->members.size())));
  const std::string member = *drawn;
  value->members.erase(drawn);
  erase_if_empty(arg(1), *value);
  tell({"SREM", arg(1), member});
  bulk(member);
}

void SimCommands::Call::hset() {
  Value* value = nullptr;
  if (!find_kind(arg(1), Value::Kind::kHash, &value)) return;
  if (argv.size() % 2 != 0) return error("ERR wrong number of arguments for 'hset' command");
  if (value == nullptr) value = &make(arg(1), Value::Kind::kHash);
  int64_t added = 0;
  for (size_t i = 2; i + 1 < argv.size(); i += 2) {
    added += value->fields.insert_or_assign(std::string(arg(i)), std::string(arg(i + 1))).second ? 1 : 0;
  }
  tell_own();
  integer(added);
}

void SimCommands::Call::hgetall() {
  Value* value = nullptr;
  if (!find_kind(arg(1), Value::Kind::kHash, &value)) return;
  append_array_header(reply, value != nullptr ? 2 * value->fields.size() : 0);
  if (value == nullptr) return;
  for (const auto& [field, content] : value->fields) {
    bulk(field);
    bulk(content);
  }
}

}  // namespace holdfast::simulation
