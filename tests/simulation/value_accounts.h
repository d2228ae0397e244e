// Accounts whose state is one of several possible values.
#pragma once

#include <optional>

#include "tests/simulation/accounts.h"

namespace holdfast::simulation {

// SET, DEL, SETNX and their like on a string.
class RegisterAccount : public Account {
 public:
  RegisterAccount(std::string key, Fail fail, int64_t big_value)
      : Account(std::move(key), std::move(fail)), big_value_(big_value) {}

  Op next(Rng* rng) override;
  void settle(const Op& op, Op::Outcome outcome) override;
  void check(const Dataset& data, int64_t now_ms) override;

 private:
  enum Kind { kGet, kSet, kSetGet, kSetNx, kSetXx, kDel, kGetDel };
  using State = std::optional<std::string>;
  bool may_be(const State& state) const;
  bool may_be_something() const;
  void saw(const State& state);

  const int64_t big_value_;
  // What it may be: the first for certain, unless one of the others has come about meanwhile.
  std::vector<State> states_ = {std::nullopt};
};

// A string with a TTL, which may be taken away again: what was saved by PERSIST must stay.
class ExpiryAccount : public Account {
 public:
  ExpiryAccount(std::string key, Fail fail, bool may_vanish)
      : Account(std::move(key), std::move(fail)), may_vanish_(may_vanish) {}

  Op next(Rng* rng) override;
  void settle(const Op& op, Op::Outcome outcome) override;
  void check(const Dataset& data, int64_t now_ms) override;

 private:
  enum Kind { kGet, kSet, kExpire, kGetEx, kPersist };
  struct State {
    std::string value;  // empty: not there
    int64_t here_until_ms = INT64_MAX;
    int64_t gone_from_ms = INT64_MAX;
  };
  void saw(const std::string& value, int64_t asked_ms, int64_t answered_ms);
  void set_expiry(const Op& op, Op::Outcome outcome);

  const bool may_vanish_;
  std::vector<State> states_ = {State{}};
};

// Whatever else there is, on keys that all clients share: nothing is known of them but that all copies must be equal.
class WildAccount : public Account {
 public:
  WildAccount(std::string key, Fail fail, int64_t big_value, bool flushes)
      : Account(std::move(key), std::move(fail)), big_value_(big_value), flushes_(flushes) {}

  Op next(Rng* rng) override;
  void settle(const Op&, Op::Outcome) override {}
  bool strict() const override { return false; }
  void check(const Dataset&, int64_t) override {}

 private:
  const int64_t big_value_;
  const bool flushes_;
};

// Messages, each of them once: see SimListener.
class ChannelAccount : public Account {
 public:
  using Account::Account;

  Op next(Rng* rng) override;
  void settle(const Op&, Op::Outcome) override {}
  void check(const Dataset&, int64_t) override {}
};

// A user, whose state is its password. It is not in the data: what ACL LIST tells must be what the log holds.
class UserAccount : public Account {
 public:
  using Account::Account;

  Op next(Rng* rng) override;
  void settle(const Op& op, Op::Outcome outcome) override;
  void check(const Dataset&, int64_t) override {}

 private:
  enum Kind { kList, kSet, kDelete };
  using State = std::optional<std::string>;
  State told(const ReplyValue& list) const;

  // As a RegisterAccount's.
  std::vector<State> states_ = {std::nullopt};
};

}  // namespace holdfast::simulation
