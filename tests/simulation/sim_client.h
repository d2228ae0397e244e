// A client: works on its accounts with several requests under way, loses its connection now and then, and comes back.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/resp/reply.h"
#include "tests/simulation/accounts.h"
#include "tests/simulation/sim_world.h"

namespace holdfast::simulation {

struct SimClientOptions {
  int64_t operations = 20;
  int64_t pipeline = 4;                // operations under way at a time, at most
  int64_t think_us = 5 * kMs;          // between operations, at most
  double disconnect_rate = 0;          // for each operation
  double half_close_rate = 0;          // the same: it sends no more, and waits for its replies
  double resp3_rate = 0.3;             // for each connection: it speaks RESP3
  double slow_rate = 0;                // for each connection: it takes its replies a little at a time
  bool no_errors = false;              // every operation must be carried out
  int64_t patience_us = 10 * kSecond;  // no request may wait longer while the proxy is alive
  bool strict = true;                  // what the accounts say counts
  AccountOptions accounts;
};

class SimClient {
 public:
  SimClient(int number, SimClock* clock, Rng* rng, Coverage* coverage, SimWorld* world,
            const SimClientOptions& options);

  void start();
  // All was asked and answered.
  bool done() const { return operations_left_ == 0 && under_way_.empty(); }
  void disconnect();
  // Nothing has been waiting too long.
  void check_patience();
  // The accounts against the final state.
  void check(const Dataset& data);
  uint64_t requests() const { return requests_; }

 private:
  struct UnderWay {
    Account* account;
    Op op;
    size_t replies_due;
    int64_t sent_us;
    bool refused = false;  // a request of it, with an error that says what happened to it
    bool unknown = false;
    bool not_written = false;
  };

  void work();
  void connect();
  void send_next();
  void on_data(std::string_view data);
  void on_closed();
  void on_reply(const ReplyValue& reply);
  void finish(UnderWay done);
  void take_error(UnderWay* under_way, const std::string& text);

  const int number_;
  SimClock* clock_;
  Rng* rng_;
  Coverage* coverage_;
  SimWorld* world_;
  const SimClientOptions options_;
  std::vector<std::unique_ptr<Account>> accounts_;
  int64_t operations_left_;
  std::shared_ptr<SimStream> stream_;
  SessionId session_ = 0;
  Protocol protocol_ = Protocol::kResp2;
  bool greeting_due_ = false;  // the reply to HELLO
  bool half_closed_ = false;
  bool refused_ = false;  // something, since it last asked
  std::string input_;
  ReplyFramer framer_;
  std::deque<UnderWay> under_way_;
  uint64_t requests_ = 0;
};

}  // namespace holdfast::simulation
