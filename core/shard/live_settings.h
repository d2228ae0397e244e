// What clients set with CONFIG SET. To them Holdfast and Redis are one server: a Redis that comes back behind it gets
// the settings again. Like Redis, Holdfast itself forgets them when it ends, but for what CONFIG REWRITE has put into
// Redis's own file.
//
// `maxmemory` is Redis's as long as Redis evicts; with the policy noeviction Redis could refuse what is in the log, so
// then it has no limit and Holdfast keeps it (memory_watch.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/shard/memory_watch.h"

namespace holdfast {

class LiveSettings {
 public:
  // What becomes of one CONFIG SET: requests to Redis, one behind the other with nothing between; the last one's reply
  // is the client's. If that is no error, `done` holds from then on, otherwise `undo` is sent.
  struct Change {
    std::vector<std::string> requests;
    std::string undo;  // empty: nothing to undo
    std::string then;  // to be sent after success; empty: nothing
    std::map<std::string, std::string> kept;
    std::map<std::string, std::string> told;
    std::optional<int64_t> own_limit;  // for MemoryWatch
  };

  explicit LiveSettings(MemoryWatch* memory) : memory_(memory) {}

  // At an attach: what Redis has by itself.
  void learn(const std::string& policy, int64_t maxmemory_bytes);

  // Empty, or why the setting must stay as it is.
  static std::string_view why_fixed(std::string_view name, std::string_view value);
  // `argv`: CONFIG SET name value …
  Change plan(const std::vector<std::string_view>& argv) const;
  void begin(const Change& change);  // its requests are being sent
  void carried_out(const Change& change);
  void refused(const Change& change);
  // It stays off until a client sets it again.
  void aof_failed() { kept_["appendonly"] = "no"; }

  // By lower-case name, as Redis has got them.
  const std::map<std::string, std::string>& kept() const { return kept_; }
  // What CONFIG GET is to tell in place of what Redis has; a backlog that is too small for the tap, kCalmFsync.
  const std::map<std::string, std::string, std::less<>>& told() const { return told_; }
  int64_t maxmemory() const;  // as clients know it
  bool evicts() const;        // so that maxmemory is Redis's

 private:
  MemoryWatch* memory_;
  std::map<std::string, std::string> kept_;
  std::map<std::string, std::string, std::less<>> told_;
  std::string policy_ = "noeviction";  // Redis's own
  int64_t maxmemory_ = 0;              // Redis's own
};

// What Redis gets in place of appendfsync "always", with which it ends itself when it cannot write its AOF. What was
// answered is in the log already.
inline constexpr std::string_view kCalmFsync = "everysec";

// How large Redis's backlog, which keeps what the tap has not read yet, is to be: it counts as used memory.
int64_t backlog_bytes(int64_t maxmemory_bytes);

// As Redis takes and prints sizes: "1gb" is 2^30 bytes, "1g" 10^9.
std::optional<int64_t> parse_memory(std::string_view text);
std::string human_memory(int64_t bytes);

}  // namespace holdfast
