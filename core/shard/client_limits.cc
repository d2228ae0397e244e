#include "core/shard/client_limits.h"

#include <algorithm>
#include <charconv>
#include <climits>
#include <optional>
#include <span>
#include <vector>

#include "core/resp/words.h"
#include "core/shard/live_settings.h"

namespace holdfast {
namespace {

constexpr std::string_view kClients = "maxclients";
constexpr std::string_view kIdle = "timeout";
constexpr std::string_view kQuery = "client-query-buffer-limit";
constexpr std::string_view kBulk = "proto-max-bulk-len";
constexpr std::string_view kMemory = "maxmemory-clients";
constexpr std::string_view kProtected = "protected-mode";
// With the older names, which CONFIG GET tells, too.
constexpr std::string_view kMinReplicas[] = {"min-replicas-to-write", "min-slaves-to-write"};
constexpr std::string_view kMaxLag[] = {"min-replicas-max-lag", "min-slaves-max-lag"};
constexpr int64_t kLeastBytes = 1 << 20;

std::optional<int64_t> parse_integer(std::string_view text) {
  int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// CLASS HARD SOFT SECONDS, again and again.
std::string set_output(FrontdeskLimits* limits, std::string_view value) {
  const std::vector<std::string_view> parts = split(value);
  if (parts.empty() || parts.size() % 4 != 0) return "Wrong number of arguments in buffer limit configuration.";
  FrontdeskLimits changed = *limits;
  for (size_t i = 0; i < parts.size(); i += 4) {
    const std::string_view kind = parts[i];
    OutputLimit* limit = same_word(kind, "normal")                                ? &changed.normal
                         : same_word(kind, "pubsub")                              ? &changed.subscribers
                         : same_word(kind, "slave") || same_word(kind, "replica") ? &changed.replicas
                                                                                  : nullptr;
    if (limit == nullptr) return "Invalid client class specified in buffer limit configuration.";
    const std::optional<int64_t> hard = parse_memory(parts[i + 1]), soft = parse_memory(parts[i + 2]);
    const std::optional<int64_t> seconds = parse_integer(parts[i + 3]);
    if (!hard || !soft || !seconds || *seconds < 0) {
      return "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
    }
    *limit = OutputLimit{static_cast<size_t>(*hard), static_cast<size_t>(*soft), *seconds};
  }
  *limits = changed;
  return {};
}

// Bytes, or a percentage of maxmemory.
std::string set_memory(FrontdeskLimits* limits, std::string_view value) {
  std::optional<int64_t> number = parse_memory(value);
  if (!number && value.ends_with('%')) {
    number = parse_integer(value.substr(0, value.size() - 1));
    if (number && *number > 100) return "percentage argument must be less or equal to 100";
    number = number && *number >= 0 ? std::optional(-*number) : std::nullopt;
  }
  if (!number) return "argument must be a memory or percent value";
  limits->memory = *number;
  return {};
}

std::string set_protected(FrontdeskLimits* limits, std::string_view value) {
  const bool on = same_word(value, "yes");
  if (!on && !same_word(value, "no")) return "argument must be 'yes' or 'no'";
  limits->protected_mode = on;
  return {};
}

std::string text_of(std::string_view kind, const OutputLimit& limit) {
  return std::string(kind) + " " + std::to_string(limit.hard_bytes) + " " + std::to_string(limit.soft_bytes) + " " +
         std::to_string(limit.soft_seconds);
}

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
  return std::any_of(names.begin(), names.end(), [name](std::string_view one) { return same_word(name, one); });
}

}  // namespace

std::string parse_within(std::optional<int64_t> number, std::string_view kind, int64_t least, int64_t most) {
  if (!number) return std::string(kind);
  if (*number >= least && *number <= most) return {};
  return "argument must be between " + std::to_string(least) + " and " + std::to_string(most) + " inclusive";
}

bool is_client_setting(std::string_view name) {
  if (is_one_of(name, kMinReplicas) || is_one_of(name, kMaxLag)) return true;
  for (const std::string_view one : {kClients, kIdle, kQuery, kBulk, kOutputLimits, kMemory, kProtected}) {
    if (same_word(name, one)) return true;
  }
  return false;
}

std::string set_client_setting(FrontdeskLimits* limits, std::string_view name, std::string_view value) {
  constexpr std::string_view kNoMemory = "argument must be a memory value";
  if (same_word(name, kOutputLimits)) return set_output(limits, value);
  if (same_word(name, kMemory)) return set_memory(limits, value);
  if (same_word(name, kProtected)) return set_protected(limits, value);
  if (is_one_of(name, kMinReplicas) || is_one_of(name, kMaxLag)) {
    const std::optional<int64_t> count = parse_integer(value);
    const std::string wrong = parse_within(count, kNoInteger, 0, INT_MAX);
    if (wrong.empty()) (is_one_of(name, kMaxLag) ? limits->min_replicas_lag_s : limits->min_replicas) = *count;
    return wrong;
  }
  const bool memory = same_word(name, kQuery) || same_word(name, kBulk);
  const std::optional<int64_t> number = memory ? parse_memory(value) : parse_integer(value);
  std::string problem = memory                   ? parse_within(number, kNoMemory, kLeastBytes, LONG_MAX)
                        : same_word(name, kIdle) ? parse_within(number, kNoInteger, 0, INT_MAX)
                                                 : parse_within(number, kNoInteger, 1, UINT_MAX);
  if (!problem.empty()) return problem;
  if (same_word(name, kIdle)) {
    limits->idle_ms = *number * 1000;
  } else if (same_word(name, kQuery)) {
    limits->query_bytes = static_cast<size_t>(*number);
  } else if (same_word(name, kBulk)) {
    limits->requests.max_bulk_bytes = *number;
  } else if (static_cast<size_t>(*number) > limits->most_clients) {
    return "The operating system is not able to handle the specified number of clients, try with " +
           std::to_string(limits->most_clients);
  } else {
    limits->clients = static_cast<size_t>(*number);
  }
  return {};
}

std::string client_setting(const FrontdeskLimits& limits, std::string_view name) {
  if (name == kClients) return std::to_string(limits.clients);
  if (name == kIdle) return std::to_string(limits.idle_ms / 1000);
  if (name == kQuery) return std::to_string(limits.query_bytes);
  if (name == kBulk) return std::to_string(limits.requests.max_bulk_bytes);
  if (name == kMemory) return limits.memory < 0 ? std::to_string(-limits.memory) + "%" : std::to_string(limits.memory);
  if (is_one_of(name, kMinReplicas)) return std::to_string(limits.min_replicas);
  if (is_one_of(name, kMaxLag)) return std::to_string(limits.min_replicas_lag_s);
  if (name == kProtected) return limits.protected_mode ? "yes" : "no";
  return text_of("normal", limits.normal) + " " + text_of("slave", limits.replicas) + " " +
         text_of("pubsub", limits.subscribers);
}

bool OutputWatch::over(const OutputLimit& limit, size_t bytes, int64_t now_ms) {
  if (limit.soft_bytes == 0 || bytes <= limit.soft_bytes) {
    soft_since_ms_ = 0;
  } else if (soft_since_ms_ == 0) {
    soft_since_ms_ = now_ms;
  }
  return (limit.hard_bytes != 0 && bytes > limit.hard_bytes) ||
         (soft_since_ms_ != 0 && now_ms - soft_since_ms_ > limit.soft_seconds * 1000);
}

}  // namespace holdfast
