// A copy of Redis's data for replicas that have none: an RDB, which Redis sends as to any replica, without the reserved
// database. It counts once the log holds all that it shows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/replication/rdb_tail.h"
#include "core/replication/replica_stream.h"
#include "core/replication/tap.h"
#include "core/shard/world.h"

namespace holdfast {

// How Redis and the log stand.
struct RedisView {
  bool ready = false;
  const std::string& replid;  // of Redis's stream
  int64_t settled_offset = 0;
  uint64_t removals_committed = 0;  // see Settler
  uint64_t newest_removal = 0;
  int reserved_db = 0;
  const std::string& password;  // of Holdfast's own user
};

class DataCopy : TapEvents {
 public:
  DataCopy(World* world, ReplicaStream* stream) : world_(world), stream_(stream), tap_(this) {}

  // Asks Redis for one.
  void begin(std::string password);
  void drop();
  void on_link_up();
  void on_link_data(std::string_view data) { tap_.on_data(data); }
  void on_link_down(const std::string& reason) { fail(reason); }
  void work(const RedisView& redis);

  bool idle() const { return stage_ == Stage::kNone; }
  bool failed() const { return stage_ == Stage::kFailed; }
  const std::string& reason() const { return reason_; }
  bool ready() const { return stage_ == Stage::kReady; }

  // Of one that is ready.
  int64_t size() const { return size_; }
  Result<std::string> read(int64_t offset, size_t bytes) const;
  // Where in the stream a replica goes on that has got it.
  int64_t place() const { return place_; }

 private:
  enum class Stage {
    kNone,
    kAsked,
    kComing,
    kUnsettled,  // it is here, but shows what the log does not hold yet
    kReady,
    kFailed,
  };

  void on_tap_send(std::string bytes) override { world_->link_send(Link::kCopy, std::move(bytes)); }
  void on_tap_continues(const std::string&) override { fail("Redis sent no copy of its data"); }
  void on_tap_full_sync(const std::string& replid, int64_t offset) override;
  void on_tap_rdb(std::string_view piece, bool last) override;
  void on_tap_command(const std::vector<std::string_view>&, std::string_view, int64_t) override {}
  void on_tap_error(const std::string& reason) override { fail(reason); }

  void fail(const std::string& reason);
  void cut(int reserved_db);

  World* world_;
  ReplicaStream* stream_;
  Tap tap_;
  Stage stage_ = Stage::kNone;
  std::string password_, reason_;
  std::string replid_;  // of Redis
  int64_t redis_offset_ = 0;
  int64_t received_ = 0;
  bool placed_ = false;
  int64_t place_ = 0;
  uint64_t removal_ = 0;
  bool whole_ = false;
  bool cut_done_ = false;
  int64_t head_ = 0;  // so much of it comes first
  std::string tail_;  // and then this
  int64_t size_ = 0;
};

}  // namespace holdfast
