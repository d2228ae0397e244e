// The world around the core: simulated links, clients, log, Redis and snapshots, and a proxy that may die at any point.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/record/snapshot_ref.h"
#include "core/shard/shard.h"
#include "core/shard/world.h"
#include "tests/simulation/coverage.h"
#include "tests/simulation/rng.h"
#include "tests/simulation/sim_clock.h"
#include "tests/simulation/sim_log.h"
#include "tests/simulation/sim_redis.h"
#include "tests/simulation/sim_stream.h"

namespace holdfast::simulation {

struct SimWorldOptions {
  ShardOptions shard;
  SimRedisOptions redis;
  SimLogOptions log;
  int64_t latency_us = 200;  // of all connections
  bool check_tokens = true;  // false where values are cut into parts, which may cut a token in two
  bool trace = false;
};

class SimWorld : public World {
 public:
  SimWorld(SimClock* clock, Rng* rng, Coverage* coverage, const SimWorldOptions& options);
  ~SimWorld() override;

  // The proxy's process.
  void start_proxy();
  bool proxy_up() const { return shard_ != nullptr; }
  Shard* shard() { return shard_.get(); }
  // It dies soon: after `actions` more actions, which may be in the middle of a turn, and is started again later.
  void crash_proxy(int64_t actions, int64_t restart_us);

  // It is told to stop: it answers what it has admitted, and is started again.
  void drain_proxy(int64_t restart_us);

  // A client connects; nullptr: refused. Its end is 0. A slow one takes its replies a little at a time.
  std::shared_ptr<SimStream> connect_client(bool slow, SessionId* session);
  // Whether the proxy may still get something from this session.
  bool session_alive(SessionId session) const { return sessions_.contains(session); }

  void cut_link(Link link);
  // May change what Redis sends, before the proxy sees it: `from` is "main", "tap", "events", "aside" or "feed".
  using Tamper = std::function<void(std::string_view from, std::string* bytes)>;
  void set_tamper(Tamper tamper) { tamper_ = std::move(tamper); }
  void set_snapshot_faults(bool on) { snapshot_faults_ = on; }

  SimRedis& redis() { return redis_; }
  SimLog& sim_log() { return log_; }
  const std::map<std::string, std::string>& snapshots() const { return snapshots_; }

  // What went wrong so far; empty: nothing.
  const std::string& failure() const { return failure_; }
  void fail(const std::string& what);
  void trace(const std::string& text);
  bool tracing() const { return options_.trace; }
  const std::deque<std::string>& traced() const { return traced_; }
  // Unique values that clients were told of.
  const std::unordered_set<std::string>& told() const { return told_; }

  // World
  int64_t unix_ms() override { return clock_->unix_ms(); }
  int64_t monotonic_ms() override { return 1000 + clock_->now_us() / kMs; }
  void link_connect(Link link) override;
  void link_send(Link link, std::string bytes) override;
  void link_close(Link link) override;
  std::string feed_host() override { return "proxy"; }
  int feed_port() override { return 7000; }
  void feed_send(std::string bytes) override;
  void feed_close() override;
  size_t feed_unsent() override { return 0; }
  void client_send(SessionId client, std::string bytes) override;
  size_t client_unsent(SessionId client) override;
  void client_close(SessionId client) override;
  void client_cut(SessionId client) override;
  void client_hold(SessionId client, bool hold) override;
  Log& log() override { return log_; }
  void snapshot_begin() override;
  void snapshot_data(std::string_view piece) override;
  void snapshot_end() override;
  Result<int64_t> snapshot_size(const SnapshotRef& ref) override;
  Result<std::string> snapshot_read(const SnapshotRef& ref, int64_t offset, size_t bytes) override;
  Result<Done> copy_begin() override {
    copy_.clear();
    return Done{};
  }
  Result<Done> copy_write(std::string_view piece) override {
    copy_ += piece;
    return Done{};
  }
  Result<std::string> copy_read(int64_t offset, size_t bytes) override {
    return copy_.substr(static_cast<size_t>(offset), bytes);
  }
  void copy_end() override { copy_.clear(); }
  std::string random_hex(size_t digits) override { return rng_->hex(digits); }
  std::string copy_;  // of Redis's data, for replicas
  const std::string& users_file() override { return no_file_; }
  Result<std::string> read_users() override { return Error{"there is none"}; }
  Result<Done> write_users(const std::string&) override { return Error{"there is none"}; }
  void note(Level level, const std::string& text) override;
  void fatal(const std::string& reason) override;

 private:
  static std::string name_of(Link link);
  std::string received(const std::string& from, std::string_view data);
  struct LinkState {
    std::shared_ptr<SimStream> stream;
    uint64_t number = 0;  // of the connection
  };
  struct SessionState {
    std::shared_ptr<SimStream> stream;
    bool held = false;
    bool peer_closed = false;
    bool peer_ended = false;
    std::string waiting;  // bytes that came while it was held
    std::string unsent;   // what a slow client has not taken yet
    bool slow = false;
    bool closing = false;  // once that is gone
  };

  // Lets the shard know of something, if it is still the same process.
  void event(uint64_t life, const std::function<void(Shard*)>& tell);
  void wake();
  void turn();
  void tick(uint64_t life);
  void end_process();
  bool may_act();
  void session_closed(SessionId id);
  void session_ended(SessionId id);
  void take_unsent(SessionId id);
  void close_session(SessionId id);
  std::shared_ptr<SimStream> connect_feed();
  void learn_tokens(const LogEntry& entry);
  void check_tokens(std::string_view reply);

  SimClock* clock_;
  const std::string no_file_;
  Rng* rng_;
  Coverage* coverage_;
  const SimWorldOptions options_;
  SimLog log_;
  SimRedis redis_;
  std::unique_ptr<Shard> shard_;

  uint64_t life_ = 0;
  bool turn_due_ = false;
  int64_t actions_left_ = INT64_MAX;
  int64_t restart_us_ = 0;
  int64_t draining_since_us_ = -1;
  LinkState links_[kLinks];
  std::shared_ptr<SimStream> feed_;
  uint64_t feed_number_ = 0;
  std::map<SessionId, SessionState> sessions_;
  SessionId next_session_ = 1;
  bool snapshot_faults_ = false;
  std::string snapshot_;
  std::map<std::string, std::string> snapshots_;
  Tamper tamper_;

  std::string failure_;
  std::deque<std::string> traced_;
  std::unordered_set<std::string> logged_, told_;
};

// Calls `found` for each unique value in `text`: those that clients write (v…) and those that Redis draws (t…, w…, d…).
void for_each_token(std::string_view text, const std::function<void(std::string_view)>& found);

}  // namespace holdfast::simulation
