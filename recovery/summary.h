// The last line on standard output: what was done, for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "core/record/record.h"
#include "recovery/options.h"

namespace holdfast {

using Summary = nlohmann::ordered_json;

inline Summary begin_summary(const std::string& command, const std::string& log) {
  return Summary{{"summary", command}, {"log", log}};
}

inline void add_state(Summary* summary, const ChainState& state) {
  (*summary)["position"] = state.position;
  (*summary)["epoch"] = state.epoch;
  (*summary)["sequence"] = state.sequence;
  (*summary)["checksum"] = hex16(state.check);
}

inline void add_rates(Summary* summary, uint64_t records, uint64_t bytes, double seconds) {
  const double at_least = seconds > 1e-6 ? seconds : 1e-6;
  (*summary)["records"] = records;
  (*summary)["bytes"] = bytes;
  (*summary)["seconds"] = static_cast<double>(static_cast<int64_t>(seconds * 1000 + 0.5)) / 1000;
  (*summary)["records_per_second"] = static_cast<uint64_t>(static_cast<double>(records) / at_least);
  (*summary)["bytes_per_second"] = static_cast<uint64_t>(static_cast<double>(bytes) / at_least);
}

// Text that may hold any bytes: those that are no UTF-8 are replaced.
inline std::string to_line(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace holdfast
