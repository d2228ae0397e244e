// The front desk: all client sessions. Frames their requests, decides on each (admission: "refuse before the log"),
// answers what needs no Redis, and hands reads and writes on.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/cluster/topology.h"
#include "core/command/table.h"
#include "core/result.h"
#include "core/shard/batch.h"
#include "core/shard/blocking.h"
#include "core/shard/build_words.h"
#include "core/shard/client_limits.h"
#include "core/shard/client_memory.h"
#include "core/shard/client_pause.h"
#include "core/shard/live_settings.h"
#include "core/shard/monitors.h"
#include "core/shard/pubsub.h"
#include "core/shard/replicas.h"
#include "core/shard/script_cache.h"
#include "core/shard/session.h"
#include "core/shard/tracking.h"
#include "core/shard/users.h"
#include "core/shard/watches.h"
#include "core/shard/world.h"
#include "core/stats/own_calls.h"
#include "core/stats/statistics.h"

namespace holdfast {

struct Visible;

// What is behind the desk.
class Counter {
 public:
  virtual ~Counter() = default;

  virtual const CommandTable& table() const = 0;
  virtual int databases() const = 0;  // of Redis, the reserved one included
  virtual int reserved_database() const = 0;
  virtual const std::string& redis_version() const = 0;
  virtual const BuildWords& words() const = 0;
  virtual const std::string& log_id() const = 0;  // empty: not known yet

  // nullptr, or why requests must wait now, in a few words.
  virtual const char* must_wait() const = 0;
  // Empty, or the error (without "-") for a read or a write that need not even wait.
  virtual std::string refuse_read() const = 0;
  virtual std::string refuse_write() const = 0;
  virtual bool over_maxmemory() const = 0;
  virtual LiveSettings& settings() = 0;

  virtual void read(Session* session, Waiter waiter, uint64_t touches, int db, std::string_view command) = 0;
  // Ops that go into one batch, together. Their offset and length refer to `bytes`.
  virtual void write(Session* session, Unit unit) = 0;
  // Reads that go to Redis in one transaction.
  virtual void reads_at_once(Session* session, std::unique_ptr<Unit> unit) = 0;
  virtual Watches& watches() = 0;
  // Asks Redis for Holdfast itself: single reads. `then` gets the replies, one behind the other, once all that had
  // happened in Redis by then has been seen; or why there are none. Only for a session without writes under way: it
  // would overtake them.
  virtual void look(const Unit& reads, std::function<void(Result<std::string> replies)> then) = 0;
  // Whether a write to one of the keys (hashes) is under way whose effects have not been seen yet.
  virtual bool write_under_way(const std::vector<uint64_t>& keys) const = 0;
  // Whether Redis has executed all that was admitted, and the log holds all that has been seen of it.
  virtual bool at_rest() const = 0;
  // For how long the log has not confirmed what it was given first; 0: nothing is under way.
  virtual int64_t log_waiting_ms() const = 0;
  // Whether Redis tells its keyspace notifications, once they are wanted.
  virtual bool key_events_up() const = 0;
  virtual bool script_lines_up() const = 0;  // likewise what scripts do
  // A reply that says something of what has been seen so far leaves when the log holds all that.
  virtual void release_when_settled(const Waiter& waiter) = 0;
  // What Holdfast itself has Redis do.
  virtual OwnCalls& own_calls() = 0;
  // What Redis says to all (without "-") while a script runs on; else "".
  virtual const std::string& busy() const = 0;
  // Asks Redis past such a script. `then` gets one whole reply.
  virtual void ask_aside(Protocol protocol, const std::vector<std::string_view>& argv,
                         std::function<void(std::string_view reply)> then) = 0;
  // Redis's data is thrown away and made anew from the log; then the waiter is told OK.
  virtual void load_anew(const Waiter& waiter) = 0;
  // DEBUG DIGEST, `command`, as if Redis held nothing but the clients' data. Only at rest. `then` gets its reply.
  virtual void digest(std::string_view command, std::function<void(const std::string& reply)> then) = 0;
  // Whether Redis would take the command; see Backend::ask.
  virtual void ask(int db, std::string_view command, std::string_view user,
                   std::function<void(std::string_view refusal)> answer) = 0;
  virtual void ask_watch(int db, std::string_view command, std::string_view user,
                         std::function<void(std::string_view refusal)> answer) = 0;

