// MONITOR: who sees what all clients do. What clients send is shown as it comes in; what their scripts do Redis itself
// tells (script_lines.h), and as that may show what is not in the log yet, it leaves once it is.
// Source: https://redis.io/docs/latest/commands/monitor/
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/shard/world.h"

namespace holdfast {

class Monitors {
 public:
  struct ScriptLine {
    std::string text;
    // When it may leave: see Settler.
    int64_t offset = 0;
    uint64_t removal = 0;
  };

  // It is to become one, once Redis tells of scripts; and it is.
  void expect(SessionId session) { expected_.push_back(session); }
  void begin(SessionId session);
  void give_up(SessionId session) { std::erase(expected_, session); }
  void forget(SessionId session);
  bool contains(SessionId session) const;
  bool wanted() const { return !sessions_.empty() || !expected_.empty(); }
  const std::vector<SessionId>& sessions() const { return sessions_; }

  void on_script_line(ScriptLine line) { lines_.push_back(std::move(line)); }
  std::vector<std::string> take_script_lines(int64_t settled_offset, uint64_t removals_committed);
  void drop_script_lines() { lines_.clear(); }

 private:
  std::vector<SessionId> expected_, sessions_;
  std::deque<ScriptLine> lines_;
};

}  // namespace holdfast
