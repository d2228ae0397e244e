// Names a log: sqlite:PATH or kafka://HOST:PORT,HOST:PORT/TOPIC[/PARTITION]. Used by the proxy and the recovery tool.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace holdfast {

struct LogUrl {
  enum class Kind { kSqlite, kKafka };

  Kind kind = Kind::kSqlite;
  std::string path;     // SQLite: the file
  std::string brokers;  // Kafka: "HOST:PORT,HOST:PORT", as librdkafka's bootstrap.servers takes it
  std::string topic;
  int32_t partition = 0;

  bool operator==(const LogUrl&) const = default;
};

Result<LogUrl> parse_log_url(std::string_view text);

// Parses to the same URL again. Partition 0 is left out.
std::string to_string(const LogUrl& url);

}  // namespace holdfast
