#include "proxy/options.h"

#include <unistd.h>

namespace holdfast {
namespace {

// Clients have been answered by the time that the log gives up on a write.
constexpr std::chrono::milliseconds kLogGivesUpLater{3000};

// The nodes of a shard are different machines, containers or pods, or listen on different ports of one.
std::string node_name(const Settings& settings) {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  const std::string& announced = settings.cluster.announce_host;
  return (announced.empty() ? std::string(host) : announced) + " " + std::to_string(settings.cluster.announce_port) +
         " " + std::to_string(settings.listen.address.port);
}

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
  options.redis_tls = settings.redis.tls;
  options.batches_in_flight = static_cast<size_t>(settings.log.in_flight);
  options.max_batch_bytes = settings.log.max_batch_bytes;
  options.write_timeout_ms = settings.timeouts.write.count();
  options.read_timeout_ms = settings.timeouts.read.count();
  options.attach_timeout_ms = settings.timeouts.attach.count();
  options.maxmemory = static_cast<int64_t>(settings.limits.maxmemory);
  options.frontdesk.requests.max_bulk_bytes = static_cast<int64_t>(settings.limits.max_bulk_bytes);
  options.frontdesk.query_bytes = settings.limits.client_query_bytes;
  options.frontdesk.output_bytes = settings.limits.client_output_bytes;
  set_client_setting(&options.frontdesk, kOutputLimits, settings.limits.client_output_buffer_limit);  // was checked
  options.frontdesk.total_bytes = settings.limits.total_bytes;
  options.frontdesk.min_replicas = settings.limits.min_replicas_to_write;
  options.frontdesk.min_replicas_lag_s = settings.limits.min_replicas_max_lag;
  options.frontdesk.memory = static_cast<int64_t>(settings.limits.maxmemory_clients);
  options.frontdesk.clients = static_cast<size_t>(settings.limits.clients);
  options.frontdesk.protected_mode = settings.listen.protected_mode;
  options.frontdesk.idle_ms = std::chrono::milliseconds(settings.limits.idle).count();
  options.cluster.enabled = settings.cluster.enabled;
  options.cluster.announce_host = settings.cluster.announce_host;
  options.cluster.announce_port = static_cast<int>(settings.cluster.announce_port);
  options.cluster.announce_tls_port = static_cast<int>(settings.cluster.announce_tls_port);
  options.cluster.node_name = node_name(settings);
  return options;
}

TlsOptions client_tls_options(const Settings& settings) {
  const TlsSettings& tls = settings.tls;
  TlsOptions options;
  options.cert_file = tls.cert_file;
  options.key_file = tls.key_file;
  options.key_file_pass = tls.key_file_pass;
  options.ca_cert_file = tls.ca_cert_file;
  options.ca_cert_dir = tls.ca_cert_dir;
  options.crl_file = tls.crl_file;
  options.peer = tls.auth_clients == "no"         ? TlsOptions::PeerCertificate::kNone
                 : tls.auth_clients == "optional" ? TlsOptions::PeerCertificate::kOptional
                                                  : TlsOptions::PeerCertificate::kRequired;
  options.protocols = tls.protocols;
  options.ciphers = tls.ciphers;
  options.ciphersuites = tls.ciphersuites;
  options.prefer_server_ciphers = tls.prefer_server_ciphers;
  options.session_caching = tls.session_caching;
  options.session_cache_size = tls.session_cache_size;
  options.session_cache_seconds = tls.session_cache_timeout.count();
  return options;
}

TlsOptions redis_tls_options(const Settings& settings) {
  const RedisSettings& redis = settings.redis;
  TlsOptions options;
  options.side = TlsOptions::Side::kClient;
  options.cert_file = redis.tls_cert_file;
  options.key_file = redis.tls_key_file;
  options.key_file_pass = redis.tls_key_file_pass;
  options.ca_cert_file = redis.tls_ca_cert_file;
  options.ca_cert_dir = redis.tls_ca_cert_dir;
  options.peer_host = redis.address.host;
  options.check_peer_host = redis.tls_verify == "host";
  return options;
}

// Only Redis connects there, and gets all the data: it has to show who it is.
TlsOptions feed_tls_options(const Settings& settings) {
  TlsOptions options = redis_tls_options(settings);
  options.side = TlsOptions::Side::kServer;
  options.peer = TlsOptions::PeerCertificate::kRequired;
  options.session_caching = false;
  if (options.cert_file.empty()) {
    options.cert_file = settings.tls.cert_file;
    options.key_file = settings.tls.key_file;
    options.key_file_pass = settings.tls.key_file_pass;
  }
  return options;
}

}  // namespace holdfast
