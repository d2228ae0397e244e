// Accounts: keys that one client alone writes, and what may be seen in them. An account knows of each of its operations
// whether it happened, did not, or may have, and from that which states are possible. What cannot be is a failure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/resp/reply.h"
#include "tests/simulation/rng.h"
#include "tests/simulation/sim_dataset.h"

namespace holdfast::simulation {

using Words = std::vector<std::string>;

// One operation of an account: a request, or a transaction of several.
struct Op {
  enum class Outcome { kDone, kNotWritten, kUnknown };

  std::vector<Words> requests;
  int kind = 0;
  bool blocks = false;  // who stops sending meanwhile is taken to have left, as Redis does
  std::string value;
  int64_t number = 0;
  int64_t sent_ms = 0, answered_ms = 0;  // Unix time
  ReplyValue reply;                      // to the last request
};

class Account {
 public:
  using Fail = std::function<void(const std::string&)>;

  Account(std::string key, Fail fail) : key_(std::move(key)), fail_(std::move(fail)) {}
  virtual ~Account() = default;

  virtual Op next(Rng* rng) = 0;
  // What became of it; called in the order of next().
  virtual void settle(const Op& op, Op::Outcome outcome) = 0;
  // Until its next operation is sent, nothing else may be on this connection.
  virtual bool exclusive() const { return false; }
  // Whether next() can be called.
  virtual bool due() const { return true; }
  virtual void disconnected() {}
  // Whether an error in reply to a well-formed operation is a failure.
  virtual bool strict() const { return true; }
  // Compares with what is there in the end, at the time `now_ms`.
  virtual void check(const Dataset& data, int64_t now_ms) = 0;

 protected:
  void fail(const std::string& what) const { fail_(key_ + ": " + what); }
  // A value that is written once.
  std::string unique() { return "v" + key_.substr(1) + "." + std::to_string(++uniques_); }
  static const Value* find(const Dataset& data, int db, const std::string& key);

  const std::string key_;

 private:
  Fail fail_;
  int uniques_ = 0;
};

// A key that all clients count up with WATCH, GET and MULTI, SET, EXEC: no update may be lost.
struct SharedCounter {
  std::set<int64_t> written;  // by an EXEC that said so
  int64_t unknown = 0;        // more that may have been
};

// A list into which all clients push, and from which all take with BLPOP: each element is taken once.
struct SharedQueue {
  std::map<std::string, bool> pushed;  // whether it is certain
  std::set<std::string> taken;
  int64_t unknown_pops = 0;  // that may have taken one
};

struct AccountOptions {
  SharedQueue* queue = nullptr;
  SharedCounter* shared = nullptr;
  bool volatile_keys_vanish = false;  // eviction of keys with a TTL
  int64_t big_value = 0;              // some values are as large as this
  bool listener = false;              // somebody hears what is published
  bool flushes = false;               // FLUSHALL and FLUSHDB: then nothing can be said of single keys
};
// The accounts of client number `client`.
std::vector<std::unique_ptr<Account>> make_accounts(int client, const AccountOptions& options,
                                                    const Account::Fail& fail);

}  // namespace holdfast::simulation