  virtual const Users& users() const = 0;
  // Grows with each change of them.
  virtual uint64_t users_generation() const = 0;
  // ACL SETUSER and DELUSER. `done` gets the reply.
  virtual void change_users(const std::vector<std::string_view>& argv,
                            std::function<void(const std::string& reply)> done) = 0;
  // ACL LOAD: the text of an ACL file.
  virtual void replace_users(std::string_view text, std::function<void(const std::string& reply)> done) = 0;
  // A client's AUTH.
  virtual void check_password(const std::vector<std::string_view>& argv,
                              std::function<void(std::string_view reply)> then) = 0;
};

// What Redis says to a write that takes memory it may not use.
constexpr std::string_view kOverMaxmemory = "OOM command not allowed when used memory > 'maxmemory'.";

class Frontdesk {
 public:
  Frontdesk(World* world, Counter* counter, FrontdeskLimits limits, ClusterOptions cluster = {})
      : world_(world),
        counter_(counter),
        limits_(limits),
        cluster_(std::move(cluster)),
        statistics_([world] { return world->monotonic_us(); }, [world] { return world->unix_ms() / 1000; }),
        blocking_(world, this, counter),
        replicas_(world) {}

  void on_connected(SessionId id, Peer peer);
  void on_data(SessionId id, std::string_view data);
  // It sends no more, but reads on: what it has sent is answered, then it is closed.
  void on_end(SessionId id);
  void on_disconnected(SessionId id);

  Session* find(SessionId id);           // nullptr: it has left
  Session* find_number(int64_t number);  // the same
  void answer(Session* session, std::string_view reply);
  // A reply that says something of what has been seen in Redis.
  void answer_when_settled(Session* session, std::string_view reply);
  // What could be closed by now is looked at at the end of the turn.
  void touch(Session* session);
  // An EXEC has waited too long for writes that are under way, or keys migrate: no new requests, until that is over.
  bool holding() const { return holding_; }
  void on_redis_rebuilt(int64_t settled_offset, uint64_t removals_committed);

  // What Redis has executed, as the tap shows it; and where what belongs together ends.
  void on_touched(const Touched& touched);
  void on_unit_end(const Batch* batch, int64_t offset, uint64_t removal) {
    if (!tracking_.empty()) tracking_.on_unit_end(batch, offset, removal);
  }
  bool wants_published() const { return !pubsub_.empty(); }
  void on_published(PubSub::Message message);
  bool wants_key_events() const { return pubsub_.wants_key_events(); }
  bool wants_script_lines() const { return monitors_.wanted(); }
  void on_script_line(Monitors::ScriptLine line) { monitors_.on_script_line(std::move(line)); }
  // Messages and invalidations that may leave.
  void deliver(int64_t settled_offset, uint64_t removals_committed);
  Replicas& replicas() { return replicas_; }
  void serve_replicas(const RedisView& redis);
  // Whether that is of interest.
  bool wants_touched() const { return !blocking_.empty() || !tracking_.empty() || !migrating_.empty(); }

  // Replies from behind the desk.
  void on_reply(const Waiter& waiter, std::string_view reply);
  void release(const Waiter& waiter);
  void restart_reply(const Waiter& waiter);
  void give_up(const Waiter& waiter, std::string_view error);  // `error` without "-" and line end

  // Redis is busy with a script: this read, which waits behind it, is answered so, as any that comes now.
  void refuse_busy(const Waiter& waiter);

  void on_users_changed();

  // What a Redis that comes back must be told again.
  const ScriptCache& script_cache() const { return script_cache_; }

  // Redis was lost before it could answer what it was asked.
  void on_asked_lost(std::string_view error);

  // Goes on with those that had to wait. Called every turn.
  void resume();
  // Sends what may leave. Called at the end of every turn.
  void flush();
  // Answers what has waited too long; see `too_late`, which gives the error (without "-"), or "" to wait on.
  void check_deadlines(int64_t now_ms) { blocking_.check_deadlines(now_ms); }
  void check_blocked(int64_t now_ms, int64_t write_timeout_ms) { blocking_.check_time(now_ms, write_timeout_ms); }
  void check_time(int64_t now_ms, const std::function<std::string(const Session&, const Session::Oldest&)>& too_late);

  // No more requests are read; true once all that were are answered.
  void drain();
  bool drained() const;

  // The op for a command, but for who waits for it.
  Op make_op(const CommandInfo* info, int db, const std::vector<std::string_view>& argv) const;

  size_t count() const { return sessions_.size(); }
  const FrontdeskLimits& limits() const { return limits_; }
  uint64_t commands() const { return commands_; }
  Statistics& statistics() { return statistics_; }

 private:
  friend class LocalCommands;
  using Argv = std::vector<std::string_view>;

