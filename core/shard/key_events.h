// Keyspace notifications: Redis itself tells them, on a connection of its own that has subscribed to them. It is there
// only while a client of Holdfast's has subscribed to a channel on which they could come, and Redis holds what the log
// says: what a Redis being rebuilt repeats is no news.
// Source: https://redis.io/docs/latest/develop/pubsub/keyspace-notifications/
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/shard/options.h"
#include "core/shard/wanted_link.h"
#include "core/shard/world.h"

namespace holdfast {

class KeyEvents {
 public:
  struct Event {
    std::string channel, text;
  };

  KeyEvents(World* world, const ShardOptions& options);

  // Whether they are wanted now. Call every turn.
  void want(bool wanted, int64_t now_ms) { link_.want(wanted, now_ms); }
  bool up() const { return link_.up(); }

  void on_link_up() { link_.on_link_up(); }
  void on_link_down() { link_.on_link_down(); }
  // The events in `data`, but for those of database `hidden_db`.
  std::vector<Event> on_data(std::string_view data, int hidden_db);

 private:
  WantedLink link_;
};

// Whether such an event could come to who has subscribed to this channel, or to this pattern.
bool is_key_event_channel(std::string_view channel);
bool may_match_key_events(std::string_view pattern);

}  // namespace holdfast
