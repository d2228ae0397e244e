// The shard: one node's whole logic. Takes a write through its life (see docs/architecture.md): admitted at the front
// desk, gathered into a batch, committed by the commit line, applied through the backend, compared and settled, and
// only then answered. Events in, actions out (World); no sockets, threads or clocks.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/replication/tap.h"
#include "core/shard/attach.h"
#include "core/shard/backend.h"
#include "core/shard/busy_watch.h"
#include "core/shard/commit_line.h"
#include "core/shard/frontdesk.h"
#include "core/shard/key_events.h"
#include "core/shard/memory_watch.h"
#include "core/shard/options.h"
#include "core/shard/reply_gate.h"
#include "core/shard/script_lines.h"
#include "core/shard/settler.h"
#include "core/shard/user_keeper.h"
#include "core/shard/world.h"

namespace holdfast {

class Shard : public Counter, BackendEvents, CommitLineEvents, TapEvents, AttachEvents {
 public:
  Shard(World* world, const ShardOptions& options);

  // Begins to attach to the Redis and the log. Clients may come at any time; they wait.
  void start();

  // Events. None of the World's actions may call back into these; turn() follows after one or more of them.
  void on_client_connected(SessionId id, Peer peer);
  void on_client_data(SessionId id, std::string_view data);
  void on_client_end(SessionId id);  // it sends no more, but still reads
  void on_client_disconnected(SessionId id);
  void on_link_up(Link link);
  void on_link_data(Link link, std::string_view data);
  void on_link_down(Link link, const std::string& reason);
  void on_feed_connected();  // Redis has connected to the feed's address; replaces an earlier connection
  void on_feed_data(std::string_view data);
  void on_feed_closed();
  void on_snapshot_saved(const Result<SnapshotRef>& saved);

  // Ends a turn of the loop: takes the log's deliveries, moves everything on, and sends what is to be sent. Call after
  // events, when the log's ready callback was called, and every kTickMs without either. True: call it again soon.
  bool turn();
  static constexpr int64_t kTickMs = 20;

  // Reads no more requests and answers what was admitted.
  void drain();
  bool drained() const;

  size_t max_clients() const { return desk_.limits().clients; }

  // For people and metrics.
  struct Status {
    bool ready = false;
    std::string attaching;  // what is being done before it is ready
    uint64_t epoch = 0;
    Position committed = kNoPosition;
    Position settled = kNoPosition;
    size_t batches_waiting = 0;
    size_t clients = 0;
    uint64_t commands = 0, batches = 0, effects_records = 0;
  };
  Status status() const;
  const std::string& log_id() const override { return attach_.log_id(); }

 private:
  // Counter: what the front desk asks for.
  const CommandTable& table() const override { return attach_.redis().table; }
  int databases() const override { return attach_.redis().databases; }
  int reserved_database() const override { return attach_.redis().reserved_db; }
  const std::string& redis_version() const override { return attach_.redis().version; }
  const BuildWords& words() const override { return attach_.redis().words; }
  const char* must_wait() const override;
  std::string refuse_read() const override;
  std::string refuse_write() const override;
  bool over_maxmemory() const override { return memory_.over(); }
  LiveSettings& settings() override { return settings_; }
  const Users& users() const override { return users_.users(); }
  uint64_t users_generation() const override { return users_.generation(); }
  void change_users(const std::vector<std::string_view>& argv, std::function<void(const std::string&)> done) override {
    users_.change(argv, std::move(done));
  }
  void replace_users(std::string_view text, std::function<void(const std::string&)> done) override {
    users_.replace_all(text, std::move(done));
  }
  void read(Session* session, Waiter waiter, uint64_t touches, int db, std::string_view command) override;
  void write(Session* session, Unit unit) override;
  void reads_at_once(Session* session, std::unique_ptr<Unit> unit) override;
  Watches& watches() override { return watches_; }
  OwnCalls& own_calls() override { return backend_.own_calls(); }
  void look(const Unit& reads, std::function<void(Result<std::string>)> then) override;
  bool write_under_way(const std::vector<uint64_t>& keys) const override;
  bool at_rest() const override;
  int64_t log_waiting_ms() const override;
  bool key_events_up() const override { return key_events_.up(); }
  bool script_lines_up() const override { return script_lines_.up(); }
  void release_when_settled(const Waiter& waiter) override;
  const std::string& busy() const override { return busy_.error(); }
  void ask_aside(Protocol protocol, const std::vector<std::string_view>& argv,
                 std::function<void(std::string_view)> then) override {
    busy_.ask(protocol, argv, std::move(then));
  }
  void load_anew(const Waiter& waiter) override;
  void digest(std::string_view command, std::function<void(const std::string& reply)> then) override;
  void ask(int db, std::string_view command, std::string_view user,
           std::function<void(std::string_view)> answer) override;
  void ask_watch(int db, std::string_view command, std::string_view user,
                 std::function<void(std::string_view)> answer) override {
    backend_.ask_watch(db, command, user, std::move(answer));
  }
  void check_password(const std::vector<std::string_view>& argv, std::function<void(std::string_view)> answer) override;

