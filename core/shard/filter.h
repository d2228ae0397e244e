// Redis's reply as a client of Holdfast should see it: without the reserved database, and where Redis tells of its
// clients, with Holdfast's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/shard/batch.h"
#include "core/shard/client_limits.h"
#include "core/shard/replicas.h"
#include "core/shard/tracking.h"
#include "core/stats/own_calls.h"
#include "core/stats/statistics.h"

namespace holdfast {

struct Visible {
  int reserved_db = -1;
  size_t clients = 0;
  size_t blocked = 0;
  size_t channels = 0, patterns = 0;  // with subscribers
  int64_t maxmemory = 0;              // bytes, whoever keeps it
  FrontdeskLimits limits;
  Tracking::Counts tracking;  // CLIENT TRACKING
  std::string port;           // where the client came in
  int plain_port = 0;         // … where clients do without TLS
  TlsSettingValues tls = {};  // … and how with it
  uint64_t connections = 0, commands = 0;
  size_t client_memory = 0;  // bytes
  uint64_t evicted = 0;      // clients, for it
  int databases = 16;
  bool cluster = false;                                                   // Holdfast is a node of a cluster
  const std::map<std::string, std::string, std::less<>>* told = nullptr;  // settings that Redis has otherwise
  const std::map<std::string, std::string>* refused = nullptr;  // by user: the client that was refused something last
  const Statistics* statistics = nullptr;
  OwnCalls* own_calls = nullptr;  // to tell what scripts did
  const Replicas* replicas = nullptr;
};

// `reply` is one whole reply; what is no answer of the kind expected is given back as it is.
std::string filter_reply(Filter filter, std::string_view reply, const Visible& visible);

}  // namespace holdfast
