// Redis's own MONITOR, on a connection that is there only while a client of Holdfast's monitors. Only the lines of
// scripts are passed on: Holdfast shows itself what clients send, and what it does on its own is nobody's business.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/shard/options.h"
#include "core/shard/wanted_link.h"
#include "core/shard/world.h"

namespace holdfast {

class ScriptLines {
 public:
  ScriptLines(World* world, const ShardOptions& options)
      : link_(world, options, Link::kMonitor, "lines of scripts for MONITOR", {"MONITOR"}, 1) {}

  void want(bool wanted, int64_t now_ms) { link_.want(wanted, now_ms); }
  bool up() const { return link_.up(); }

  void on_link_up() { link_.on_link_up(); }
  void on_link_down() { link_.on_link_down(); }
  // Those in `data`, but for those of database `hidden_db`.
  std::vector<std::string> on_data(std::string_view data, int hidden_db);

 private:
  WantedLink link_;
};

}  // namespace holdfast
