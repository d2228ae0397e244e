// Builds a Redis from the log: feeds it the base snapshot and what the log says after it, as its replication master.
// The proxy rebuilds its Redis with it, the recovery tool replays with it.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/command/table.h"
#include "core/replication/feed.h"
#include "core/replication/log_source.h"
#include "core/replication/replay_limit.h"

namespace holdfast {

// What a feeder needs of the world around it.
class FeedPort {
 public:
  virtual ~FeedPort() = default;
  virtual void feed_send(std::string bytes) = 0;
  virtual size_t feed_unsent() = 0;  // bytes given to feed_send() that have not gone out yet
  // Base snapshots. Reading blocks for a read of a local file.
  virtual Result<int64_t> snapshot_size(const SnapshotRef& ref) = 0;
  virtual Result<std::string> snapshot_read(const SnapshotRef& ref, int64_t offset, size_t bytes) = 0;
  virtual std::string random_hex(size_t digits) = 0;
};

// What the replication ids of all feeds from one log begin with: a Redis that was left in the middle of one, before it
// got the marker, is known by it.
inline constexpr size_t kReplidPrefix = 24;
std::string replid_prefix(const std::string& log_id);

class Feeder {
 public:
  // `settled`: batches through here are known to be settled although no record may say so yet.
  Feeder(FeedPort* port, Log* log, std::string log_id, int reserved_db, Position settled, ReplayLimit limit = {});

  // Redis has connected, or sent something. False: it does not behave like a replica.
  void on_connected();
  bool on_data(std::string_view data);

  // Reads the log through `target` and feeds it; true when all of it, or all that the limit admits, has been handed to
  // Redis. For a limit that ends before it, a damaged record is the log's end.
  Result<bool> pump(Position target);
  // The log has been read to its end: also feeds the unsettled batches that a replica may execute as they were logged,
  // up to the first that it may not.
  void feed_unseen(const CommandTable& table);
  // Writes the marker and asks Redis how far it is. True once it has acknowledged all.
  void finish();
  bool acknowledged() const { return finished_ && feed_ && feed_->acknowledged() >= awaited_; }

  // Whether pump()'s error will be the same next time: a damaged log, a base snapshot that is not there.
  bool spoilt() const { return source_.damaged() || no_snapshot_; }

  // Whether the log, as far as it was read, begins with another base snapshot than the one that was fed: the record of
  // an earlier leader that came in late.
  bool outdated() const;

  LogSource& source() { return source_; }
  // After all was fed: where Redis is.
  const std::string& replid() const { return feed_->replid(); }
  int64_t offset() const { return feed_->offset(); }
  const ChainState& fed() const { return fed_; }
  uint64_t pieces_fed() const { return pieces_fed_; }
  bool may_send() const;  // false: too much of what was sent has not gone out yet
  bool rdb_under_way() const { return !feed_ || !rdb_done_; }

 private:
  Result<bool> send_rdb();
  Result<bool> read_on();  // false: there is nothing now
  bool at_end(Position target) const { return source_.position() >= target || cut_short(); }
  bool cut_short() const { return source_.damaged() && limit_.ends_before(source_.damaged_at()); }
  void feed_pending(Replay::Pending pending);
  void feed(const ReplayPiece& piece);
  void send_marker();

  FeedPort* port_;
  std::string log_id_;
  int reserved_db_;
  Position settled_;
  LogSource source_;
  ReplayLimit limit_;
  std::unique_ptr<Feed> feed_;
  std::string base_sent_;
  int64_t rdb_bytes_ = -1;
  int64_t rdb_sent_ = 0;
  bool rdb_done_ = false;
  bool no_snapshot_ = false;
  bool finished_ = false;
  std::string out_;
  int stream_db_ = -1;
  ChainState fed_;  // of the log at the batch that was fed last
  bool marker_due_ = false;
  uint64_t pieces_fed_ = 0;
  int64_t awaited_ = 0;
};

}  // namespace holdfast
