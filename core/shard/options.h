// What the core is told to do; config/settings.h is where a user says it.
#pragma once

#include <cstdint>
#include <string>

#include "core/shard/frontdesk.h"

namespace holdfast {

struct ShardOptions {
  std::string redis_username, redis_password;  // for the first time; then Holdfast makes an account of its own
  std::string own_password = "holdfast";       // of that account
  std::string requirepass;                     // of the user default; empty: as it is
  std::string initial_users;                   // the text of an ACL file, for a log that knows of none; empty: Redis's
  int reserved_database = -1;                  // -1: the last one
  bool discard_redis_data = false;
  bool redis_tls = false;            // so that Redis connects to the feed with TLS too
  bool check_and_set_config = true;  // false only where the Redis is a simulated one

  size_t batches_in_flight = 4;
  size_t max_batch_bytes = 512 * 1024;  // a batch is not made larger by another command; a single one may be

  int64_t write_timeout_ms = 5000;
  int64_t read_timeout_ms = 5000;
  int64_t attach_timeout_ms = 60'000;
  int64_t maxmemory = 0;  // bytes; 0: none

  FrontdeskLimits frontdesk;
  ClusterOptions cluster;
};

}  // namespace holdfast
