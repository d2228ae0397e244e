// What it takes to open a log.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace holdfast {

struct SqliteOptions {
  std::string path;
  // The most that the file may grow to; 0: as far as the disk goes. Appending beyond it fails like on a full disk.
  int64_t max_file_bytes = 0;
};

struct KafkaOptions {
  std::string brokers;  // "a:9092,b:9092"
  std::string topic;
  int32_t partition = 0;
  // After this time an entry that no broker has confirmed is reported as unknown.
  std::chrono::milliseconds write_timeout{8000};
  bool create_topic = false;  // when it is missing: with partitions enough to hold `partition`
  // What the topic is created with, and the least that an existing one must have.
  int replication_factor = 3;
  int min_insync_replicas = 2;
  // Passed on to librdkafka (security.protocol, sasl.*, ssl.*, ...), except for what safety rests on.
  std::map<std::string, std::string> properties;
};

struct LogOptions {
  enum class Kind { kSqlite, kKafka };
  Kind kind = Kind::kSqlite;
  // For the recovery tool: no appending and no truncating, no lock taken, no producer created. May be open beside a
  // writer.
  bool read_only = false;
  // Bounds open_log() and each of the calls that block.
  std::chrono::milliseconds timeout{15000};
  SqliteOptions sqlite;
  KafkaOptions kafka;
};

}  // namespace holdfast
