// A Redis in memory, as seen from outside: requests and replies, the replication stream with its backlog, a master to
// follow, expiry, eviction. It can be killed, hang and lose connections.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/resp/request.h"
#include "tests/simulation/coverage.h"
#include "tests/simulation/sim_dataset.h"
#include "tests/simulation/sim_redis_commands.h"
#include "tests/simulation/sim_stream.h"

namespace holdfast::simulation {

struct SimRedisOptions {
  enum class Eviction { kNone, kVolatile, kAll };
  SimDialect dialect;
  int databases = 4;
  Eviction eviction = Eviction::kNone;
  size_t key_limit = 20;  // keys at which eviction begins
  size_t backlog_bytes = 64 << 20;
  bool evict_marker = false;
  double full_rate = 0;    // of transactions that it refuses, being out of memory
  double denial_rate = 0;  // of transactions at which it turns out that it cannot write its AOF
  std::string password;    // of the user default
};

class SimRedis {
 public:
  // Connects to `host`:`port`; nullptr: nobody listens there.
  using Connect = std::function<std::shared_ptr<SimStream>(const std::string& host, int port)>;

  SimRedis(SimClock* clock, Rng* rng, Coverage* coverage, SimRedisOptions options, Connect connect);

  bool up() const { return up_; }
  // Takes over end 1.
  void accept(std::shared_ptr<SimStream> stream);

  // The process dies and is started again after `down_us` with what `rdb` holds ("": nothing). With `keep_stream` it
  // also knows from it where it was in its stream.
  void kill(int64_t down_us, std::string rdb, bool keep_stream);
  void hang(int64_t us);
  void cut_connections();
  std::string save() const { return save_rdb(data_, {replid_, offset_}); }
  // Turns what expires and what is evicted, and the heartbeat in the stream, on and off.
  void set_background(bool on);

  const Dataset& data() const { return data_; }
  Dataset& data() { return data_; }
  bool is_replica() const { return following_; }
  // Called when it has done what no command says: evicted, expired, drawn, run a script.
  void set_observer(std::function<void()> observer) { observer_ = std::move(observer); }

 private:
  using Argv = std::vector<std::string_view>;

  struct Client {
    uint64_t id = 0;
    std::shared_ptr<SimStream> stream;
    std::string input;
    RequestParser parser;
    int db = 0;
    Protocol protocol = Protocol::kResp2;
    bool authenticated = false;
    bool in_multi = false;
    bool dirty = false;
    bool full = false;  // its transaction will be refused
    std::vector<std::string> queue;
    std::string name;
    bool replica = false;        // it gets the stream
    bool waits_for_rdb = false;  // … once it has got the RDB
    std::string held;            // the stream meanwhile
    std::string out, stream_out;
    bool closing = false;
  };
  using ClientPtr = std::shared_ptr<Client>;

  // sim_redis.cc
  void reset_identity();
  void on_data(const ClientPtr& client, std::string_view data);
  void on_closed(const ClientPtr& client);
  void process(const ClientPtr& client);
  void request(const ClientPtr& client, const Argv& argv, std::string_view raw);
  void call(Client* client, const Argv& argv, std::string* reply, std::vector<SimEffect>* effects);
  void exec(Client* client);
  void drop(const ClientPtr& client);
  void send_all();
  void background();
  void expire_some();
  void evict();

  // sim_redis_admin.cc: what is not about keys
  using AdminHandler = void (SimRedis::*)(const ClientPtr&, const Argv&, std::string*);
  struct AdminEntry;
  static const AdminEntry kAdmin[];
  static const AdminEntry* find_admin(std::string_view name);
  static AdminHandler admin_handler(const AdminEntry* entry);
  void admin_acl(const ClientPtr& client, const Argv& argv, std::string* reply);
  void admin_auth(const ClientPtr& client, const Argv& argv, std::string* reply);
  void admin_client(const ClientPtr& client, const Argv& argv, std::string* reply);
  void admin_command(const ClientPtr& client, const Argv& argv, std::string* reply);
  void admin_config(const ClientPtr& client, const Argv& argv, std::string* reply);
  void admin_hello(const ClientPtr& client, const Argv& argv, std::string* reply);
  void admin_info(const ClientPtr& client, const Argv& argv, std::string* reply);
  void admin_ping(const ClientPtr& client, const Argv& argv, std::string* reply);
  void admin_psync(const ClientPtr& client, const Argv& argv, std::string* reply);
  void admin_replconf(const ClientPtr& client, const Argv& argv, std::string* reply);
  void admin_replicaof(const ClientPtr& client, const Argv& argv, std::string* reply);
  void admin_role(const ClientPtr& client, const Argv& argv, std::string* reply);
  void admin_select(const ClientPtr& client, const Argv& argv, std::string* reply);
  void admin_nothing(const ClientPtr& client, const Argv& argv, std::string* reply);  // MULTI and its like: for COMMAND

  // sim_redis_replication.cc
  void propagate(const std::vector<SimEffect>& effects, bool from_exec);
  void feed(int db, std::string_view bytes);
  void feed_raw(std::string_view bytes);
  bool continue_stream(const ClientPtr& client, const std::string& replid, int64_t from);
  void full_sync(const ClientPtr& client);
  void follow(const std::string& host, int port);
  void connect_to_master();
  void on_master_data(std::string_view data);
  bool master_line(std::string_view line);
  void master_command(const Argv& argv, std::string_view raw);
  void master_lost();
  void ack_master();
  void promote();
  void drop_replicas();

  SimClock* clock_;
  Rng* rng_;
  Coverage* coverage_;
  const SimRedisOptions options_;
  Connect connect_;
  SimCommands commands_;
  Dataset data_;

  bool up_ = true;
  uint64_t life_ = 0;  // counts processes
  int64_t hangs_until_us_ = 0;
  bool background_ = false;
  std::map<std::string, std::set<std::string>> users_;  // their rules; a password as "#password"
  std::string run_id_;
  uint64_t next_client_ = 1;
  std::map<uint64_t, ClientPtr> clients_;
  std::function<void()> observer_;
  bool appends_ = true;  // it writes an AOF
  bool denies_ = false;  // … and cannot
  void meet_disk();

  // The stream that it gives.
  std::string replid_, replid2_;
  int64_t offset_ = 0, second_offset_ = -1;
  bool has_backlog_ = false;
  std::string backlog_;  // the last bytes of the stream, up to offset_
  int stream_db_ = -1;

  // The stream that it gets.
  bool following_ = false;
  std::string master_host_;
  int master_port_ = 0;
  uint64_t master_life_ = 0;  // counts connections to the master
  std::shared_ptr<SimStream> master_;
  enum class Sync { kNone, kPong, kConf, kPsync, kRdbLength, kRdb, kStream } sync_ = Sync::kNone;
  std::string master_input_;
  RequestParser master_parser_;
  size_t rdb_bytes_ = 0;
  int master_db_ = 0;
  bool master_multi_ = false;
  std::vector<std::string> master_queue_;
  int64_t master_read_ = 0;  // offset behind what was read; offset_ is behind what was applied
};

}  // namespace holdfast::simulation
