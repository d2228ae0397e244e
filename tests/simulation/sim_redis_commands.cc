#include "tests/simulation/sim_redis_commands.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "core/resp/integer.h"
#include "core/resp/reply.h"
#include "core/resp/request.h"
#include "core/resp/words.h"

namespace holdfast::simulation {
namespace {

constexpr std::string_view kWrongType = "WRONGTYPE Operation against a key holding the wrong kind of value";
constexpr std::string_view kNotInteger = "ERR value is not an integer or out of range";
constexpr std::string_view kSyntax = "ERR syntax error";

std::string number_text(double number) {
  char text[64];
  std::snprintf(text, sizeof text, "%.15g", number);
  return text;
}

}  // namespace

// One command under way.
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

  void get() {
    Value* value = nullptr;
    if (!find_kind(arg(1), Value::Kind::kString, &value)) return;
    value != nullptr ? bulk(value->text) : nil();
  }

  void set() {
    bool nx = false, xx = false, get_old = false, keep = false, syntax = false;
    int64_t expires = kNoExpiry;
    for (size_t i = 3; i < argv.size(); i++) {
      if (is(i, "NX")) {
        nx = true;
      } else if (is(i, "XX")) {
        xx = true;
      } else if (is(i, "GET")) {
        get_old = true;
      } else if (is(i, "KEEPTTL")) {
        keep = true;
      } else if (is(i, "PXAT") && i + 1 < argv.size()) {
        if (!number_arg(++i, &expires)) return error(kNotInteger);
      } else {
        syntax = true;
      }
    }
    if (syntax || (nx && xx)) return error(kSyntax);
    Value* old = find(arg(1));
    if (get_old && old != nullptr && old->kind != Value::Kind::kString) return error(kWrongType);
    const std::string old_text = old != nullptr ? old->text : "";
    const bool was = old != nullptr;
    if ((nx && was) || (xx && !was)) return get_old && was ? bulk(old_text) : nil();
    if (keep && was) expires = old->expires_ms;
    Value& value = make(arg(1), Value::Kind::kString);
    value.text = arg(2);
    value.expires_ms = expires;
    if (get_old && !(expires != kNoExpiry && !keep)) {
      Argv without = argv;
      without.erase(
          std::remove_if(without.begin() + 3, without.end(), [](auto word) { return same_word(word, "GET"); }),
          without.end());
      tell(without);
    } else {
      tell_own();
    }
    if (!get_old) return ok();
    was ? bulk(old_text) : nil();
  }

  void set_for(int64_t factor) {
    int64_t time = 0;
    if (!number_arg(2, &time)) return error(kNotInteger);
    if (time <= 0) return error("ERR invalid expire time");
    Value& value = make(arg(1), Value::Kind::kString);
    value.text = arg(3);
    value.expires_ms = context.now_ms + time * factor;
    commands->dialect_.old ? tell_own() : tell({"SET", arg(1), arg(3), "PXAT", std::to_string(value.expires_ms)});
    ok();
  }
  void setex() { set_for(1000); }
  void psetex() { set_for(1); }
  void setnx() {
    if (find(arg(1)) != nullptr) return integer(0);
    make(arg(1), Value::Kind::kString).text = arg(2);
    tell_own();
    integer(1);
  }

  void del() {
    int64_t removed = 0;
    for (size_t i = 1; i < argv.size(); i++) {
      if (find(arg(i)) == nullptr) continue;
      erase(arg(i));
      removed++;
    }
    if (removed > 0) tell_own();
    integer(removed);
  }

  void incr() {
    Value* value = nullptr;
    if (!find_kind(arg(1), Value::Kind::kString, &value)) return;
    const std::optional<int64_t> old = value != nullptr ? parse_integer(value->text) : 0;
    if (!old) return error(kNotInteger);
    if (value == nullptr) value = &make(arg(1), Value::Kind::kString);
    value->text = std::to_string(*old + 1);
    tell_own();
    integer(*old + 1);
  }

