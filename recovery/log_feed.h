// Makes a Redis hold the log's state: becomes its replication master, feeds it the base snapshot and the log, and waits
// until it has taken all of it in.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "core/replication/feeder.h"
#include "recovery/feed_server.h"
#include "recovery/prefetch_log.h"
#include "recovery/progress.h"
#include "recovery/redis_client.h"
#include "recovery/snapshot_files.h"

namespace holdfast {

class LogFeed : private FeedPort {
 public:
  struct Order {
    Log* log = nullptr;
    std::string log_id;
    Position end = 0;  // of the log, as known
    Position to_position = std::numeric_limits<Position>::max();
    int64_t to_time_ms = std::numeric_limits<int64_t>::max();
    int reserved_db = 0;
    std::string snapshots;
    Address feed_address{"127.0.0.1", 0, ""};
    std::shared_ptr<const TlsContext> feed_tls;  // nullptr: without TLS
    ChainState expected;                         // a state that the log must have had
    // A batch that should be fed as it was settled: where the log does not say so yet, waits a while until it does.
    Position settled_wanted = kNoPosition;
  };
  struct Outcome {
    ChainState fed;  // at the batch that was fed last
    bool expectation_met = false;
    size_t leader_only = 0;  // batches at the end that only a leader may execute
    uint64_t entries = 0;    // of the log, read
    uint64_t bytes = 0;
  };

  explicit LogFeed(Order order);

  // `redis` is left a replica of this feed.
  Result<Outcome> run(RedisClient* redis, Progress* progress);

 private:
  enum class Stage { kConnecting, kFeeding, kWaiting, kFed };

  // FeedPort
  void feed_send(std::string bytes) override;
  size_t feed_unsent() override { return server_->unsent(); }
  Result<int64_t> snapshot_size(const SnapshotRef& ref) override { return snapshots_.size(ref); }
  Result<std::string> snapshot_read(const SnapshotRef& ref, int64_t offset, size_t bytes) override;
  std::string random_hex(size_t digits) override;

  void begin_feeder();
  Result<Done> handle(const FeedServer::Turn& turn);
  Result<Done> feed(const CommandTable& table);
  Result<bool> is_waited_for();
  bool limit_reached() const;
  size_t leader_only() const;
  Result<Done> check_patience() const;

  using Clock = std::chrono::steady_clock;

  Order order_;
  PrefetchLog log_;
  SnapshotFiles snapshots_;
  std::unique_ptr<FeedServer> server_;
  std::unique_ptr<Feeder> feeder_;
  Stage stage_ = Stage::kConnecting;
  Clock::time_point last_sign_;      // of life
  Clock::time_point wait_deadline_;  // for what is to be settled
  std::optional<std::string> wrong_stream_;
};

}  // namespace holdfast
