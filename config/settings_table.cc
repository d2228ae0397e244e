#include "config/settings_table.h"

#include "config/setting_kinds.h"

namespace holdfast {
namespace {

constexpr int64_t kDayInMs = 86'400'000;
constexpr int64_t kYearInSeconds = 31'536'000;
constexpr uint64_t kKiB = 1 << 10, kGiB = 1 << 30, kTiB = uint64_t{1} << 40;

using S = Settings;

std::vector<Setting> make_table() {
  return {
      optional_address<&S::listen, &ListenSettings::address>(
          {"listen.address", "--listen", "HOST:PORT", "Where clients connect.",
           "\"0.0.0.0:6379\" listens on all IPv4 addresses, \"[::]:6379\" on all IPv6 addresses. Port 0 takes any free "
           "port. \"off\": only with TLS (tls.listen)."}),
      boolean<&S::listen, &ListenSettings::protected_mode>(
          {"listen.protected-mode", "--listen-protected-mode", "",
           "While the user \"default\" has no password, serve loopback addresses only.",
           "As in Redis: others are told so and disconnected, with TLS, too. Clients can change it with CONFIG SET."}),

      optional_address<&S::tls, &TlsSettings::listen>({"tls.listen", "--tls-listen", "HOST:PORT",
                                                       "Where clients connect with TLS.",
                                                       "Beside listen.address, or alone when that is \"off\"."}),
      text<&S::tls, &TlsSettings::cert_file>(
          {"tls.cert-file", "--tls-cert-file", "FILE", "Holdfast's certificate, in PEM.",
           "With the certificates between it and its CA behind it. The files of certificates are read again when they "
           "change and at SIGHUP; connections go on with what they began with."}),
      text<&S::tls, &TlsSettings::key_file>(
          {"tls.key-file", "--tls-key-file", "FILE", "The private key of tls.cert-file, in PEM.", ""}),
      secret_text<&S::tls, &TlsSettings::key_file_pass>({"tls.key-file-pass", "", "",
                                                         "The pass phrase of tls.key-file.",
                                                         "Never shown, and without a flag. Empty: the key has none."}),
      text<&S::tls, &TlsSettings::ca_cert_file>(
          {"tls.ca-cert-file", "--tls-ca-cert-file", "FILE",
           "The certificates of the CAs that clients' certificates come from, in PEM.", ""}),
      text<&S::tls, &TlsSettings::ca_cert_dir>({"tls.ca-cert-dir", "--tls-ca-cert-dir", "DIR",
                                                "The same as a directory, prepared by \"openssl rehash\".", ""}),
      text<&S::tls, &TlsSettings::crl_file>(
          {"tls.crl-file", "--tls-crl-file", "FILE", "The revoked certificates of these CAs, in PEM.",
           "One list for every CA on the way from a client's certificate to its root. Empty: nothing is revoked."}),
      choice<&S::tls, &TlsSettings::auth_clients>(
          {"tls.auth-clients", "--tls-auth-clients", "WHO", "Whether clients need a certificate.",
           "As in Redis. yes: each needs one; optional: one that is shown must be valid; no: none is asked for."},
          {"yes", "no", "optional"}),
      choice<&S::tls, &TlsSettings::auth_clients_user>(
          {"tls.auth-clients-user", "--tls-auth-clients-user", "FIELD",
           "The field of a client's certificate that names the user it is signed in as.",
           "off: none. Where it names no user, or one that is off, the client is the user \"default\"."},
          {"off", "CN"}),
      text<&S::tls, &TlsSettings::protocols>({"tls.protocols", "--tls-protocols", "NAMES",
                                              "The versions of TLS that are spoken.",
                                              "One or both of TLSv1.2 and TLSv1.3, with a space between them."}),
      text<&S::tls, &TlsSettings::ciphers>({"tls.ciphers", "--tls-ciphers", "LIST",
                                            "The ciphers of TLSv1.2, as in \"man openssl-ciphers\".",
                                            "Empty: OpenSSL's defaults."}),
      text<&S::tls, &TlsSettings::ciphersuites>({"tls.ciphersuites", "--tls-ciphersuites", "LIST",
                                                 "The ciphersuites of TLSv1.3, with \":\" between them.",
                                                 "Empty: OpenSSL's defaults."}),
      boolean<&S::tls, &TlsSettings::prefer_server_ciphers>({"tls.prefer-server-ciphers", "--tls-prefer-server-ciphers",
                                                             "", "Choose ciphers by our order, not by the client's.",
                                                             ""}),
      boolean<&S::tls, &TlsSettings::session_caching>({"tls.session-caching", "--tls-session-caching", "",
                                                       "Let clients that come back resume their session.",
                                                       "Which spares most of the handshake."}),
      number<&S::tls, &TlsSettings::session_cache_size>(
          {"tls.session-cache-size", "--tls-session-cache-size", "N", "How many sessions are kept.", ""}, 1,
          10'000'000),
      number<&S::tls, &TlsSettings::session_cache_timeout>(
          {"tls.session-cache-timeout", "--tls-session-cache-timeout", "SECONDS",
           "How long a session can be resumed, in seconds.", ""},
          1, 604'800),

      redis_address<&S::redis, &RedisSettings::address>(
          {"redis.address", "--redis", "ADDRESS", "The Redis that this proxy owns.",
           "Nobody else may write to it: what does not come out of the log would be lost."}),
      text<&S::redis, &RedisSettings::username>(
          {"redis.username", "--redis-username", "USER", "The ACL user to sign in to Redis as.",
           "It needs all commands, keys and channels. Empty: the user \"default\"."}),
      secret_text<&S::redis, &RedisSettings::password>(
          {"redis.password", "", "", "The password for Redis.",
           "Never shown, and without a flag, because the arguments of a process can be read by others. Empty: no "
           "password."}),
      text<&S::redis, &RedisSettings::password_file>(
          {"redis.password-file", "--redis-password-file", "FILE", "A file that holds the password for Redis.",
           "Takes the place of redis.password, for mounted secrets. A newline at its end does not belong to the "
           "password."}),
      number<&S::redis, &RedisSettings::reserved_database>(
          {"redis.reserved-database", "--redis-reserved-database", "N",
           "The database in which Holdfast keeps its marker, hidden from clients.",
           "-1 is the last one that Redis has; "
           "0 is not possible, because every client begins there. All nodes of a shard must say the same."},
          -1, 1000000),
      tcp_address<&S::redis, &RedisSettings::feed_address>(
          {"redis.feed-address", "--feed-address", "HOST:PORT",
           "Where Redis connects to be rebuilt from a snapshot and the log.",
           "Holdfast listens here as the replication master of its Redis, so the host must be one that Redis can "
           "connect to: when Redis runs on another machine or in another container, not a loopback address. Port 0 "
           "takes any free port."}),
      boolean<&S::redis, &RedisSettings::discard_data>(
          {"redis.discard-data", "--discard-redis-data", "",
           "At attach, throw away data in Redis that is not this log's.",
           "Without it, Holdfast refuses to attach to a Redis that holds data of some other log, and says so. Nothing "
           "that was thrown away can be had back."}),
      required_text<&S::redis, &RedisSettings::server_program>(
          {"redis.server-program", "--redis-server", "PATH",
           "The redis-server program with which base snapshots are verified.",
           "It is run privately, beside the Redis that serves, and should have the same version or a newer one. "
           "Without a \"/\" it is looked for in PATH."}),
      boolean<&S::redis, &RedisSettings::tls>(
          {"redis.tls", "--redis-tls", "", "Speak TLS with Redis.",
           "redis.address is its tls-port then. Redis connects to the feed with TLS too (Holdfast sets its "
           "tls-replication) and must show a certificate of redis.tls-ca-cert-file."}),
      text<&S::redis, &RedisSettings::tls_cert_file>(
          {"redis.tls-cert-file", "--redis-tls-cert-file", "FILE", "The certificate that Redis is shown, in PEM.",
           "Also the feed's. Empty: Redis asks for none; the feed's is tls.cert-file."}),
      text<&S::redis, &RedisSettings::tls_key_file>({"redis.tls-key-file", "--redis-tls-key-file", "FILE",
                                                     "The private key of redis.tls-cert-file, in PEM.", ""}),
      secret_text<&S::redis, &RedisSettings::tls_key_file_pass>(
          {"redis.tls-key-file-pass", "", "", "The pass phrase of redis.tls-key-file.",
           "Never shown, and without a flag. Empty: the key has none."}),
      text<&S::redis, &RedisSettings::tls_ca_cert_file>(
          {"redis.tls-ca-cert-file", "--redis-tls-ca-cert-file", "FILE",
           "The certificates of the CAs that Redis's certificate comes from, in PEM.", ""}),
      text<&S::redis, &RedisSettings::tls_ca_cert_dir>({"redis.tls-ca-cert-dir", "--redis-tls-ca-cert-dir", "DIR",
                                                        "The same as a directory, prepared by \"openssl rehash\".",
                                                        ""}),
      choice<&S::redis, &RedisSettings::tls_verify>(
          {"redis.tls-verify", "--redis-tls-verify", "HOW", "What Redis's certificate is checked for.",
           "host: it comes from one of the CAs and is for the host in redis.address; ca: it comes from one of the CAs, "
           "whoever it is for (all that Redis itself ever checks)."},
          {"host", "ca"}),

      secret_text<&S::users, &UserSettings::requirepass>(
          {"users.requirepass", "", "", "The password that clients must give, as Redis's requirepass.",
           "It is that of the user \"default\", in the place of any other, at each start. Never shown, and without a "
           "flag, "
           "because the arguments of a process can be read by others. Empty: the user's password is what it was."}),
      text<&S::users, &UserSettings::file>({"users.file", "--users-file", "FILE", "An ACL file, as Redis's aclfile.",
                                            "Read at the first start, when the log does not know of any users; from "
                                            "then on they are kept with the log. ACL "
                                            "LOAD reads it again, ACL SAVE writes it."}),

      log_url<&S::log, &LogSettings::url>(
          {"log.url", "--log", "URL", "The log.",
           "sqlite:PATH keeps it in one file on this machine: one node, no other service. "
           "kafka://HOST:PORT,HOST:PORT/TOPIC[/PARTITION] keeps it in one partition of a topic (0 if none is "
           "given), replicated by Kafka."}),
      boolean<&S::log, &LogSettings::create_topic>(
          {"log.create-topic", "--log-create-topic", "", "Create the Kafka topic if it does not exist.",
           "A topic that exists is never changed; one that is set up so that it could lose records is refused with "
           "the reason."}),
      number<&S::log, &LogSettings::replication_factor>(
          {"log.replication-factor", "--log-replication-factor", "N", "How many brokers hold a topic that is created.",
           "Kafka only."},
          1, 99),
      number<&S::log, &LogSettings::min_insync_replicas>(
          {"log.min-insync-replicas", "--log-min-insync-replicas", "N",
           "How many brokers must have a record before it counts.",
           "Kafka only. Set for a topic that is created. With 3 replicas and 2 of them here, one broker can fail "
           "without loss and without a pause."},
          1, 99),
      number<&S::log, &LogSettings::in_flight>(
          {"log.in-flight", "--log-in-flight", "N",
           "How many batches are under way to the log before the next one gathers.",
           "Fewer make larger batches, more make shorter waits, as long as the log keeps up."},
          1, 1000),
      bytes<&S::log, &LogSettings::max_batch_bytes>(
          {"log.max-batch-bytes", "--log-max-batch-bytes", "SIZE", "The size at which a batch is full.",
           "A single command that is larger makes a batch of its own."},
          kKiB, kGiB),

      kafka_properties<&S::kafka, &KafkaSettings::properties>(
          {"kafka", "--kafka-property", "NAME=VALUE", "A property of librdkafka; can be given more than once.",
           "Any property of librdkafka's CONFIGURATION.md, but for those that durability and order rest on and those "
           "that other settings say: these are refused. A property replaces the one of the same name from a source "
           "that counts less; the others stay. In the environment, \";\" separates properties, so a value that "
           "contains one must stand in the file."}),

      required_text<&S::snapshots, &SnapshotSettings::directory>(
          {"snapshots.directory", "--snapshots", "DIR", "The directory of snapshots.",
           "It is created if it does not exist. All nodes of a shard and the recovery tool must see the same one."}),

      number<&S::timeouts, &TimeoutSettings::write>(
          {"timeouts.write-ms", "--timeouts-write-ms", "MS", "How long a write waits for the log, in milliseconds.",
           "Then the client gets an error that says whether the write may have happened. While a large value is on its "
           "way, it counts from the last piece that has moved."},
          1, kDayInMs),
      number<&S::timeouts, &TimeoutSettings::read>(
          {"timeouts.read-ms", "--timeouts-read-ms", "MS", "How long a read waits for Redis, in milliseconds.",
           "Then the client gets an error."},
          1, kDayInMs),
      number<&S::timeouts, &TimeoutSettings::attach>(
          {"timeouts.attach-ms", "--timeouts-attach-ms", "MS",
           "How long to try to attach to Redis and the log, in milliseconds.", "Then Holdfast ends with the reason."},
          1, kDayInMs),
      number<&S::timeouts, &TimeoutSettings::drain>(
          {"timeouts.drain-ms", "--timeouts-drain-ms", "MS",
           "How long writes under way may take to finish when Holdfast is told to stop, in milliseconds.",
           "0: they are not waited for."},
          0, kDayInMs),
      number<&S::timeouts, &TimeoutSettings::handshake>(
          {"timeouts.handshake-ms", "--timeouts-handshake-ms", "MS",
           "How long the handshake of TLS may take, in milliseconds.", "Then the connection is closed."},
          1, kDayInMs),

      number<&S::limits, &LimitSettings::clients>(
          {"limits.clients", "--limits-clients", "N", "How many clients may be connected at once.",
           "Further ones are refused with an error, as by Redis's maxclients."},
          1, 1000000),
      number<&S::limits, &LimitSettings::connections_per_second>(
          {"limits.connections-per-second", "--limits-connections-per-second", "N",
           "How many connections are accepted in a second.", "Further ones wait for the next second. 0: no limit."},
          0, 1'000'000),
      bytes<&S::limits, &LimitSettings::client_output_bytes>(
          {"limits.client-output-bytes", "--limits-client-output-bytes", "SIZE",
           "Replies waiting for one client above which nothing more is read from it.",
           "A client that does not read its replies is slowed down, not cut off."},
          16 * kKiB, kTiB),
      output_limits<&S::limits, &LimitSettings::client_output_buffer_limit>(
          {"limits.client-output-buffer-limit", "--limits-client-output-buffer-limit", "TEXT",
           "What may wait for a client before it is disconnected, by class: normal, pubsub, replica.",
           "As Redis's: CLASS HARD SOFT SECONDS, for one class or more, in bytes or as \"8mb\". A client is "
           "disconnected above HARD, or when it has been above SOFT for so long. 0: no such limit; but subscribers "
           "have one in any case, of limits.client-output-bytes."}),
      bytes<&S::limits, &LimitSettings::client_query_bytes>(
          {"limits.client-query-bytes", "--limits-client-query-bytes", "SIZE",
           "The largest request, or transaction, of one client.",
           "A client that sends more is disconnected, as by Redis's client-query-buffer-limit. At least "
           "limits.max-bulk-bytes."},
          64 * kKiB, kTiB),
      bytes<&S::limits, &LimitSettings::total_bytes>(
          {"limits.total-bytes", "--limits-total-bytes", "SIZE", "What the buffers of all clients together may take.",
           "With half of it in replies, clients that wait for some are not read from until some of it has been worked "
           "off. Above it, the client that takes most is disconnected, whoever it is."},
          64 * kKiB, kTiB),
      bytes<&S::limits, &LimitSettings::maxmemory_clients>(
          {"limits.maxmemory-clients", "--limits-maxmemory-clients", "SIZE",
           "What all clients together may take before the largest are disconnected, but for those with CLIENT "
           "NO-EVICT.",
           "As Redis's maxmemory-clients. With CONFIG SET it may also be a percentage of maxmemory. 0: no limit but "
           "limits.total-bytes."},
          0, kTiB),
      bytes<&S::limits, &LimitSettings::max_bulk_bytes>(
          {"limits.max-bulk-bytes", "--limits-max-bulk-bytes", "SIZE", "The largest single argument of a command.",
           "As Redis's proto-max-bulk-len."},
          kKiB, kTiB),
      bytes<&S::limits, &LimitSettings::maxmemory>(
          {"limits.maxmemory", "--limits-maxmemory", "SIZE",
           "The memory that Redis may use before writes that need more are refused.",
           "Takes the place of Redis's maxmemory with the policy noeviction, which Redis must not enforce itself: it "
           "would refuse what the log already holds. 0: no limit."},
          0, 64 * kTiB),
      number<&S::limits, &LimitSettings::min_replicas_to_write>(
          {"limits.min-replicas-to-write", "--limits-min-replicas-to-write", "N",
           "With fewer replicas of Holdfast that keep up, writes are refused.",
           "As Redis's. What was acknowledged is in the log without any replica. 0: writes need none."},
          0, 1000),
      number<&S::limits, &LimitSettings::min_replicas_max_lag>(
          {"limits.min-replicas-max-lag", "--limits-min-replicas-max-lag", "SECONDS",
           "How long a replica that keeps up may not have been heard of.",
           "As Redis's. 0: limits.min-replicas-to-write is off."},
          0, kYearInSeconds),
      number<&S::limits, &LimitSettings::idle>(
          {"limits.idle-seconds", "--limits-idle-seconds", "SECONDS",
           "After how long without a request a client is disconnected.",
           "As Redis's timeout; subscribers and blocked clients are left alone. 0: never."},
          0, kYearInSeconds),

      boolean<&S::cluster, &ClusterSettings::enabled>(
          {"cluster.enabled", "--cluster-enabled", "", "Speak the Redis cluster protocol, as a cluster of one shard.",
           "For clients that are set up for a cluster. The Redis behind stays one without cluster mode. Clients then "
           "have one database, and the keys of one request, script or transaction must share a slot."}),
      text<&S::cluster, &ClusterSettings::announce_host>(
          {"cluster.announce-host", "--cluster-announce-host", "HOST",
           "The address of this node that clients are told.",
           "For containers and NAT, where clients reach it by another one than its own. Empty: the address that the "
           "client has connected to."}),
      number<&S::cluster, &ClusterSettings::announce_port>(
          {"cluster.announce-port", "--cluster-announce-port", "PORT", "The port that clients without TLS are told.",
           "0: the port that the client has connected to."},
          0, 65535),
      number<&S::cluster, &ClusterSettings::announce_tls_port>(
          {"cluster.announce-tls-port", "--cluster-announce-tls-port", "PORT",
           "The port that clients with TLS are told.", "0: the port that the client has connected to."},
          0, 65535),

      choice<&S::logging, &LoggingSettings::level>(
          {"logging.level", "--log-level", "LEVEL", "The least severe messages that are written.", ""},
          {"trace", "debug", "info", "warn", "error"}),
      text<&S::logging, &LoggingSettings::file>({"logging.file", "--log-file", "FILE", "The file that messages go to.",
                                                 "They are appended. Empty: standard error."}),
  };
}

}  // namespace

const std::vector<SettingsSection>& settings_sections() {
  static const std::vector<SettingsSection> sections = {
      {"listen", "Clients", "Where clients find Holdfast."},
      {"tls", "TLS for clients", "Encrypted connections of clients. The names are Redis's."},
      {"redis", "Redis", "The stock Redis that holds the data."},
      {"users", "Users", "Who may connect and do what; they are kept with the log."},
      {"log", "Log", "Where every write is committed before Redis sees it."},
      {"kafka", "Kafka client", "Properties that are passed through to librdkafka."},
      {"snapshots", "Snapshots", "Where the state at a position of the log is kept."},
      {"timeouts", "Time-outs", "How long to wait before giving up with an error."},
      {"limits", "Limits",
       "How much clients may take. Sizes are written as in Redis: 1024, \"1kb\" or \"1KiB\" are the "
       "same, \"1k\" is 1000; likewise m and g."},
      {"cluster", "Cluster", "What clients of a Redis cluster are told."},
      {"logging", "Messages", "What Holdfast says about itself."},
  };
  return sections;
}

const std::vector<Setting>& settings_table() {
  static const std::vector<Setting> table = make_table();
  return table;
}

}  // namespace holdfast
