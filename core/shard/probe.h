// Looks at a Redis that was just connected to: what it is, what it holds, and whether it could ever refuse a committed
// write. What stands in the way is set; what cannot be set makes the attach fail with the reason.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/command/table.h"
#include "core/record/record.h"
#include "core/shard/backend.h"
#include "core/shard/build_words.h"
#include "core/shard/options.h"

namespace holdfast {

struct RedisState {
  CommandTable table = CommandTable::connection_commands();
  std::string version;  // as it says itself: "7.0.15"
  std::string run_id;   // of the process
  std::string replid;   // of its replication stream, or of its master's
  int databases = 16;
  int reserved_db = 15;
  bool replica = false;        // it follows a master
  bool replica_alone = false;  // … whose connection is down
  int64_t keys = 0;            // outside the reserved database
  int64_t reserved_keys = 0;   // in the reserved database, the marker included
  std::optional<Marker> marker;
  std::string maxmemory_policy = "noeviction";
  int64_t maxmemory = 0;    // bytes; 0: none, or Holdfast keeps it
  bool appends = false;     // it writes an AOF
  bool aof_failed = false;  // … which could not be written, so it is switched off
  BuildWords words;
};

class Probe {
 public:
  enum class Outcome {
    kDone,
    kBusy,     // it is loading or busy: try again in a moment
    kRefused,  // it cannot be used as it is; `reason` tells the way out
  };
  using Finish = std::function<void(Outcome, const std::string& reason)>;

  Probe(Backend* backend, const ShardOptions& options, RedisState* state)
      : backend_(backend), options_(options), state_(state) {}

  // Sends its questions through the backend, which must be fresh; `finish` is called once, from the backend's answers.
  void start(Finish finish);

 private:
  using Next = void (Probe::*)(const ReplyValue&);

  void request(const std::vector<std::string_view>& argv, Next next, int db = -1);
  void refuse(const std::string& reason);
  void authenticate();
  void signed_in(const ReplyValue& reply);
  void make_account(const ReplyValue& reply);
  void made_account(const ReplyValue& reply);
  void introduce(const ReplyValue& reply);
  void drop_predecessors(const ReplyValue& clients);
  void learn_client_fields(const std::string& line);
  void learn_info(const ReplyValue& reply);
  void learn_commands(const ReplyValue& reply);
  void learn_databases(const ReplyValue& reply);
  void check_memory(const ReplyValue& reply);
  void check_aof(const ReplyValue& reply);
  void learn_marker(const ReplyValue& reply);
  void learn_words();
  void set_config();
  void set(const std::string& name, const std::string& value, bool must);

  Backend* backend_;
  const ShardOptions& options_;
  RedisState* state_;
  Finish finish_;
  std::string info_;
  int64_t backlog_bytes_ = 0;
  bool finished_ = false;
};

// A field of INFO's text; empty if it is not there.
std::string info_field(const std::string& info, const std::string& name);
int64_t info_number(const std::string& info, const std::string& name);  // 0 likewise

}  // namespace holdfast