  void serve(Session* session, std::string_view fresh);
  bool blocked(const Session& session) const;
  bool paused(const Session& session, const Argv& argv);
  void work_on_pause();
  ScriptFlags flags_of_script(const CommandInfo& info, const Argv& argv) const;
  bool takes_memory(const CommandInfo& info, const Argv& argv) const;
  bool too_few_replicas() const;
  void run_reading(Session* session, const CommandInfo& reader, const Argv& argv);
  uint64_t connected() const { return static_cast<uint64_t>(next_number_ - 1 - connected_before_); }
  int told_databases() const;
  Visible visible_to(const Session& session);
  void reset_counts();
  void park(Session* session);
  size_t blocked_clients() const;
  void close_for_size(Session* session);
  void give_up_asking(Session* session, std::string_view error);
  void reply_error(Session* session, std::string_view text);

  // dispatch.cc: what happens to a request.
  void dispatch(Session* session, const Argv& argv, std::string_view command);
  void admit(Session* session, const CommandInfo* info, const Argv& argv, std::string_view command);
  void ask_redis(Session* session, std::string_view command);
  void forward(Session* session, const CommandInfo* info, const Argv& argv, std::string_view command);
  void forward_read(Session* session, const CommandInfo* info, int db, const Argv& argv, std::string_view command,
                    Filter filter = Filter::kNone);
  void refuse(Session* session, std::string_view error);
  void reject(Session* session, const CommandInfo* info, std::string_view error);
  void refuse_with(Session* session, std::string_view reply);
  void begin_asking(Session* session);
  Session* still_asking(SessionId id, uint64_t question);
  void decide_permitted(Session* session, const CommandInfo* info, const Argv& argv, std::string_view command);
  void decide(Session* session, const CommandInfo* info, const Argv& argv, std::string_view command);
  static bool refused_while_busy(const CommandInfo* info, const Argv& argv);
  void ask_aside(Session* session, const Argv& argv);
  bool only_subscribes(Session* session, const CommandInfo& info);
  std::string why_not(const CommandInfo* info, const Argv& argv) const;
  void wait_or_forward(Session* session, const CommandInfo* info, const Argv& argv, std::string_view command);
  void admit_write(Session* session, Unit unit);
  void add_receivers(const CommandInfo* info, const Argv& argv, Waiter* waiter) const;
  void rewrite_for_log(const CommandInfo* info, const Argv& argv, std::string_view command, std::string* out,
                       Op* op) const;

  // deliveries.cc: what clients get without having asked for it at this moment.
  void push(Session* session, std::string bytes);
  const OutputLimit& output_limit(const Session& session) const;
  void check_output(Session* session, bool pushed);
  void deliver_messages(int64_t settled_offset, uint64_t removals_committed);
  void charge_messages();
  void uncharge(const PubSub::Message& message);
  void drop_unwanted_messages();
  void deliver_invalidations(int64_t settled_offset, uint64_t removals_committed);
  void deliver_script_lines(int64_t settled_offset, uint64_t removals_committed);
  void note_read(Session* session, uint64_t slot, const CommandInfo* info, const Argv& argv);
  void show_to_monitors(const Session& session, const CommandInfo* info, const Argv& argv);
  void begin_monitoring(Session* session);

  // client_eviction.cc
  ClientMemory memory_of(const Session& session) const;
  void account(Session* session);
  void account_unsent(Session* session);
  void refresh_memory(int64_t now_ms);
  void choose_memory_limit();
  bool clients_take_too_much() const;
  void evict_clients();
  void evict(Session* session, const std::string& limit);
  void cut(Session* session);

  // user_commands.cc: AUTH, ACL, and who may do what.
  bool default_is_open() const;
  void sign_out(Session* session);
  void sign_in_by_certificate(Session* session);
  bool must_sign_in(const Session& session) const;
  void sign_in(Session* session, const Argv& auth, std::function<void(Session*, const std::string&)> then);
  void authenticate(Session* session, const Argv& argv);
  void say_hello(Session* session, const Argv& argv);
  bool needs_permission(const Session& session, const CommandInfo& info, const Argv& argv) const;
  void ask_permission(Session* session, const CommandInfo& info, const Argv& argv, std::string_view command);
  void act_for(const Session& session, const CommandInfo* info, bool changed, Op* op) const;
  static bool changes_users(const Argv& argv);
  void change_users(Session* session, const Argv& argv);
  std::function<void(const std::string&)> begin_change(Session* session);
  void load_users(Session* session);
  void end_loaded(const Users& before);
  void limit_request(Session* session) const;
  void note_refusal(Session* session, const std::string& user, std::string_view reply);
  void check_subscriptions(const Session& session);