  // Backend
  void on_reply(const Waiter& waiter, std::string_view reply, bool last_piece) override;
  void on_reads_done(ReplyGroup group, int64_t offset) override;
  void on_batch_replied(Batch* batch) override;
  void on_backend_error(const std::string& reason) override;

  // CommitLine
  void on_batch_committed(Batch* batch) override;
  void on_batch_void(Batch* batch, const std::string& reason) override;
  void on_effects_committed() override;
  void on_effects_void() override;
  void on_snapshot_committed() override;
  void on_users_committed(Position position) override { users_.on_committed(position); }
  void on_users_void(const std::string& reason) override { users_.on_void(reason); }
  void on_leading() override;
  void on_fenced(const std::string& reason) override;

  // Tap
  void on_tap_send(std::string bytes) override;
  void on_tap_continues(const std::string& replid) override;
  void on_tap_full_sync(const std::string& replid, int64_t offset) override;
  void on_tap_rdb(std::string_view piece, bool last) override;
  void on_tap_command(const std::vector<std::string_view>& argv, std::string_view raw, int64_t end_offset) override;
  void on_tap_error(const std::string& reason) override;

  // Attach
  void on_attached() override;
  // Redis is there and has the users, too.
  bool serving() const { return attach_.ready() && users_.attached(); }
  void on_redis_executed_through(Position marker) override;
  void on_main_link_spoilt(const std::string& reason) override { redis_lost_ = reason; }
  void on_rebuilding() override;
  void on_tail(std::deque<Replay::Pending> tail, Position executed) override;

  Batch* find_unsent(Session* session, uint64_t before = UINT64_MAX);
  void send_orphans();
  void cut_batch();
  void append_effects();
  void apply_committed();
  void send_batch(Batch* batch);
  void batch_finished(Batch* batch);
  void follow_settings(const std::string& pattern);
  void give_up_unanswered(Batch* batch, std::string_view error);
  void void_batch(Batch* batch, const std::string& reason);
  void show_to_replicas(const Batch* batch, const EffectList& effects, int64_t end_offset);
  void take_tap_progress();
  void answer_loaded_anew();
  void drop_finished();
  void on_sent_again();
  void lose_redis(const std::string& reason);
  void check_time();
  void answer_refused(Batch* batch);
  bool set_aside(Batch* batch);
  void lift_denial(std::string_view refusal);
  void send_set_aside();
  bool end_set_aside(Batch* batch);
  bool takes_memory(const Batch& batch, const Op& op, bool queued) const;
  std::unordered_set<SessionId> sessions_behind(uint64_t serial) const;
  void try_again();
  void stand_in_for_maxmemory();
  void set_maxmemory(int64_t bytes);
  void stop_scripts(Batch* batch);
  void watch_memory();
  void watch_busy();
  void once_seen(std::function<void(int64_t offset, uint64_t removal)> then);
  void take_key_events(std::vector<KeyEvents::Event> events);
  void take_script_lines(std::vector<std::string> lines);
  void tell_settled();
  bool log_stalled() const;
  void note_progress(size_t incomplete);
  std::string too_late(const Session& session, const Session::Oldest& oldest) const;

  World* world_;
  const ShardOptions options_;
  Settler settler_;
  Backend backend_;
  Tap tap_;
  CommitLine line_;
  UserKeeper users_;
  Frontdesk desk_;
  ReplyGate replies_;
  MemoryWatch memory_;
  LiveSettings settings_;
  KeyEvents key_events_;
  ScriptLines script_lines_;
  BusyWatch busy_;
  Attach attach_;

  std::unique_ptr<Batch> gathering_;
  std::deque<std::unique_ptr<Batch>> batches_;  // from kInFlight on, in the order of the log
  uint64_t next_serial_ = 1;
  uint64_t sent_serial_ = 0;  // the batches up to here have been sent to Redis

  Watches watches_;

  // A read that rode along in a batch that became void.
  struct Orphan {
    Op op;
    std::string command;
    uint64_t batch;  // its serial
  };
  std::vector<Orphan> orphans_;
  // What Redis refused only for the company it was in.
  struct Retry {
    Op op;
    std::string command;
    uint64_t batch;          // its serial
    uint64_t record;         // of the EFFECTS which say that the batch did nothing
    std::string_view error;  // for a client that has gone on
  };
  std::deque<Retry> retries_;
  std::string last_marker_;
  int64_t large_moved_ms_ = 0;  // when more of a large value last came from Redis
  bool marker_lost_ = false;    // evicted, or flushed by somebody else
  int64_t denied_ms_ = 0;
  bool denied_ = false;  // Redis denies writes; what helps against it is under way

  std::vector<Waiter> loads_anew_;  // who has asked for it
  int64_t loaded_ms_ = 0;           // when Redis was attached last
  std::string redis_lost_;          // why, to be dealt with at the end of the turn
  int64_t down_since_ms_ = 0;
  int64_t next_check_ms_ = 0, next_ack_ms_ = 0, idle_since_ms_ = 0;
  uint64_t batch_count_ = 0, effects_count_ = 0;
};

}  // namespace holdfast
