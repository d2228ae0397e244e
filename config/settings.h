// Everything that can be set about the proxy. A plain struct, one part for each section of the configuration file.
//
// What the settings are called, what they may be and what they mean stands in config/settings_table.cc, once: flags,
// environment variables, the file, --help, holdfast.example.toml and docs/settings.md follow from that table. The
// defaults stand here, once.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "config/address.h"
#include "config/kafka_properties.h"
#include "config/log_url.h"
#include "core/result.h"

namespace holdfast {

struct ListenSettings {
  Address address{"127.0.0.1", 6379, ""};
  bool protected_mode = true;
};

struct TlsSettings {
  Address listen;  // off
  std::string cert_file, key_file;
  std::string key_file_pass;
  std::string ca_cert_file, ca_cert_dir, crl_file;
  std::string auth_clients = "yes";
  std::string auth_clients_user = "off";
  std::string protocols = "TLSv1.2 TLSv1.3";
  std::string ciphers, ciphersuites;  // empty: OpenSSL's
  bool prefer_server_ciphers = false;
  bool session_caching = true;
  int64_t session_cache_size = 20480;
  std::chrono::seconds session_cache_timeout{300};
};

struct RedisSettings {
  Address address{"127.0.0.1", 6380, ""};
  std::string username;
  std::string password;       // also when it was read from password_file
  std::string password_file;  // empty: none
  int64_t reserved_database = -1;
  Address feed_address{"127.0.0.1", 0, ""};
  bool discard_data = false;
  std::string server_program = "redis-server";
  bool tls = false;
  std::string tls_cert_file, tls_key_file;
  std::string tls_key_file_pass;
  std::string tls_ca_cert_file, tls_ca_cert_dir;
  std::string tls_verify = "host";
};

struct UserSettings {
  std::string requirepass;
  std::string file;  // empty: none
};

struct LogSettings {
  LogUrl url{LogUrl::Kind::kSqlite, "holdfast.db", "", "", 0};
  bool create_topic = true;
  int64_t replication_factor = 3;
  int64_t min_insync_replicas = 2;
  int64_t in_flight = 4;
  uint64_t max_batch_bytes = 512 << 10;
};

struct KafkaSettings {
  KafkaProperties properties;
};

struct SnapshotSettings {
  std::string directory = "snapshots";
};

struct TimeoutSettings {
  std::chrono::milliseconds write{5000};
  std::chrono::milliseconds read{5000};
  std::chrono::milliseconds attach{60000};
  std::chrono::milliseconds drain{10000};
  std::chrono::milliseconds handshake{10000};
};

struct LimitSettings {
  int64_t clients = 10000;
  int64_t connections_per_second = 0;  // 0: no limit
  uint64_t client_output_bytes = 64 << 20;
  uint64_t client_query_bytes = uint64_t{1} << 30;
  std::string client_output_buffer_limit = "normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60";
  uint64_t total_bytes = uint64_t{4} << 30;
  uint64_t max_bulk_bytes = 512 << 20;
  uint64_t maxmemory_clients = 0;  // 0: no limit
  uint64_t maxmemory = 0;          // 0: no limit
  int64_t min_replicas_to_write = 0, min_replicas_max_lag = 10;
  std::chrono::seconds idle{0};  // 0: clients may idle for ever
};

struct ClusterSettings {
  bool enabled = false;
  std::string announce_host;  // empty: the address that a client has connected to
  int64_t announce_port = 0;  // 0 likewise
  int64_t announce_tls_port = 0;
};

struct LoggingSettings {
  std::string level = "info";  // a name that spdlog knows
  std::string file;            // empty: standard error
};

struct Settings {
  ListenSettings listen;
  TlsSettings tls;
  RedisSettings redis;
  UserSettings users;
  LogSettings log;
  KafkaSettings kafka;
  SnapshotSettings snapshots;
  TimeoutSettings timeouts;
  LimitSettings limits;
  ClusterSettings cluster;
  LoggingSettings logging;
};

// Whether the settings go together; each by itself is checked when it is set.
Result<Done> check_settings(const Settings& settings);

}  // namespace holdfast
