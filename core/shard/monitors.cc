#include "core/shard/monitors.h"

#include <algorithm>
#include <utility>

namespace holdfast {

void Monitors::begin(SessionId session) {
  std::erase(expected_, session);
  if (!contains(session)) sessions_.push_back(session);
}

void Monitors::forget(SessionId session) {
  std::erase(expected_, session);
  std::erase(sessions_, session);
  if (sessions_.empty()) lines_.clear();
}

bool Monitors::contains(SessionId session) const {
  return std::find(sessions_.begin(), sessions_.end(), session) != sessions_.end();
}

std::vector<std::string> Monitors::take_script_lines(int64_t settled_offset, uint64_t removals_committed) {
  std::vector<std::string> ready;
  for (; !lines_.empty(); lines_.pop_front()) {
    ScriptLine& line = lines_.front();
    if (line.offset > settled_offset || line.removal > removals_committed) break;
    ready.push_back(std::move(line.text));
  }
  return ready;
}

}  // namespace holdfast
