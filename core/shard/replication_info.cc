#include "core/shard/replication_info.h"

#include <algorithm>
#include <cctype>

namespace holdfast {
namespace {

bool is_replica_line(std::string_view line) {
  constexpr std::string_view kName = "slave";
  return line.starts_with(kName) && line.size() > kName.size() &&
         std::isdigit(static_cast<unsigned char>(line[kName.size()])) != 0;
}

}  // namespace

void tell_replicas(const Replicas& replicas, const FrontdeskLimits& limits, std::string* info) {
  const std::vector<Replicas::Line> lines = replicas.lines();
  const std::string offset = std::to_string(replicas.offset()), kept = std::to_string(replicas.kept_from() + 1);
  std::string out;
  std::string_view rest = *info;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end);
    const std::string_view name = line.substr(0, line.find(':'));
    const auto tell = [&](const std::string& value) { out += std::string(name) + ":" + value + "\r\n"; };
    if (name == "connected_slaves") {
      tell(std::to_string(lines.size()));
      if (limits.min_replicas > 0 && limits.min_replicas_lag_s > 0) {
        out += "min_slaves_good_slaves:" + std::to_string(replicas.good(limits.min_replicas_lag_s)) + "\r\n";
      }
      for (size_t i = 0; i < lines.size(); i++) {
        out += "slave" + std::to_string(i) + ":ip=" + lines[i].address + ",port=" + std::to_string(lines[i].port) +
               ",state=" + (lines[i].online ? "online" : "wait_bgsave") + ",offset=" + std::to_string(lines[i].offset) +
               ",lag=" + std::to_string(lines[i].lag_seconds) + "\r\n";
      }
    } else if (replicas.active() && name == "master_replid") {
      tell(replicas.replid());
    } else if (replicas.active() && name == "master_repl_offset") {
      tell(offset);
    } else if (replicas.active() && name == "repl_backlog_first_byte_offset") {
      tell(kept);
    } else if (name == "repl_backlog_active") {
      tell(replicas.active() ? "1" : "0");
    } else if (name == "repl_backlog_size") {
      tell(std::to_string(Replicas::kBacklogBytes));
    } else if (name == "repl_backlog_histlen") {
      tell(std::to_string(replicas.offset() - replicas.kept_from()));
    } else if (!is_replica_line(line)) {
      out += line;
    }
  }
  *info = std::move(out);
}

}  // namespace holdfast
