// Accounts whose state is a number or a sequence: nothing missing, nothing twice, in order.
#pragma once

#include "tests/simulation/accounts.h"

namespace holdfast::simulation {

// INCR; and in its second form two counters in two databases that only a transaction changes, and so are always equal.
class CounterAccount : public Account {
 public:
  CounterAccount(std::string key, Fail fail, bool transaction)
      : Account(std::move(key), std::move(fail)), transaction_(transaction) {}

  Op next(Rng* rng) override;
  void settle(const Op& op, Op::Outcome outcome) override;
  void check(const Dataset& data, int64_t now_ms) override;

 private:
  enum Kind { kIncr, kGet };
  void saw(int64_t value);

  const bool transaction_;
  int64_t low_ = 0, high_ = 0;  // what it may be
};

// Unique values at the end of a list (LPUSH, RPUSH) or of a string (APPEND).
class SequenceAccount : public Account {
 public:
  enum class Form { kLeft, kRight, kAppend };
  SequenceAccount(std::string key, Fail fail, Form form) : Account(std::move(key), std::move(fail)), form_(form) {}

  Op next(Rng* rng) override;
  void settle(const Op& op, Op::Outcome outcome) override;
  void check(const Dataset& data, int64_t now_ms) override;

 private:
  enum Kind { kAdd, kRead };
  struct Element {
    std::string value;
    enum class State { kPending, kThere, kUnknown, kAbsent } state = State::kPending;
  };
  void saw(const std::vector<std::string>& values);

  const Form form_;
  std::vector<Element> elements_;
};

// A script that draws a token, puts it into a list and counts: what it answered must be there, and both keys agree.
class ScriptAccount : public Account {
 public:
  ScriptAccount(std::string key, Fail fail) : Account(std::move(key), std::move(fail)) {}

  Op next(Rng* rng) override;
  void settle(const Op& op, Op::Outcome outcome) override;
  void check(const Dataset& data, int64_t now_ms) override;

 private:
  enum Kind { kDraw, kRead };
  void saw(const std::vector<std::string>& tokens, int64_t count);

  std::vector<std::string> drawn_;
  size_t unknown_ = 0;
};

// Optimistic locking: WATCH and GET, then, with what that answered, MULTI, SET and EXEC.
class WatchAccount : public Account {
 public:
  WatchAccount(std::string key, Fail fail, SharedCounter* shared)
      : Account(std::move(key), std::move(fail)), shared_(shared) {}

  Op next(Rng* rng) override;
  void settle(const Op& op, Op::Outcome outcome) override;
  bool exclusive() const override { return phase_ != Phase::kIdle; }
  bool due() const override { return phase_ != Phase::kReading; }
  void disconnected() override { phase_ = Phase::kIdle; }
  void check(const Dataset& data, int64_t now_ms) override;

 private:
  enum Kind { kRead, kWrite, kUnwatch };
  SharedCounter* shared_;
  enum class Phase { kIdle, kReading, kRead, kFailed } phase_ = Phase::kIdle;
  int64_t value_ = 0;
};

class QueueAccount : public Account {
 public:
  QueueAccount(std::string key, int client, Fail fail, SharedQueue* queue)
      : Account(std::move(key), std::move(fail)), client_(client), queue_(queue) {}

  Op next(Rng* rng) override;
  void settle(const Op& op, Op::Outcome outcome) override;
  void check(const Dataset& data, int64_t now_ms) override;

 private:
  enum Kind { kPush, kPop };
  const int client_;
  SharedQueue* queue_;
};

// A set from which Redis draws at random.
class DrawAccount : public Account {
 public:
  DrawAccount(std::string key, Fail fail) : Account(std::move(key), std::move(fail)) {}

  Op next(Rng* rng) override;
  void settle(const Op& op, Op::Outcome outcome) override;
  void check(const Dataset& data, int64_t now_ms) override;

 private:
  enum Kind { kAdd, kPop, kRead };
  enum class State { kThere, kUnknown, kAbsent };
  void saw(const std::vector<std::string>& members);
  size_t certain() const;

  std::map<std::string, State> members_;
  size_t unknown_pops_ = 0;
};

}  // namespace holdfast::simulation
