// WATCH: which session watches which keys, and whether they were changed since. Changes are seen on the tap, so those
// by expiry, eviction, scripts and other connections to Redis count like all others.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/command/touched.h"
#include "core/shard/world.h"

namespace holdfast {

class Watches {
 public:
  struct Key {
    int db;
    std::string name;
    uint64_t hash;
    // What PTTL said when it was watched: ms; -1: it does not expire; -2: it was not there. Not asked yet: kUnknown.
    int64_t pttl = kUnknown;
    bool removed = false;  // seen while it was not known yet whether it was there

    bool swapped = false;  // it was not there, and another database has taken its database's place since

    // What became of it is not known from the stream alone: an expiry is no change before Redis sees it.
    bool in_doubt() const { return pttl >= 0 || pttl == kUnknown || swapped; }
  };
  static constexpr int64_t kUnknown = -3;

  // From now on changes count. Again for the same key: nothing changes.
  void add(SessionId session, int db, std::string_view name);
  // The answers of Redis for all keys of the session that were not known yet, in their order.
  void learn(SessionId session, const std::vector<int64_t>& pttls);
  // The keys in doubt are being looked at for the last time: what puts others in doubt from now on is a change.
  void on_last_look(SessionId session) { sessions_.at(session).last_look = true; }
  void forget(SessionId session);
  size_t memory_of(SessionId session) const;

  bool empty() const { return sessions_.empty(); }
  bool watching(SessionId session) const { return sessions_.contains(session); }
  bool touched(SessionId session) const;
  const std::vector<Key>& keys(SessionId session) const { return sessions_.at(session).keys; }

  // What a command of the replication stream has touched.
  void on_touched(const Touched& touched, const CommandInfo* command);
  // Something may have been missed.
  void touch_all();

 private:
  struct Watcher {
    std::vector<Key> keys;
    size_t name_bytes = 0;  // of them
    bool touched = false;
    bool last_look = false;
  };
  void touch(uint64_t hash, bool removal);

  std::unordered_map<SessionId, Watcher> sessions_;
  std::unordered_map<uint64_t, std::vector<SessionId>> by_key_;
};

}  // namespace holdfast
