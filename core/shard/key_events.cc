#include "core/shard/key_events.h"

#include <algorithm>

namespace holdfast {
namespace {

constexpr std::string_view kPrefixes[] = {"__keyspace@", "__keyevent@"};

}  // namespace

bool is_key_event_channel(std::string_view channel) {
  return std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                     [&](std::string_view prefix) { return channel.starts_with(prefix); });
}

bool may_match_key_events(std::string_view pattern) {
  const std::string_view literal = pattern.substr(0, pattern.find_first_of("*?[\\"));
  return is_key_event_channel(literal) ||
         (literal.size() < pattern.size() &&
          std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                      [&](std::string_view prefix) { return prefix.starts_with(literal); }));
}

KeyEvents::KeyEvents(World* world, const ShardOptions& options)
    : link_(world, options, Link::kEvents, "keyspace notifications",
            {"PSUBSCRIBE", std::string(kPrefixes[0]) + "*", std::string(kPrefixes[1]) + "*"}, 2) {}

std::vector<KeyEvents::Event> KeyEvents::on_data(std::string_view data, int hidden_db) {
  const std::string hidden = std::to_string(hidden_db) + "__:";
  std::vector<Event> events;
  for (const ReplyValue& reply : link_.on_data(data)) {
    if (reply.elements.size() != 4) continue;
    const std::string& channel = reply.elements[2].text;
    if (!is_key_event_channel(channel)) continue;
    if (std::string_view(channel).substr(kPrefixes[0].size()).starts_with(hidden)) continue;
    events.push_back({channel, reply.elements[3].text});
  }
  return events;
}

}  // namespace holdfast
