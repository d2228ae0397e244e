#include "core/shard/pubsub.h"

#include <algorithm>

#include "core/resp/glob.h"
#include "core/shard/key_events.h"

namespace holdfast {
namespace {

bool is_about_keys(PubSub::Kind kind, std::string_view name) {
  return kind == PubSub::Kind::kPattern ? may_match_key_events(name)
                                        : kind == PubSub::Kind::kChannel && is_key_event_channel(name);
}

}  // namespace

bool PubSub::subscribe(SessionId session, Kind kind, std::string_view name) {
  Subscriptions& own = sessions_[session];
  if (!own.names[static_cast<size_t>(kind)].emplace(name).second) return false;
  own.name_bytes += name.size();
  names_of(kind)[std::string(name)].push_back(session);
  key_event_names_ += is_about_keys(kind, name) ? 1 : 0;
  return true;
}

bool PubSub::unsubscribe(SessionId session, Kind kind, std::string_view name) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return false;
  auto& own = found->second.names[static_cast<size_t>(kind)];
  const auto one = own.find(name);
  if (one == own.end()) return false;
  Names& names = names_of(kind);
  const auto subscribers = names.find(name);
  std::erase(subscribers->second, session);
  if (subscribers->second.empty()) names.erase(subscribers);
  own.erase(one);
  found->second.name_bytes -= name.size();
  key_event_names_ -= is_about_keys(kind, name) ? 1 : 0;
  const auto& all = found->second.names;
  if (all[0].empty() && all[1].empty() && all[2].empty()) sessions_.erase(found);
  return true;
}

std::vector<std::string> PubSub::of(SessionId session, Kind kind) const {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return {};
  const auto& own = found->second.names[static_cast<size_t>(kind)];
  return {own.begin(), own.end()};
}

size_t PubSub::count_of(SessionId session, Kind kind) const {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? 0 : found->second.names[static_cast<size_t>(kind)].size();
}

size_t PubSub::memory_of(SessionId session) const {
  constexpr size_t kEach = 2 * sizeof(std::string) + sizeof(SessionId) + 4 * sizeof(void*);  // with a node of the set
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return 0;
  const auto& names = found->second.names;
  return found->second.name_bytes + (names[0].size() + names[1].size() + names[2].size()) * kEach;
}

size_t PubSub::told_count(SessionId session, Kind kind) const {
  if (kind == Kind::kShard) return count_of(session, Kind::kShard);
  return count_of(session, Kind::kChannel) + count_of(session, Kind::kPattern);
}

void PubSub::forget(SessionId session) {
  for (const Kind kind : {Kind::kChannel, Kind::kPattern, Kind::kShard}) {
    for (const std::string& name : of(session, kind)) unsubscribe(session, kind, name);
  }
}

std::vector<std::string> PubSub::names(Kind kind, std::optional<std::string_view> glob) const {
  std::vector<std::string> found;
  for (const auto& [name, sessions] : names_of(kind)) {
    if (!glob || glob_match(*glob, name)) found.push_back(name);
  }
  return found;
}

size_t PubSub::subscribers(Kind kind, std::string_view name) const {
  const Names& names = names_of(kind);
  const auto found = names.find(name);
  return found == names.end() ? 0 : found->second.size();
}

std::vector<PubSub::Delivery> PubSub::receivers(bool sharded, std::string_view channel) const {
  std::vector<Delivery> found;
  const Names& names = names_of(sharded ? Kind::kShard : Kind::kChannel);
  if (const auto by_name = names.find(channel); by_name != names.end()) {
    for (const SessionId session : by_name->second) found.push_back({session, {}});
  }
  if (sharded) return found;
  for (const auto& [pattern, sessions] : patterns_) {
    if (!glob_match(pattern, channel)) continue;
    for (const SessionId session : sessions) found.push_back({session, pattern});
  }
  return found;
}

size_t push_bytes(const PubSub::Message& message, const std::string& pattern) {
  constexpr size_t kFraming = 48;
  return kFraming + pattern.size() + message.channel.size() + message.text.size();
}

std::string message_push(const PubSub::Message& message, const std::string& pattern, Protocol protocol) {
  std::string out;
  append_push_header(&out, pattern.empty() ? 3 : 4, protocol);
  append_bulk(&out, message.sharded ? "smessage" : pattern.empty() ? "message" : "pmessage");
  if (!pattern.empty()) append_bulk(&out, pattern);
  append_bulk(&out, message.channel);
  append_bulk(&out, message.text);
  return out;
}

}  // namespace holdfast
