// What must hold of a log and a Redis once all has come to rest.
#pragma once

#include <string>
#include <unordered_set>

#include "tests/simulation/sim_world.h"

namespace holdfast::simulation {

// What core/replication's Replay makes of the log, as a Redis would hold it that was rebuilt from it.
struct Replayed {
  explicit Replayed(int databases) : data(databases) {}

  Dataset data;
  std::unordered_set<std::string> tokens;  // unique values in records that count
  size_t records = 0, void_records = 0, unsettled = 0;
  std::string failure;  // empty: the log could be read
};
Replayed replay_log(SimWorld* world, const SimRedisOptions& options);

// Empty, or what does not hold.
std::string check_log_and_redis(SimWorld* world, const SimRedisOptions& options, Coverage* coverage);

}  // namespace holdfast::simulation
