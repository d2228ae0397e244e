#include "config/settings.h"

#include "config/byte_size.h"

namespace holdfast {
namespace {

Result<Done> check_redis(const RedisSettings& redis) {
  if (!redis.username.empty() && redis.password.empty() && redis.password_file.empty()) {
    return Error{
        "redis.username is given without a password; give redis.password or redis.password-file (any text for a user "
        "with nopass)"};
  }
  if (redis.reserved_database == 0) {
    return Error{
        "redis.reserved-database must not be 0: every client begins there, and the reserved database is hidden from "
        "clients; give -1 (the last one) or a number from 1"};
  }
  if (redis.feed_address.is_wildcard()) {
    return Error{"redis.feed-address is " + to_string(redis.feed_address) +
                 ", which nothing can connect to; give an address of this machine that Redis reaches"};
  }
  if (redis.feed_address.is_loopback() && !redis.address.is_loopback()) {
    return Error{"redis.feed-address is " + to_string(redis.feed_address) + ", but Redis at " +
                 to_string(redis.address) +
                 " (redis.address) is on another machine and could not connect to it; give an address of this machine "
                 "that Redis reaches"};
  }
  return Done{};
}

Result<Done> check_log(const LogSettings& log) {
  if (log.min_insync_replicas > log.replication_factor) {
    return Error{"log.min-insync-replicas is " + std::to_string(log.min_insync_replicas) +
                 ", more than the replicas there are (log.replication-factor is " +
                 std::to_string(log.replication_factor) + "): no write could ever be committed"};
  }
  return Done{};
}

Result<Done> check_limits(const LimitSettings& limits) {
  if (limits.client_query_bytes < limits.max_bulk_bytes) {
    return Error{"limits.client-query-bytes is " + format_byte_size(limits.client_query_bytes) +
                 ", less than one value may have (limits.max-bulk-bytes is " + format_byte_size(limits.max_bulk_bytes) +
                 "); raise the one or lower the other"};
  }
  return Done{};
}

}  // namespace

Result<Done> check_settings(const Settings& settings) {
  if (auto done = check_redis(settings.redis); !done) return done;
  if (auto done = check_log(settings.log); !done) return done;
  if (settings.listen.address.port != 0 && settings.listen.address == settings.redis.address) {
    return Error{"listen.address and redis.address are both " + to_string(settings.listen.address) +
                 ": Holdfast would connect to itself"};
  }
  return check_limits(settings.limits);
}

}  // namespace holdfast
