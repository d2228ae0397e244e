// What clients may take: of memory, of time, of places; and who may come. To them these are Redis's own settings
// (maxclients, timeout, maxmemory-clients …), so CONFIG GET and CONFIG SET of them are about these here, in Redis's
// words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/resp/request.h"

namespace holdfast {

// client-output-buffer-limit of one class of clients: closed when more than `hard_bytes` wait for it, or more than
// `soft_bytes` for so long. 0: no such limit.
struct OutputLimit {
  size_t hard_bytes = 0;
  size_t soft_bytes = 0;
  int64_t soft_seconds = 0;
};

// What waits for one client or replica, held against its limit.
class OutputWatch {
 public:
  // Whether `bytes` are too many, or have been too many for too long.
  bool over(const OutputLimit& limit, size_t bytes, int64_t now_ms);
  // They are over the soft limit: ask again, although nothing more comes.
  bool soft() const { return soft_since_ms_ != 0; }

 private:
  int64_t soft_since_ms_ = 0;
};

struct FrontdeskLimits {
  RequestLimits requests;
  size_t query_bytes = 1UL << 30;     // of one client's requests not yet dealt with
  size_t output_bytes = 64UL << 20;   // of one client's replies: above, its requests wait
  size_t total_bytes = 4UL << 30;     // of all clients' buffers: with half of it they wait; above, the largest go
  size_t waiting_per_session = 1024;  // requests of one client under way
  size_t waiting_at_first = 64;       // … before the size of its replies is known
  int64_t memory = 0;                 // of all clients: above, the largest go; below 0: percent of maxmemory; 0: none
  int64_t idle_ms = 0;                // 0: for ever
  size_t clients = 10'000;            // connected at once; the shell turns others away
  size_t most_clients = 1'000'000;    // that there are files for
  int64_t min_replicas = 0;           // with fewer that keep up writes are refused
  int64_t min_replicas_lag_s = 10;    // … for so long; 0: whatever they do
  bool protected_mode = false;        // see Frontdesk::let_in()
  OutputLimit normal;
  OutputLimit subscribers{32UL << 20, 8UL << 20, 60};
  OutputLimit replicas{256UL << 20, 64UL << 20, 60};
};

// What Redis says to a write when too few replicas keep up.
constexpr std::string_view kTooFewReplicas = "NOREPLICAS Not enough good replicas to write.";

constexpr std::string_view kOutputLimits = "client-output-buffer-limit";

constexpr std::string_view kNoInteger = "argument couldn't be parsed into an integer";
// Empty, or why the number is none that may be, as CONFIG SET says it; `kind`: where it is no number at all.
std::string parse_within(std::optional<int64_t> number, std::string_view kind, int64_t least, int64_t most);

bool is_client_setting(std::string_view name);
// Empty, or why not, as Redis says it; then nothing has changed.
std::string set_client_setting(FrontdeskLimits* limits, std::string_view name, std::string_view value);
std::string client_setting(const FrontdeskLimits& limits, std::string_view name);

}  // namespace holdfast
