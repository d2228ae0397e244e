// The replicas of Holdfast: stock Redis servers and tools that follow its stream as that of any Redis. They get a copy
// of the data and then what is settled, or only the latter where they have been before. What a replica does not take is
// kept for it once for all of them, up to a limit. Source: replication.c of Redis (syncCommand, replconfCommand,
// replicationCron).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/replication/replica_stream.h"
#include "core/shard/client_limits.h"
#include "core/shard/data_copy.h"
#include "core/shard/world.h"

namespace holdfast {

class Replicas {
 public:
  explicit Replicas(World* world) : world_(world), copy_(world, &stream_) {}

  // What Redis calls repl-timeout, repl-ping-replica-period, repl-backlog-size and repl-backlog-ttl.
  static constexpr int64_t kTimeoutMs = 60'000;
  static constexpr int64_t kPingMs = 10'000;
  static constexpr size_t kBacklogBytes = 1 << 20;
  static constexpr int64_t kKeptMs = 3'600'000;

  bool active() const { return stream_.active(); }
  bool empty() const { return replicas_.empty(); }
  bool has(SessionId id) const { return replicas_.contains(id); }

  // REPLCONF: the reply; empty: none.
  std::string configure(SessionId id, const std::vector<std::string_view>& argv);
  // PSYNC and SYNC: the client is a replica from now on. `address`: of the connection, without its port.
  void follow(SessionId id, const std::vector<std::string_view>& argv, std::string_view address);
  // It has sent something.
  void on_heard(SessionId id);
  void forget(SessionId id);
  // Redis was made anew: what replicas have might not be what it has.
  void restart();

  void add(ReplicaStream::Effects effects) { stream_.add(std::move(effects)); }
  DataCopy& copy() { return copy_; }
  // Every turn.
  void work(const RedisView& redis, const OutputLimit& limit, int64_t ping_ms);

  // For WAIT: whether all that had been seen in Redis by then has come out, and how many have confirmed as much.
  int64_t seen_through() const { return stream_.seen_through(); }
  bool passed(int64_t redis_offset) const { return stream_.passed(redis_offset); }
  int64_t offset() const { return stream_.offset(); }
  int64_t kept_from() const { return stream_.kept_from(); }
  int64_t confirmed(int64_t offset) const;
  void ask_confirmation();

  // For INFO and ROLE.
  struct Line {
    std::string address;
    int port;
    bool online;
    int64_t offset;
    int64_t lag_seconds;
  };
  std::vector<Line> lines() const;
  // That keep up: online, and heard of within so many seconds.
  int64_t good(int64_t max_lag_seconds) const;
  const std::string& replid() const { return stream_.replid(); }

 private:
  struct Replica {
    enum class State { kWaiting, kCopying, kOnline };
    State state = State::kWaiting;
    int64_t sent = 0;        // of the stream, or from where on it is kept for it
    int64_t copied = 0;      // of the copy
    bool confirms = false;   // it came with PSYNC
    int64_t confirmed = -1;  // nothing yet: a copy that was sent is not loaded yet
    int64_t heard_ms = 0;    // when it last confirmed, or took something
    size_t unsent = 0;       // at that time
    OutputWatch output;
  };
  // What a client says of itself before it follows.
  struct Announced {
    std::string address;
    int port = 0;
    bool psync2 = false;
    bool only_copy = false;
  };

  int64_t lag_seconds(const Replica& replica) const;
  bool resume(SessionId id, Replica* replica, std::string_view replid, std::string_view offset);
  void pump(SessionId id, Replica* replica);
  void send_copy(SessionId id, Replica* replica);
  bool too_slow(SessionId id, Replica* replica, const OutputLimit& limit);
  void serve_copy(const RedisView& redis);
  void tick(int64_t ping_ms);

  World* world_;
  ReplicaStream stream_;
  DataCopy copy_;
  std::unordered_map<SessionId, Announced> announced_;
  std::unordered_map<SessionId, Replica> replicas_;
  std::vector<SessionId> leaving_;
  int64_t pinged_ms_ = 0, next_tick_ms_ = 0, retry_copy_ms_ = 0;
  int64_t alone_since_ms_ = 0;
};

}  // namespace holdfast