  // protected_mode.cc
  void come_to_the_door(Session* session);
  bool let_in(Session* session);

  // replica_commands.cc: SYNC and its like, WAIT.
  void follow(Session* session, const Argv& argv);
  void on_replica_request(Session* session, const Argv& argv);
  void wait_for_replicas(Session* session, const Argv& argv);

  // cluster_commands.cc
  struct SlotScan;
  std::string why_not_in_cluster(const CommandInfo& info, const Argv& argv) const;
  bool looks_at_slot(const CommandInfo& info, const Argv& argv) const;
  void scan_slot(Session* session, const Argv& argv);
  void scan_on(Session* session, const std::shared_ptr<SlotScan>& scan);

  // debug_commands.cc
  static bool loads_anew(const CommandInfo& info, const Argv& argv);
  void load_anew(Session* session, std::string_view command);
  void digest(Session* session, std::string_view command);
  void ask_leave(Session* session, std::string_view command,
                 std::function<void(Session* session, std::string_view refusal)> then);
  void with_leave(Session* session, std::string_view command, std::function<void(Session* session)> then);

  // config_commands.cc
  std::string not_set(std::string_view name, std::string_view value, std::string_view reason) const;
  void set_config(Session* session, const Argv& argv);
  // Where clients come in: what of it is to change.
  struct Doors {
    std::optional<int> port;
    TlsSettingValues tls;
  };
  std::string open_doors(const Doors& doors);
  std::string open_without_tls(std::optional<int> port);
  std::string open_with_tls(const TlsSettingValues& tls);
  Doors doors_now(const Doors& wanted);
  void set_config_but(Session* session, const Argv& all, const std::vector<size_t>& fixed);
  void set_requirepass(Session* session, const std::string& password);
  void set_client_settings(const std::map<std::string, std::string>& settings);

  // transactions.cc: MULTI, EXEC, WATCH.
  void queue(Session* session, const CommandInfo* info, const Argv& argv, std::string_view command);
  bool any_queued(const Transaction& transaction,
                  const std::function<bool(const CommandInfo* info, const Argv& argv)>& what) const;
  void execute(Session* session);
  void carry_out(Session* session, const Transaction& transaction);
  void watch(Session* session, const Argv& argv);
  void begin_watch(Session* session, const std::vector<std::string>& keys);
  bool check_watches(Session* session);
  void abort_execution(Session* session);
  void look(Session* session, const Unit& reads, std::function<void(Session*, const std::string&)> then);
  void wait_for(Session* session, std::function<bool()> step);

  // migrate_command.cc
  void migrate(Session* session, const CommandInfo* info, const Argv& argv, std::string_view command);
  void transfer(Session* session);
  void remove_migrated(Session* session);
  std::shared_ptr<Migration> end_migration(Session* session);
  std::string give_up_migration(Session* session, std::string_view error);

  World* world_;
  Counter* counter_;
  FrontdeskLimits limits_;
  const ClusterOptions cluster_;
  Statistics statistics_;
  Blocking blocking_;
  PubSub pubsub_;
  std::deque<PubSub::Message> messages_;  // seen, not known to be settled
  size_t charged_messages_ = 0;           // the first of them
  Tracking tracking_;
  Replicas replicas_;
  ScriptCache script_cache_;
  Monitors monitors_;
  std::deque<SessionId> migrating_;  // one after the other, as Redis would
  bool users_known_ = false;
  std::map<std::string, std::string> refused_;  // who was refused something last: by user, its line of CLIENT LIST
  ClientPause pause_;
  std::unordered_map<SessionId, std::unique_ptr<Session>> sessions_;
  Session* last_found_ = nullptr;  // replies often come in runs for one client
  std::vector<SessionId> at_the_door_;
  std::vector<SessionId> parked_;
  std::vector<SessionId> stepping_;  // those with a step to be tried
  std::vector<SessionId> to_flush_;
  size_t reply_bytes_ = 0;  // of all sessions, as far as accounted for
  ClientMemorySum memory_;
  size_t memory_limit_ = 0;  // maxmemory-clients in bytes; 0: none
  uint64_t evicted_ = 0;     // by it
  bool draining_ = false;
  bool holding_ = false;
  uint64_t commands_ = 0;
  // What does not count for INFO any more, since CONFIG RESETSTAT.
  uint64_t commands_before_ = 0;
  int64_t connected_before_ = 0;
  int64_t next_number_ = 1;
};

}  // namespace holdfast
