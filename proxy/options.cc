#include "proxy/options.h"

namespace holdfast {
namespace {

// Clients have been answered by the time that the log gives up on a write.
constexpr std::chrono::milliseconds kLogGivesUpLater{3000};

}  // namespace

LogOptions log_options(const Settings& settings) {
  LogOptions options;
  const LogUrl& url = settings.log.url;
  options.kind = url.kind == LogUrl::Kind::kKafka ? LogOptions::Kind::kKafka : LogOptions::Kind::kSqlite;
  options.sqlite.path = url.path;
  options.kafka.brokers = url.brokers;
  options.kafka.topic = url.topic;
  options.kafka.partition = url.partition;
  options.kafka.write_timeout = settings.timeouts.write + kLogGivesUpLater;
  options.kafka.create_topic = settings.log.create_topic;
  options.kafka.replication_factor = static_cast<int>(settings.log.replication_factor);
  options.kafka.min_insync_replicas = static_cast<int>(settings.log.min_insync_replicas);
  options.kafka.properties = settings.kafka.properties;
  return options;
}

ShardOptions shard_options(const Settings& settings) {
  ShardOptions options;
  options.redis_username = settings.redis.username;
  options.redis_password = settings.redis.password;
  options.requirepass = settings.users.requirepass;
  options.reserved_database = static_cast<int>(settings.redis.reserved_database);
  options.discard_redis_data = settings.redis.discard_data;
  options.batches_in_flight = static_cast<size_t>(settings.log.in_flight);
  options.max_batch_bytes = settings.log.max_batch_bytes;
  options.write_timeout_ms = settings.timeouts.write.count();
  options.read_timeout_ms = settings.timeouts.read.count();
  options.attach_timeout_ms = settings.timeouts.attach.count();
  options.maxmemory = static_cast<int64_t>(settings.limits.maxmemory);
  options.frontdesk.requests.max_bulk_bytes = static_cast<int64_t>(settings.limits.max_bulk_bytes);
  options.frontdesk.query_bytes = settings.limits.client_query_bytes;
  options.frontdesk.output_bytes = settings.limits.client_output_bytes;
  options.frontdesk.total_bytes = settings.limits.total_bytes;
  options.frontdesk.clients = static_cast<size_t>(settings.limits.clients);
  options.frontdesk.idle_ms = std::chrono::milliseconds(settings.limits.idle).count();
  return options;
}

}  // namespace holdfast
