// CLIENT TRACKING: who may have cached which keys, and whom to tell that they have changed. Changes are seen on the
// tap; an invalidation leaves once the log holds the change.
//
// None may be lost. A read counts from the moment it is handed on, before Redis executes it; what changes the key from
// then on until the reply has left makes an invalidation that follows the reply, even where the reply shows the change
// already. Keys are without a database, as in Redis.
// Source: https://redis.io/docs/latest/develop/reference/client-side-caching/ and tracking.c of Redis.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/command/touched.h"
#include "core/shard/batch.h"
#include "core/shard/world.h"

namespace holdfast {

class Tracking {
 public:
  struct Options {
    bool broadcast = false, opt_in = false, opt_out = false, no_loop = false;
    int64_t redirect = 0;               // the number of the client that is told in its place; 0: itself
    std::vector<std::string> prefixes;  // of keys to broadcast; sorted
    size_t prefix_bytes = 0;
    bool redirect_broken = false;  // that client has left
  };
  struct Invalidation {
    SessionId session = 0;  // who may have cached
    bool all = false;
    std::vector<std::string> keys;
    // When it may leave: see Settler.
    int64_t offset = 0;
    uint64_t removal = 0;
    // The last of the session's own replies to what has changed it: told behind that. 0: none; kBlockedCall: that of
    // the call that it is blocked in.
    uint64_t behind = 0;
  };
  static constexpr uint64_t kBlockedCall = ~uint64_t{0};

  // `most_keys`: as Redis's tracking-table-max-keys.
  explicit Tracking(size_t most_keys = 1'000'000) : most_keys_(most_keys) {}

  void set_most_keys(size_t most_keys);
  void begin(SessionId session, const Options& options);
  void end(SessionId session);
  bool empty() const { return clients_.empty(); }
  Options* of(SessionId session);  // nullptr: it does not track
  size_t memory_of(SessionId session) const;
  const std::unordered_map<SessionId, Options>& clients() const { return clients_; }
  // As INFO tells them; items: keys, each as often as it has a client.
  struct Counts {
    size_t clients = 0, keys = 0, items = 0, prefixes = 0;
  };
  Counts counts() const;

  // A read of the keys, whose reply will be in this slot of the session's line, was handed on.
  void on_read(SessionId session, uint64_t slot, const std::vector<std::string_view>& keys);
  // The replies before `slot` have left.
  void on_left(SessionId session, uint64_t slot);

  // What a command of the replication stream has touched, and where a unit of them ends: what it was, if a batch.
  void on_touched(const Touched& touched);
  void on_unit_end(const Batch* batch, int64_t offset, uint64_t removal);
  // Redis was made anew: offsets of its stream mean nothing any more, and what it has done may have been missed.
  void restart();

  // Those that may leave; `waits` says whether the reply that one goes behind has not left.
  std::vector<Invalidation> take(int64_t settled_offset, uint64_t removals_committed,
                                 const std::function<bool(const Invalidation&)>& waits);

 private:
  struct Reader {
    SessionId session;
    uint64_t slot;         // 0: its reply has left
    bool changed = false;  // since, so it will be told behind the reply
    int64_t offset = 0;
    uint64_t removal = 0;
  };
  struct Changed {
    int db;
    std::string key;
    size_t command;  // its number in the unit
  };
  // What a unit has done, for what is told of it.
  struct Cause {
    const Batch* batch = nullptr;
    int64_t offset = 0;
    uint64_t removal = 0;
    std::unordered_map<SessionId, uint64_t> last_reply;                          // see Invalidation::behind
    std::map<std::pair<int, std::string_view>, std::set<size_t>> commands = {};  // by key: those that changed it
  };
  using Readers = std::unordered_map<std::string, std::vector<Reader>>;

  Cause cause(const Batch* batch, int64_t offset, uint64_t removal) const;
  // `keys` empty: all.
  void tell(SessionId session, std::vector<std::string> keys, const Cause& cause);
  static bool only_by(SessionId session, int db, const std::string& key, const Cause& cause);
  static bool shows(const Reader& reader, int db, const std::string& key, const Batch* batch);
  void touch_readers(int db, const std::string& key, const Cause& cause);
  void touch_prefixes(const Cause& cause);
  void touch_all(const Cause& cause);
  // Takes those out for which `gone` is true, and the entry with the last of them; the entry behind it.
  template <class Gone>
  Readers::iterator drop_readers(Readers::iterator entry, Gone gone) {
    items_ -= std::erase_if(entry->second, gone);
    return entry->second.empty() ? by_key_.erase(entry) : std::next(entry);
  }
  void drop_some();

  size_t most_keys_;
  std::unordered_map<SessionId, Options> clients_;
  Readers by_key_;
  size_t items_ = 0;                                                                     // in it
  std::unordered_map<SessionId, std::deque<std::pair<uint64_t, std::string>>> reading_;  // slot and key
  std::vector<Changed> changed_;                                                         // in the unit under way
  size_t commands_ = 0;                                                                  // of it
  bool all_changed_ = false;
  std::vector<Invalidation> due_;
};

// What the client, or the one that it has named, is told.
std::string invalidation_push(const Tracking::Invalidation& invalidation, Protocol protocol);

}  // namespace holdfast
