// Pub/sub: who has subscribed to what, among the clients of this proxy. A message is published through the log like a
// write, so it comes to the subscribers in the order of all else; they get it once it has been seen on the tap and is
// settled. Channels, patterns and shard channels are three separate worlds, as in Redis.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/resp/reply.h"
#include "core/shard/world.h"

namespace holdfast {

class PubSub {
 public:
  enum class Kind : uint8_t { kChannel, kPattern, kShard };

  struct Message {
    bool sharded = false;
    std::string channel, text;
    int64_t offset = 0;    // of the replication stream behind it
    uint64_t removal = 0;  // the number of a removal that it may tell of; see Settler
    // Where it has to wait: whose limits it counts for, with how many bytes.
    std::vector<std::pair<SessionId, size_t>> charged = {};
  };
  struct Delivery {
    SessionId session;
    std::string pattern;  // that it came by; empty: by its channel
  };

  // False: it was (or was not) subscribed before.
  bool subscribe(SessionId session, Kind kind, std::string_view name);
  bool unsubscribe(SessionId session, Kind kind, std::string_view name);
  // All that the session has subscribed to, in order of the alphabet.
  std::vector<std::string> of(SessionId session, Kind kind) const;
  size_t count_of(SessionId session, Kind kind) const;
  // Channels and patterns together, as Redis counts in its replies; or shard channels.
  size_t told_count(SessionId session, Kind kind) const;
  bool subscribed(SessionId session) const { return sessions_.contains(session); }
  void forget(SessionId session);
  size_t memory_of(SessionId session) const;

  // Channels or shard channels with subscribers that match the glob; without one: all. And how many subscribers one
  // has.
  std::vector<std::string> names(Kind kind, std::optional<std::string_view> glob) const;
  size_t subscribers(Kind kind, std::string_view name) const;
  size_t patterns() const { return patterns_.size(); }
  size_t channels() const { return channels_.size(); }

  std::vector<Delivery> receivers(bool sharded, std::string_view channel) const;

  bool empty() const { return sessions_.empty(); }
  // Whether keyspace notifications could be for somebody.
  bool wants_key_events() const { return key_event_names_ > 0; }

 private:
  using Names = std::map<std::string, std::vector<SessionId>, std::less<>>;
  struct Subscriptions {
    std::set<std::string, std::less<>> names[3];
    size_t name_bytes = 0;
  };
  Names& names_of(Kind kind) {
    return kind == Kind::kChannel ? channels_ : kind == Kind::kPattern ? patterns_ : shard_;
  }
  const Names& names_of(Kind kind) const { return const_cast<PubSub*>(this)->names_of(kind); }

  Names channels_, patterns_, shard_;
  std::unordered_map<SessionId, Subscriptions> sessions_;
  size_t key_event_names_ = 0;  // of all subscriptions
};

// What a subscriber gets.
std::string message_push(const PubSub::Message& message, const std::string& pattern, Protocol protocol);
// About how many bytes that is.
size_t push_bytes(const PubSub::Message& message, const std::string& pattern);

}  // namespace holdfast
