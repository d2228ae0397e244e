// Attaching: brings our Redis to the state of the log and the tap onto its stream, at the start and whenever Redis or
// the connection to it was lost.
//
//   probe ── same Redis as before ──────────────► tap goes on where it was ─────────────► ready
//     ├───── at the start, marker of this log ──► read the log, claim, tap goes on where the log says ─► ready
//     ├───── it has data, the log has none ─────► claim, full sync: its RDB becomes the base snapshot ─► ready
//     └───── else, or where that fails ─────────► rebuild: feed it snapshot and log, promote, tap ─────► ready
//
// What would lose or mix data is refused with the reason.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "core/replication/feeder.h"
#include "core/replication/log_source.h"
#include "core/replication/tap.h"
#include "core/shard/backend.h"
#include "core/shard/commit_line.h"
#include "core/shard/options.h"
#include "core/shard/probe.h"
#include "core/shard/settler.h"
#include "core/shard/world.h"

namespace holdfast {

class AttachEvents {
 public:
  virtual ~AttachEvents() = default;
  // Redis holds what the log says, or will once the batches that were committed are applied.
  virtual void on_attached() = 0;
  // The connection is back, the Redis is the same: it has executed the batches through `marker`.
  virtual void on_redis_executed_through(Position marker) = 0;
  // The main link must be given up and made anew, as if Redis had closed it.
  virtual void on_main_link_spoilt(const std::string& reason) = 0;
  // Redis will be made anew; what it did beyond the settled position does not count.
  virtual void on_rebuilding() = 0;
  // At the start: the batches that an earlier run left unsettled. Redis has executed those through `executed`.
  virtual void on_tail(std::deque<Replay::Pending> tail, Position executed) = 0;
};

class Attach {
 public:
  Attach(World* world, AttachEvents* events, const ShardOptions& options, Backend* backend, Tap* tap, Settler* settler,
         CommitLine* line);

  void start();
  void work();

  bool ready() const { return stage_ == Stage::kReady; }
  // Whether effects may go into the log: not before the state that they come after is known there.
  bool may_append() const { return !first_; }
  bool busy() const;          // there is more to read at once
  const char* doing() const;  // for people
  const RedisState& redis() const { return redis_; }
  const std::string& log_id() const { return log_id_; }
  // What Redis's marker says as long as no batch is sent.
  const Marker& marker() const { return marker_; }
  // The users as the log had them at the start of this process.
  const RecordedUsers& recorded_users() const { return users_; }

  // Once the connection is made anew.
  void rebuild_next() { must_rebuild_ = true; }

  // Events, handed on by the shard.
  void on_link_up(Link link);
  void on_main_lost(const std::string& reason);
  void on_tap_lost(const std::string& reason);
  void on_tap_continues();
  void on_tap_full_sync(const std::string& replid, int64_t offset);
  void on_tap_rdb(std::string_view piece, bool last);
  void on_feed_connected();
  void on_feed_data(std::string_view data);
  void on_snapshot_saved(const Result<SnapshotRef>& saved);
  void on_snapshot_committed();
  void on_leading();

 private:
  enum class Stage {
    kDown,  // not connected; tries again at retry_ms_
    kConnecting,
    kProbing,
    kLooking,  // whose log is it?
    kReading,  // the log, behind the marker
    kClaiming,
    kTapping,     // PSYNC was sent
    kRebuildDue,  // until the effects that are under way have reached the log
    kFeeding,
    kFed,  // until Redis has acknowledged all of it
    kPromoting,
    kAdopting,   // the RDB of an existing Redis comes in
    kSaving,     // … and is being stored and verified
    kRecording,  // … and named in the log
    kReady,
    kRefused,
  };
  enum class Plan { kResume, kRebuild, kAdopt };

  void probed(Probe::Outcome outcome, const std::string& reason);
  void decide();
  void look_at_log();
  Result<Plan> plan(Position end, bool log_has_writes);
  void retry(const std::string& reason);
  void check_patience(int64_t now);
  void refuse(const std::string& reason);
  void claim(const Chain& chain);
  void read_log(LogSource* source);
  void log_failed(const LogSource& source, const std::string& reason);
  void look_again(const std::string& reason);
  void read_behind_marker();
  bool read_users();
  void resume_tap();
  void connect_tap(const std::string& replid, int64_t offset);
  void start_rebuild(const std::string& reason);
  void begin_feed();
  void pump();
  void promote();
  void adopt();
  void finish();

  World* world_;
  AttachEvents* events_;
  const ShardOptions& options_;
  Backend* backend_;
  Tap* tap_;
  Settler* settler_;
  CommitLine* line_;

  Stage stage_ = Stage::kDown;
  bool first_ = true;     // never been ready
  bool claimed_ = false;  // the commit line was started
  Plan plan_ = Plan::kRebuild;
  RedisState redis_;
  RedisState found_;    // by the probe under way
  std::string run_id_;  // of the Redis that we were ready with
  std::unique_ptr<Probe> probe_;
  std::string log_id_;
  Marker marker_;
  std::unique_ptr<LogSource> source_;  // behind the marker
  std::unique_ptr<Feeder> feeder_;
  RecordedUsers users_;
  std::unique_ptr<LogReader> users_reader_;
  Position target_ = kNoPosition;  // the log is read through here
  std::string tap_replid_;         // where the tap is to go on
  int64_t tap_offset_ = 0;
  bool tap_up_ = false;
  int64_t retry_ms_ = 0;
  int64_t progress_ms_ = 0;  // when the start last came further
  uint64_t pieces_seen_ = 0;
  bool must_rebuild_ = false;
  bool aof_rests_ = false;  // Redis writes an AOF, but not while it is rebuilt
  int64_t tap_retry_ms_ = 0;
  std::string snapshot_;      // the reference to be recorded
  Settled snapshot_settled_;  // at the moment that it is of
  std::string last_reason_;
  std::string log_trouble_;  // why it could not be read when this was tried last
};

}  // namespace holdfast
