#include "config/settings.h"

#include "config/byte_size.h"

namespace holdfast {
namespace {

// A certificate and its key, called PREFIXcert-file and PREFIXkey-file.
Result<Done> check_pair(const std::string& prefix, const std::string& cert, const std::string& key) {
  if (cert.empty() == key.empty()) return Done{};
  return Error{prefix + (cert.empty() ? "key-file" : "cert-file") + " is given without " + prefix +
               (cert.empty() ? "cert-file" : "key-file") + "; give both (they may be in one file)"};
}

Result<Done> check_tls(const TlsSettings& tls) {
  if (auto done = check_pair("tls.", tls.cert_file, tls.key_file); !done) return done;
  if (tls.listen.is_off()) return Done{};
  if (tls.cert_file.empty())
    return Error{"tls.listen is given without a certificate; give tls.cert-file and tls.key-file"};
  if (tls.auth_clients != "no" && tls.ca_cert_file.empty() && tls.ca_cert_dir.empty()) {
    return Error{"tls.auth-clients is " + tls.auth_clients +
                 ", but no CA is given to check clients' certificates against; give tls.ca-cert-file or "
                 "tls.ca-cert-dir, or tls.auth-clients = no"};
  }
  if (tls.auth_clients == "no" && tls.auth_clients_user != "off") {
    return Error{"tls.auth-clients-user is " + tls.auth_clients_user +
                 ", but clients are not asked for a certificate (tls.auth-clients is no)"};
  }
  return Done{};
}

Result<Done> check_redis_tls(const RedisSettings& redis, const TlsSettings& tls) {
  if (auto done = check_pair("redis.tls-", redis.tls_cert_file, redis.tls_key_file); !done) return done;
  if (!redis.tls) return Done{};
  if (redis.address.is_unix()) {
    return Error{"redis.tls is given, but redis.address is a Unix socket, where Redis speaks no TLS"};
  }
  if (redis.tls_ca_cert_file.empty() && redis.tls_ca_cert_dir.empty()) {
    return Error{
        "redis.tls is given without a CA to check Redis's certificate against; give redis.tls-ca-cert-file or "
        "redis.tls-ca-cert-dir"};
  }
  if (redis.tls_cert_file.empty() && tls.cert_file.empty()) {
    return Error{
        "redis.tls is given without a certificate for the feed, where Redis connects to; give redis.tls-cert-file and "
        "redis.tls-key-file"};
  }
  return Done{};
}

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
  if (auto done = check_tls(settings.tls); !done) return done;
  if (auto done = check_redis_tls(settings.redis, settings.tls); !done) return done;
  if (settings.listen.address.is_off() && settings.tls.listen.is_off()) {
    return Error{"listen.address and tls.listen are both off: clients could not connect; give one of them"};
  }
  if (settings.tls.listen.port != 0 && settings.tls.listen == settings.listen.address) {
    return Error{"listen.address and tls.listen are both " + to_string(settings.tls.listen) +
                 "; give each a port of its own"};
  }
  if (settings.listen.address.port != 0 && settings.listen.address == settings.redis.address) {
    return Error{"listen.address and redis.address are both " + to_string(settings.listen.address) +
                 ": Holdfast would connect to itself"};
  }
  return check_limits(settings.limits);
}

}  // namespace holdfast
