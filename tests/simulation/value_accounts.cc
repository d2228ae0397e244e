#include "tests/simulation/value_accounts.h"

#include <algorithm>

#include "tests/simulation/counting_accounts.h"
#include "tests/simulation/sim_listener.h"

namespace holdfast::simulation {
namespace {

using Outcome = Op::Outcome;

std::string padding(Rng* rng, int64_t big_value) {
  return big_value > 0 && rng->chance(0.15) ? ":" + std::string(static_cast<size_t>(rng->below(big_value)), 'X') : "";
}

}  // namespace

// ---- RegisterAccount

Op RegisterAccount::next(Rng* rng) {
  constexpr Kind kKinds[] = {kGet, kGet, kGet, kSet, kSet, kSet, kSetGet, kSetNx, kSetXx, kDel, kGetDel};
  Op op;
  op.kind = kKinds[rng->below(std::size(kKinds))];
  if (op.kind == kSet || op.kind == kSetGet || op.kind == kSetNx || op.kind == kSetXx) {
    op.value = unique() + padding(rng, big_value_);
  }
  switch (op.kind) {
    case kGet: op.requests = {{"GET", key_}}; break;
    case kSet: op.requests = {{"SET", key_, op.value}}; break;
    case kSetGet: op.requests = {{"SET", key_, op.value, "GET"}}; break;
    case kSetNx: op.requests = {{"SETNX", key_, op.value}}; break;
    case kSetXx: op.requests = {{"SET", key_, op.value, "XX"}}; break;
    case kDel: op.requests = {{rng->chance(0.5) ? "DEL" : "UNLINK", key_}}; break;
    default: op.requests = {{"GETDEL", key_}}; break;
  }
  return op;
}

bool RegisterAccount::may_be(const State& state) const {
  return std::find(states_.begin(), states_.end(), state) != states_.end();
}

bool RegisterAccount::may_be_something() const {
  return std::any_of(states_.begin(), states_.end(), [](const State& state) { return state.has_value(); });
}

// The writes before the one that was seen cannot come about any more.
void RegisterAccount::saw(const State& state) {
  const auto it = std::find(states_.begin(), states_.end(), state);
  if (it == states_.end()) {
    return fail((state ? "is " + state->substr(0, 40) : "is absent") + ", which cannot be (expected " +
                (states_[0] ? states_[0]->substr(0, 40) : "absent") + " or one of " +
                std::to_string(states_.size() - 1) + " more)");
  }
  states_.erase(states_.begin(), it);
}

void RegisterAccount::settle(const Op& op, Outcome outcome) {
  const bool removes = op.kind == kDel || op.kind == kGetDel;
  if (outcome == Outcome::kUnknown && op.kind != kGet) {
    states_.push_back(removes ? State() : State(op.value));
  }
  if (outcome != Outcome::kDone) return;
  const State told = op.reply.kind == ReplyValue::Kind::kNull ? State() : State(op.reply.text);
  switch (op.kind) {
    case kGet: return saw(told);
    case kSetGet:
    case kGetDel: saw(told); break;
    case kDel:
      if (op.reply.integer == 0 ? !may_be(std::nullopt) : !may_be_something()) fail("DEL answered what cannot be");
      break;
    case kSetNx:
      if (op.reply.integer == 0) {
        if (!may_be_something()) fail("SETNX found something where nothing can be");
        std::erase(states_, State());
        if (states_.empty()) states_ = {State()};
        return;
      }
      if (!may_be(std::nullopt)) fail("SETNX found nothing where something must be");
      break;
    case kSetXx:
      if (!told) {
        if (!may_be(std::nullopt)) fail("SET XX found nothing where something must be");
        states_ = {State()};
        return;
      }
      if (!may_be_something()) fail("SET XX found something where nothing can be");
      break;
    default: break;
  }
  states_ = {removes ? State() : State(op.value)};
}

void RegisterAccount::check(const Dataset& data, int64_t) {
  const Value* value = find(data, 0, key_);
  saw(value == nullptr ? State() : State(value->text));
}

// ---- ChannelAccount

Op ChannelAccount::next(Rng*) {
  Op op;
  op.requests = {{"PUBLISH", kChannel, unique()}};
  return op;
}

// ---- UserAccount

Op UserAccount::next(Rng* rng) {
  constexpr Kind kKinds[] = {kList, kList, kSet, kSet, kDelete};
  Op op;
  op.kind = kKinds[rng->below(std::size(kKinds))];
  switch (op.kind) {
    case kList: op.requests = {{"ACL", "LIST"}}; break;
    case kSet:
      op.value = unique();
      op.requests = {{"ACL", "SETUSER", key_, "on", "resetpass", ">" + op.value, "~*", "&*", "+@all"}};
      break;
    default: op.requests = {{"ACL", "DELUSER", key_}}; break;
  }
  return op;
}

UserAccount::State UserAccount::told(const ReplyValue& list) const {
  for (const ReplyValue& line : list.elements) {
    if (!line.text.starts_with("user " + key_ + " ")) continue;
    const size_t begin = line.text.find('#') + 1;
    return line.text.substr(begin, line.text.find(' ', begin) - begin);
  }
  return std::nullopt;
}

void UserAccount::settle(const Op& op, Outcome outcome) {
  const State wanted = op.kind == kSet ? State(op.value) : State();
  if (outcome == Outcome::kUnknown && op.kind != kList) states_.push_back(wanted);
  if (outcome != Outcome::kDone) return;
  if (op.kind != kList) {
    states_ = {wanted};
    return;
  }
  const State is = told(op.reply);
  const auto it = std::find(states_.begin(), states_.end(), is);
  if (it == states_.end())
    return fail("the user's password is " + is.value_or("none, it is gone") + ", which cannot be");
  states_.erase(states_.begin(), it);
}

// ---- ExpiryAccount

Op ExpiryAccount::next(Rng* rng) {
  constexpr Kind kKinds[] = {kGet, kGet, kGet, kSet, kSet, kExpire, kGetEx, kPersist, kPersist};
  Op op;
  op.kind = kKinds[rng->below(std::size(kKinds))];
  op.number = rng->chance(0.7) ? rng->between(20, 400) : rng->between(200, 4000);  // its TTL
  if (op.kind == kExpire && rng->chance(0.1)) op.number = rng->between(-30, 0);
  const std::string ttl = std::to_string(op.number);
  switch (op.kind) {
    case kGet: op.requests = {{"GET", key_}}; break;
    case kSet:
      op.value = unique();
      op.requests = {rng->chance(0.7) ? Words{"SET", key_, op.value, "PX", ttl} : Words{"PSETEX", key_, ttl, op.value}};
      break;
    case kExpire: op.requests = {{"PEXPIRE", key_, ttl}}; break;
    case kGetEx: op.requests = {{"GETEX", key_, "PX", ttl}}; break;
    default: op.requests = {{"PERSIST", key_}}; break;
  }
  return op;
}

void ExpiryAccount::saw(const std::string& value, int64_t asked_ms, int64_t answered_ms) {
  if (value.empty()) {
    const bool possible = std::any_of(states_.begin(), states_.end(), [&](const State& state) {
      return state.value.empty() || state.here_until_ms <= answered_ms;
    });
    if (!possible) fail("is absent, but " + states_[0].value + " must be there");
    // What was there for certain is gone for good.
    states_[0] = State{};
    return;
  }
  const auto it =
      std::find_if(states_.begin(), states_.end(), [&](const State& state) { return state.value == value; });
  if (it == states_.end()) return fail("is " + value + ", which cannot be");
  if (asked_ms > it->gone_from_ms) fail("is " + value + " still, though it has expired");
  states_.erase(states_.begin(), it);
}

// A write that went through: all before it have, or never will.
void ExpiryAccount::set_expiry(const Op& op, Outcome outcome) {
  const bool persists = op.kind == kPersist;
  const bool certain = outcome == Outcome::kDone;
  std::vector<State> states;
  for (State state : states_) {
    if (state.value.empty() || (certain && op.sent_ms > state.gone_from_ms)) {
      if (!certain) states.push_back(state);
      continue;
    }
    const int64_t here_until = persists ? INT64_MAX : may_vanish_ ? 0 : op.sent_ms + op.number;
    const int64_t gone_from = persists ? INT64_MAX : op.answered_ms + op.number + 1;
    state.here_until_ms = certain ? here_until : std::min(state.here_until_ms, here_until);
    state.gone_from_ms = certain ? gone_from : INT64_MAX;
    states.push_back(state);
  }
  if (states.empty()) return fail("a TTL was set or taken away where nothing can be");
  states_ = std::move(states);
}

void ExpiryAccount::settle(const Op& op, Outcome outcome) {
  if (op.kind == kGet) {
    if (outcome == Outcome::kDone) saw(op.reply.text, op.sent_ms, op.answered_ms);
    return;
  }
  if (outcome == Outcome::kNotWritten) return;
  if (op.kind == kSet) {
    if (outcome == Outcome::kDone) states_.clear();
    states_.push_back({op.value, may_vanish_ ? 0 : op.sent_ms + op.number,
                       outcome == Outcome::kDone ? op.answered_ms + op.number + 1 : INT64_MAX});
    return;
  }
  if (outcome == Outcome::kDone && op.kind == kGetEx) saw(op.reply.text, op.sent_ms, op.answered_ms);
  const bool nothing = op.kind == kGetEx ? op.reply.text.empty() : op.reply.integer == 0;
  if (outcome == Outcome::kDone && nothing) {
    if (op.kind == kExpire) saw("", op.sent_ms, op.answered_ms);
    return;  // PERSIST: absent, or without a TTL
  }
  set_expiry(op, outcome);
}

void ExpiryAccount::check(const Dataset& data, int64_t now_ms) {
  const Value* value = find(data, 0, key_);
  const bool there = value != nullptr && (value->expires_ms == kNoExpiry || value->expires_ms > now_ms);
  saw(there ? value->text : "", now_ms, now_ms);
}

// ---- WildAccount

Op WildAccount::next(Rng* rng) {
  auto key = [&] { return "w" + std::to_string(rng->below(8)); };
  auto soon = [&] { return std::to_string(rng->between(1, 500)); };
  const std::string value = unique() + padding(rng, big_value_);
  std::vector<Words> some;
  const int64_t count = rng->chance(0.2) ? rng->between(2, 5) : 1;
  for (int64_t i = 0; i < count; i++) {
    switch (rng->below(flushes_ ? 37 : 34)) {
      case 0: some.push_back({"SET", key(), value}); break;
      case 1: some.push_back({"SET", key(), value, "PX", soon()}); break;
      case 2: some.push_back({"SET", key(), value, "EX", "1", "GET"}); break;
      case 3: some.push_back({"SET", key(), value, "KEEPTTL", "XX"}); break;
      case 4: some.push_back({"SET", key(), std::to_string(rng->below(100))}); break;
      case 5: some.push_back({"INCR", key()}); break;
      case 6: some.push_back({"INCRBYFLOAT", key(), "1.5"}); break;
      case 7: some.push_back({"APPEND", key(), ";" + value}); break;
      case 8: some.push_back({"DEL", key(), key()}); break;
      case 9: some.push_back({"UNLINK", key()}); break;
      case 10: some.push_back({"GETDEL", key()}); break;
      case 11: some.push_back({"GETEX", key(), "PX", soon()}); break;
      case 12: some.push_back({"GETEX", key(), "PERSIST"}); break;
      case 13: some.push_back({"PEXPIRE", key(), soon()}); break;
      case 14: some.push_back({"EXPIRE", key(), std::to_string(rng->between(-1, 1))}); break;
      case 15: some.push_back({"PERSIST", key()}); break;
      case 16: some.push_back({"LPUSH", key(), value, "x"}); break;
      case 17: some.push_back({"RPUSH", key(), value}); break;
      case 18: some.push_back({"LPOP", key()}); break;
      case 19: some.push_back({"LMOVE", key(), key(), "LEFT", "RIGHT"}); break;
      case 20: some.push_back({"SADD", key(), value, "y", "z"}); break;
      case 21: some.push_back({"SPOP", key()}); break;
      case 22: some.push_back({"SREM", key(), "y"}); break;
      case 23: some.push_back({"HSET", key(), "f" + std::to_string(rng->below(3)), value}); break;
      case 24: some.push_back({"EVAL", "wild", "3", key(), key(), key()}); break;
      case 25: some.push_back({rng->chance(0.5) ? "MODULE.DRAW" : "HIDDEN.DRAW", key()}); break;
      case 26: some.push_back({"GET", key()}); break;
      case 27: some.push_back({rng->chance(0.5) ? "PTTL" : "EXISTS", key()}); break;
      case 28: some.push_back({rng->chance(0.5) ? "SMEMBERS" : "HGETALL", key()}); break;
      case 29: some.push_back({rng->chance(0.5) ? "DBSIZE" : "RANDOMKEY"}); break;
      case 30: some.push_back({"NOSUCH", key()}); break;
      case 31: some.push_back({"MOVE", key(), rng->chance(0.9) ? "1" : "3"}); break;
      case 32:
        some.push_back(rng->chance(0.5) ? Words{"COPY", key(), key()} : Words{"COPY", key(), key(), "DB", "1"});
        break;
      case 33: some.push_back({"RENAME", key(), key()}); break;
      case 34: some.push_back({"SWAPDB", "0", rng->chance(0.9) ? "1" : "3"}); break;
      case 35: some.push_back({"FLUSHDB"}); break;
      default: some.push_back({"FLUSHALL"}); break;
    }
  }
  Op op;
  const bool other_database = rng->chance(0.3);
  const bool transaction = count > 1 && rng->chance(0.7);
  if (other_database) op.requests.push_back({"SELECT", "1"});
  if (transaction) op.requests.push_back({"MULTI"});
  op.requests.insert(op.requests.end(), some.begin(), some.end());
  if (transaction) op.requests.push_back({rng->chance(0.95) ? "EXEC" : "DISCARD"});
  if (other_database) op.requests.push_back({"SELECT", "0"});
  return op;
}

std::vector<std::unique_ptr<Account>> make_accounts(int client, const AccountOptions& options,
                                                    const Account::Fail& fail) {
  const std::string id = std::to_string(client);
  std::vector<std::unique_ptr<Account>> accounts;
  accounts.push_back(std::make_unique<CounterAccount>("a" + id + ".c", fail, false));
  accounts.push_back(std::make_unique<CounterAccount>("a" + id + ".m", fail, true));
  accounts.push_back(std::make_unique<SequenceAccount>("a" + id + ".l", fail, SequenceAccount::Form::kLeft));
  accounts.push_back(std::make_unique<SequenceAccount>("a" + id + ".r", fail, SequenceAccount::Form::kRight));
  accounts.push_back(std::make_unique<SequenceAccount>("a" + id + ".a", fail, SequenceAccount::Form::kAppend));
  accounts.push_back(std::make_unique<ScriptAccount>("a" + id + ".e", fail));
  accounts.push_back(std::make_unique<DrawAccount>("a" + id + ".p", fail));
  accounts.push_back(std::make_unique<UserAccount>("u" + id, fail));
  if (options.listener) accounts.push_back(std::make_unique<ChannelAccount>("a" + id + ".n", fail));
  accounts.push_back(std::make_unique<QueueAccount>("queue", client, fail, options.queue));
  accounts.push_back(std::make_unique<WatchAccount>("shared", fail, options.shared));
  accounts.push_back(std::make_unique<RegisterAccount>("a" + id + ".s", fail, options.big_value));
  accounts.push_back(std::make_unique<ExpiryAccount>("a" + id + ".x", fail, options.volatile_keys_vanish));
  accounts.push_back(std::make_unique<ExpiryAccount>("a" + id + ".y", fail, options.volatile_keys_vanish));
  for (const char* name : {".w", ".v"}) {
    accounts.push_back(std::make_unique<WildAccount>("a" + id + name, fail, options.big_value, options.flushes));
  }
  return accounts;
}

}  // namespace holdfast::simulation
