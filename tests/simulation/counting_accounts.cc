#include "tests/simulation/counting_accounts.h"

#include <algorithm>

#include "core/resp/integer.h"

namespace holdfast::simulation {
namespace {

using Outcome = Op::Outcome;

std::vector<std::string> texts(const ReplyValue& reply) {
  std::vector<std::string> all;
  for (const ReplyValue& element : reply.elements) all.push_back(element.text);
  return all;
}

std::string shown(const ReplyValue& reply) {
  switch (reply.kind) {
    case ReplyValue::Kind::kInteger: return std::to_string(reply.integer);
    case ReplyValue::Kind::kNull: return "nil";
    case ReplyValue::Kind::kArray: return "an array of " + std::to_string(reply.elements.size());
    case ReplyValue::Kind::kError:
    case ReplyValue::Kind::kString: break;
  }
  return reply.text;
}

}  // namespace

const Value* Account::find(const Dataset& data, int db, const std::string& key) {
  const auto it = data[db].find(key);
  return it == data[db].end() ? nullptr : &it->second;
}

// ---- CounterAccount

Op CounterAccount::next(Rng* rng) {
  Op op;
  op.kind = rng->chance(0.75) ? kIncr : kGet;
  if (!transaction_) {
    op.requests = {op.kind == kIncr ? Words{"INCR", key_} : Words{"GET", key_}};
  } else if (op.kind == kIncr) {
    op.requests = {{"MULTI"},       {"INCR", key_}, {"SELECT", "1"}, {"INCR", key_},
                   {"SELECT", "0"}, {"GET", key_},  {"EXEC"}};
  } else {
    op.requests = {{"MULTI"}, {"GET", key_}, {"SELECT", "1"}, {"GET", key_}, {"SELECT", "0"}, {"GET", key_}, {"EXEC"}};
  }
  return op;
}

void CounterAccount::saw(int64_t value) {
  if (value < low_ || value > high_) {
    fail("is " + std::to_string(value) + " but can only be from " + std::to_string(low_) + " to " +
         std::to_string(high_));
  }
  low_ = value;
}

void CounterAccount::settle(const Op& op, Outcome outcome) {
  if (outcome == Outcome::kUnknown && op.kind == kIncr) high_++;
  if (outcome != Outcome::kDone) return;
  std::vector<int64_t> values;
  auto add = [&](const ReplyValue& reply) {
    const bool text = reply.kind == ReplyValue::Kind::kString;
    values.push_back(text ? parse_integer(reply.text).value_or(-1) : reply.integer);
  };
  if (transaction_) {
    if (op.reply.elements.size() != 5) return fail("EXEC answered " + shown(op.reply));
    for (size_t i : {0, 2, 4}) add(op.reply.elements[i]);
    if (values[0] != values[1] || values[0] != values[2]) fail("a transaction did not see one state");
  } else {
    add(op.reply);
  }
  if (op.kind == kIncr) {
    low_++;
    high_++;
  }
  saw(values[0]);
  if (op.kind == kIncr) high_ = low_;
}

void CounterAccount::check(const Dataset& data, int64_t) {
  auto value_in = [&](int db) {
    const Value* value = find(data, db, key_);
    return value == nullptr ? 0 : parse_integer(value->text).value_or(-1);
  };
  if (transaction_ && value_in(0) != value_in(1)) fail("half of a transaction is there");
  saw(value_in(0));
}

// ---- SequenceAccount

Op SequenceAccount::next(Rng* rng) {
  Op op;
  op.kind = rng->chance(0.75) ? kAdd : kRead;
  if (op.kind == kRead) {
    op.requests = {form_ == Form::kAppend ? Words{"GET", key_} : Words{"LRANGE", key_, "0", "-1"}};
    return op;
  }
  op.value = unique();
  op.number = static_cast<int64_t>(elements_.size());
  elements_.push_back({op.value});
  switch (form_) {
    case Form::kLeft: op.requests = {{"LPUSH", key_, op.value}}; break;
    case Form::kRight: op.requests = {{"RPUSH", key_, op.value}}; break;
    case Form::kAppend: op.requests = {{"APPEND", key_, op.value + ";"}}; break;
  }
  return op;
}

void SequenceAccount::settle(const Op& op, Outcome outcome) {
  using State = Element::State;
  if (op.kind == kAdd) {
    State* state = &elements_[static_cast<size_t>(op.number)].state;
    *state = outcome == Outcome::kDone      ? State::kThere
             : outcome == Outcome::kUnknown ? State::kUnknown
                                            : State::kAbsent;
    if (outcome != Outcome::kDone || form_ == Form::kAppend) return;
    int64_t low = 0, high = 0;
    for (const Element& element : elements_) {
      low += element.state == State::kThere ? 1 : 0;
      high += element.state == State::kThere || element.state == State::kUnknown ? 1 : 0;
    }
    if (op.reply.integer < low || op.reply.integer > high) {
      fail("has the length " + shown(op.reply) + " but can only have from " + std::to_string(low) + " to " +
           std::to_string(high));
    }
    return;
  }
  if (outcome != Outcome::kDone) return;
  std::vector<std::string> values = texts(op.reply);
  if (form_ == Form::kLeft) std::reverse(values.begin(), values.end());
  if (form_ == Form::kAppend) {
    for (size_t at = 0; at < op.reply.text.size();) {
      const size_t end = std::min(op.reply.text.find(';', at), op.reply.text.size());
      values.push_back(op.reply.text.substr(at, end - at));
      at = end + 1;
    }
  }
  saw(values);
}

void SequenceAccount::saw(const std::vector<std::string>& values) {
  using State = Element::State;
  size_t at = 0;
  size_t decided = 0;  // all before this one are there or never will be
  for (size_t i = 0; i < elements_.size(); i++) {
    Element& element = elements_[i];
    if (at < values.size() && values[at] == element.value) {
      at++;
      if (element.state == State::kAbsent) fail(element.value + " is there, but was said not to be written");
      if (element.state == State::kPending) fail(element.value + " is there before it was sent");
      element.state = State::kThere;
      for (; decided < i; decided++) {
        if (elements_[decided].state == State::kUnknown) elements_[decided].state = State::kAbsent;
      }
    } else if (element.state == State::kThere) {
      return fail(element.value + " is missing, but was acknowledged or seen");
    }
  }
  if (at < values.size()) fail(values[at] + " is there twice, out of order or from nowhere");
}

void SequenceAccount::check(const Dataset& data, int64_t now_ms) {
  Op op;
  op.kind = kRead;
  op.answered_ms = now_ms;
  if (const Value* value = find(data, 0, key_)) {
    op.reply.text = value->text;
    for (const std::string& element : value->list) {
      op.reply.elements.push_back({ReplyValue::Kind::kString, element, 0, {}});
    }
  }
  settle(op, Outcome::kDone);
}

// ---- ScriptAccount

Op ScriptAccount::next(Rng* rng) {
  Op op;
  op.kind = rng->chance(0.7) ? kDraw : kRead;
  if (op.kind == kDraw) {
    op.requests = {{"EVAL", "token", "2", key_, key_ + ":count"}};
  } else {
    op.requests = {{"MULTI"}, {"LRANGE", key_, "0", "-1"}, {"GET", key_ + ":count"}, {"EXEC"}};
  }
  return op;
}

void ScriptAccount::settle(const Op& op, Outcome outcome) {
  if (op.kind == kDraw) {
    if (outcome == Outcome::kDone) drawn_.push_back(op.reply.text);
    if (outcome == Outcome::kUnknown) unknown_++;
    return;
  }
  if (outcome != Outcome::kDone) return;
  if (op.reply.elements.size() != 2) return fail("EXEC answered " + shown(op.reply));
  saw(texts(op.reply.elements[0]), parse_integer(op.reply.elements[1].text).value_or(0));
}

void ScriptAccount::saw(const std::vector<std::string>& tokens, int64_t count) {
  if (count != static_cast<int64_t>(tokens.size())) fail("half of a script's effects are there");
  size_t next = drawn_.size();
  for (const std::string& token : tokens) {
    if (next > 0 && drawn_[next - 1] == token) next--;
  }
  if (next > 0) return fail("the token " + drawn_[next - 1] + " that a script answered is missing");
  if (tokens.size() > drawn_.size() + unknown_) fail("holds more tokens than scripts can have run");
}

void ScriptAccount::check(const Dataset& data, int64_t) {
  std::vector<std::string> tokens;
  if (const Value* value = find(data, 0, key_)) tokens.assign(value->list.begin(), value->list.end());
  const Value* count = find(data, 0, key_ + ":count");
  saw(tokens, count == nullptr ? 0 : parse_integer(count->text).value_or(-1));
}

// ---- WatchAccount

Op WatchAccount::next(Rng* rng) {
  Op op;
  if (phase_ == Phase::kIdle) {
    op.kind = kRead;
    op.requests = {{"WATCH", key_}, {"GET", key_}};
    if (rng->chance(0.1)) op.requests.insert(op.requests.begin(), {"UNWATCH"});
    phase_ = Phase::kReading;
  } else if (phase_ == Phase::kFailed) {
    // It may watch all the same: other transactions must not suffer.
    op.kind = kUnwatch;
    op.requests = {{"UNWATCH"}};
    phase_ = Phase::kIdle;
  } else {
    op.kind = kWrite;
    op.number = value_ + 1;
    op.requests = {{"MULTI"}, {"SET", key_, std::to_string(op.number)}, {"EXEC"}};
    phase_ = Phase::kIdle;
  }
  return op;
}

void WatchAccount::settle(const Op& op, Outcome outcome) {
  if (op.kind == kRead) {
    if (phase_ != Phase::kReading) return;  // the connection was lost meanwhile
    phase_ = outcome == Outcome::kDone ? Phase::kRead : Phase::kFailed;
    value_ = op.reply.kind == ReplyValue::Kind::kString ? parse_integer(op.reply.text).value_or(-1) : 0;
    return;
  }
  if (op.kind == kUnwatch) return;
  if (outcome == Outcome::kUnknown) shared_->unknown++;
  if (outcome != Outcome::kDone || op.reply.kind == ReplyValue::Kind::kNull) return;
  if (!shared_->written.insert(op.number).second) {
    fail("two transactions that watched it both wrote " + std::to_string(op.number));
  }
}

void WatchAccount::check(const Dataset& data, int64_t) {
  const Value* value = find(data, 0, key_);
  const int64_t count = value == nullptr ? 0 : parse_integer(value->text).value_or(-1);
  const auto written = static_cast<int64_t>(shared_->written.size());
  if (count < written || count > written + shared_->unknown) {
    fail("is " + std::to_string(count) + " after " + std::to_string(written) + " writes and " +
         std::to_string(shared_->unknown) + " that may have been");
  }
}

// ---- QueueAccount

Op QueueAccount::next(Rng* rng) {
  Op op;
  op.kind = rng->chance(0.5) ? kPush : kPop;
  if (op.kind == kPush) {
    op.value = "q" + std::to_string(client_) + "." + unique();
    op.requests = {{rng->chance(0.5) ? "LPUSH" : "RPUSH", key_, op.value}};
    if (rng->chance(0.2)) op.requests = {{"MULTI"}, op.requests[0], {"EXEC"}};
    queue_->pushed[op.value] = false;
  } else {
    op.blocks = true;
    op.requests = {{"BLPOP", "nothing-here", key_, rng->chance(0.5) ? "0.05" : "0.7"}};
  }
  return op;
}

void QueueAccount::settle(const Op& op, Outcome outcome) {
  if (op.kind == kPush) {
    if (outcome == Outcome::kDone) queue_->pushed[op.value] = true;
    if (outcome == Outcome::kNotWritten) queue_->pushed.erase(op.value);
    return;
  }
  if (outcome == Outcome::kUnknown) queue_->unknown_pops++;
  if (outcome != Outcome::kDone || op.reply.kind == ReplyValue::Kind::kNull) return;
  if (op.reply.elements.size() != 2 || op.reply.elements[0].text != key_) {
    return fail("BLPOP answered " + shown(op.reply));
  }
  const std::string& value = op.reply.elements[1].text;
  if (!queue_->pushed.contains(value)) fail("BLPOP took " + value + ", which nobody has pushed");
  if (!queue_->taken.insert(value).second) fail("BLPOP took " + value + " twice");
}

void QueueAccount::check(const Dataset& data, int64_t) {
  const Value* value = find(data, 0, key_);
  std::set<std::string> left;
  if (value != nullptr) left.insert(value->list.begin(), value->list.end());
  int64_t missing = 0;
  for (const auto& [pushed, certain] : queue_->pushed) {
    if (left.contains(pushed) && queue_->taken.contains(pushed)) fail(pushed + " was taken and is still there");
    missing += certain && !left.contains(pushed) && !queue_->taken.contains(pushed) ? 1 : 0;
  }
  if (missing > queue_->unknown_pops) {
    fail(std::to_string(missing) + " elements are lost, and only " + std::to_string(queue_->unknown_pops) +
         " BLPOPs may have taken one");
  }
}

// ---- DrawAccount

Op DrawAccount::next(Rng* rng) {
  Op op;
  op.kind = rng->chance(0.55) ? kAdd : rng->chance(0.7) ? kPop : kRead;
  if (op.kind == kAdd) {
    op.value = unique();
    op.requests = {{"SADD", key_, op.value}};
  } else {
    op.requests = {{op.kind == kPop ? "SPOP" : "SMEMBERS", key_}};
  }
  return op;
}

size_t DrawAccount::certain() const {
  return static_cast<size_t>(std::count_if(members_.begin(), members_.end(),
                                           [](const auto& member) { return member.second == State::kThere; }));
}

void DrawAccount::settle(const Op& op, Outcome outcome) {
  if (op.kind == kAdd) {
    members_[op.value] = outcome == Outcome::kDone      ? State::kThere
                         : outcome == Outcome::kUnknown ? State::kUnknown
                                                        : State::kAbsent;
    return;
  }
  if (op.kind == kPop && outcome == Outcome::kUnknown) unknown_pops_++;
  if (outcome != Outcome::kDone) return;
  if (op.kind == kRead) return saw(texts(op.reply));
  if (op.reply.kind == ReplyValue::Kind::kNull) {
    if (certain() > unknown_pops_) fail("nothing was drawn, but something must be there");
    return;
  }
  const auto it = members_.find(op.reply.text);
  if (it == members_.end() || it->second == State::kAbsent) {
    fail(op.reply.text + " was drawn, but cannot be there");
  } else {
    it->second = State::kAbsent;
  }
}

void DrawAccount::saw(const std::vector<std::string>& members) {
  const std::set<std::string> there(members.begin(), members.end());
  size_t missing = 0;
  for (const auto& [member, state] : members_) missing += state == State::kThere && !there.contains(member) ? 1 : 0;
  if (missing > unknown_pops_) fail("more members are missing than can have been drawn");
  for (const std::string& member : there) {
    const auto it = members_.find(member);
    if (it == members_.end() || it->second == State::kAbsent) {
      fail(member + " is there, but was drawn or never written");
    } else {
      it->second = State::kThere;
    }
  }
}

void DrawAccount::check(const Dataset& data, int64_t) {
  std::vector<std::string> members;
  if (const Value* value = find(data, 0, key_)) members.assign(value->members.begin(), value->members.end());
  saw(members);
}

}  // namespace holdfast::simulation