  void incrbyfloat() {
    Value* value = nullptr;
    if (!find_kind(arg(1), Value::Kind::kString, &value)) return;
    char* end = nullptr;
    const std::string old_text = value != nullptr ? value->text : "0";
    const double old = std::strtod(old_text.c_str(), &end);
    if (*end != '\0') return error("ERR value is not a valid float");
    if (value == nullptr) value = &make(arg(1), Value::Kind::kString);
    value->text = number_text(old + std::atof(std::string(arg(2)).c_str()));
    tell({"SET", arg(1), value->text, "KEEPTTL"});
    bulk(value->text);
  }

  void append() {
    Value* value = nullptr;
    if (!find_kind(arg(1), Value::Kind::kString, &value)) return;
    if (value == nullptr) value = &make(arg(1), Value::Kind::kString);
    value->text += arg(2);
    tell_own();
    integer(static_cast<int64_t>(value->text.size()));
  }

  void getdel() {
    Value* value = nullptr;
    if (!find_kind(arg(1), Value::Kind::kString, &value)) return;
    if (value == nullptr) return nil();
    bulk(value->text);
    erase(arg(1));
    tell({"DEL", arg(1)});
  }

  void getex() {
    Value* value = nullptr;
    if (!find_kind(arg(1), Value::Kind::kString, &value)) return;
    if (value == nullptr) return nil();
    bulk(value->text);
    if (argv.size() == 3 && is(2, "PERSIST")) {
      if (value->expires_ms == kNoExpiry) return;
      value->expires_ms = kNoExpiry;
      tell({"PERSIST", arg(1)});
    } else if (argv.size() == 4) {
      int64_t expires = 0;
      if (number_arg(3, &expires)) expire_at(value, arg(1), expires, {"PEXPIREAT", arg(1), arg(3)});
    }
  }

  // A time that has passed removes the key, on a leader.
  void expire_at(Value* value, std::string_view key, int64_t expires, const Argv& effect) {
    if (expires <= context.now_ms && !context.from_master) {
      erase(key);
      return tell({removal(), key});
    }
    value->expires_ms = expires;
    tell(effect);
  }

  void expire_by(int64_t base, int64_t factor) {
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
  void expire() { expire_by(context.now_ms, 1000); }
  void pexpire() { expire_by(context.now_ms, 1); }
  void pexpireat() { expire_by(0, 1); }
  void persist() {
    Value* value = find(arg(1));
    if (value == nullptr || value->expires_ms == kNoExpiry) return integer(0);
    value->expires_ms = kNoExpiry;
    tell_own();
    integer(1);
  }

  void pttl() {
    const Value* value = find(arg(1));
    if (value == nullptr) return integer(-2);
    integer(value->expires_ms == kNoExpiry ? -1 : value->expires_ms - context.now_ms);
  }

  void exists() {
    int64_t count = 0;
    for (size_t i = 1; i < argv.size(); i++) count += find(arg(i)) != nullptr ? 1 : 0;
    integer(count);
  }

  void push(bool left) {
    Value* value = nullptr;
    if (!find_kind(arg(1), Value::Kind::kList, &value)) return;
    if (value == nullptr) value = &make(arg(1), Value::Kind::kList);
    for (size_t i = 2; i < argv.size(); i++) {
      left ? value->list.emplace_front(arg(i)) : value->list.emplace_back(arg(i));
    }
    tell_own();
    integer(static_cast<int64_t>(value->list.size()));
  }
  void lpush() { push(true); }
  void rpush() { push(false); }
  void lrange() {
    Value* value = nullptr;
    if (!find_kind(arg(1), Value::Kind::kList, &value)) return;
    append_array_header(reply, value != nullptr ? value->list.size() : 0);
    if (value == nullptr) return;
    for (const std::string& element : value->list) bulk(element);
  }

  void lpop() {
    Value* value = nullptr;
    if (!find_kind(arg(1), Value::Kind::kList, &value)) return;
    if (value == nullptr) return nil();
    bulk(value->list.front());
    value->list.pop_front();
    erase_if_empty(arg(1), *value);
    tell_own();
  }

  // Inside MULTI, where it does not wait.
  void blpop() {
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

  void llen() {
    Value* value = nullptr;
    if (!find_kind(arg(1), Value::Kind::kList, &value)) return;
    integer(value == nullptr ? 0 : static_cast<int64_t>(value->list.size()));
  }

  // There are no sorted sets here.
  void zcard() { find(arg(1)) == nullptr ? integer(0) : error(kWrongType); }

  void lmove() {
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

  void sadd() {
    Value* value = nullptr;
    if (!find_kind(arg(1), Value::Kind::kSet, &value)) return;
    if (value == nullptr) value = &make(arg(1), Value::Kind::kSet);
    int64_t added = 0;
    for (size_t i = 2; i < argv.size(); i++) added += value->members.emplace(arg(i)).second ? 1 : 0;
    if (added > 0) tell_own();
    integer(added);
  }

  void srem() {
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

  void smembers() {
    Value* value = nullptr;
    if (!find_kind(arg(1), Value::Kind::kSet, &value)) return;
    append_array_header(reply, value != nullptr ? value->members.size() : 0);
    if (value == nullptr) return;
    for (const std::string& member : value->members) bulk(member);
  }

  void spop() {
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

  void hset() {
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

  void hgetall() {
    Value* value = nullptr;
    if (!find_kind(arg(1), Value::Kind::kHash, &value)) return;
    append_array_header(reply, value != nullptr ? 2 * value->fields.size() : 0);
    if (value == nullptr) return;
    for (const auto& [field, content] : value->fields) {
      bulk(field);
      bulk(content);
    }
  }

  // The same command's hands in another database; nullptr and an error: there is no such database.
  std::optional<Context> in_database(size_t argument) {
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

  void move() {
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
  void copy() {
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

  void rename() {
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

  void swapdb() {
    const std::optional<Context> one = in_database(1);
    if (!one) return;
    const std::optional<Context> two = in_database(2);
    if (!two) return;
    std::swap((*context.data)[one->db], (*context.data)[two->db]);
    tell_own();
    ok();
  }

  void flushdb() {
    const bool any = !keys().empty();
    keys().clear();
    if (any || !commands->dialect_.old) tell_own();
    ok();
  }
  void flushall() {
    for (Database& database : context.data->databases) database.clear();
    tell_own();
    ok();
  }
  void dbsize() { integer(static_cast<int64_t>(keys().size())); }
  void randomkey() {
    for (int tries = 0; tries < 100 && !keys().empty(); tries++) {
      auto drawn = keys().begin();
      std::advance(drawn, rng().below(static_cast<int64_t>(keys().size())));
      const std::string name = drawn->first;
      if (find(name) != nullptr) return bulk(name);
    }
    nil();
  }

  // EVAL "…" 2 list counter: draws a token, which goes to the front of the list and counts; sometimes it writes more.
  // EVAL "…" n keys: each gets whatever chance and the time make of it.
  void eval() {
    int64_t count = 0;
    if (!number_arg(2, &count) || count < 0 || static_cast<size_t>(count) + 3 > argv.size()) return error(kNotInteger);
    if (arg(1) == "token" && count == 2) {
      const std::string token = "t" + rng().hex(12);
      call({"lpush", arg(3), token});
      if (rng().chance(0.2)) call({"SET", std::string(arg(4)) + ":last", std::to_string(context.now_ms)});
      call({"incr", arg(4)});
      return bulk(token);
    }
    append_array_header(reply, static_cast<size_t>(count));
    for (int64_t i = 0; i < count; i++) wild(arg(static_cast<size_t>(3 + i)));
  }
  void wild(std::string_view key) {
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
  void draw() {
    const std::string token = "d" + rng().hex(12);
    Value& value = make(arg(1), Value::Kind::kString);
    value.text = token;
    tell({"SET", arg(1), token});
    bulk(token);
  }
};

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
