#include "core/shard/live_settings.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "core/resp/request.h"
#include "core/resp/words.h"

namespace holdfast {
namespace {

constexpr std::string_view kPolicy = "maxmemory-policy";
constexpr std::string_view kLimit = "maxmemory";
constexpr std::string_view kNone = "noeviction";
constexpr std::string_view kBacklog = "repl-backlog-size";
constexpr std::string_view kFsync = "appendfsync";
constexpr std::string_view kAlways = "always";
constexpr int64_t kMostBacklogBytes = 64 << 20;
constexpr int64_t kLeastBacklogBytes = 1 << 20;

std::string config_set(std::string_view name, std::string_view value) {
  std::string request;
  append_request(&request, {"CONFIG", "SET", name, value});
  return request;
}

struct Fixed {
  std::string_view prefix;  // of names
  std::string_view reason;
  std::string_view value = {};  // which may be set: it is so already
};

constexpr std::string_view kReplication = "Holdfast follows and rebuilds Redis by replication, and this is part of it";
constexpr std::string_view kRefusal = "with it Redis could refuse a write that is in the log already";
constexpr std::string_view kNetwork = "clients connect to Holdfast, which has a setting of its own for it";
constexpr Fixed kFixed[] = {
    {"aclfile", kNetwork},
    {"bind", kNetwork},
    {"cluster", kNetwork},
    {"import-mode", "with it Redis tells its connections apart, and all clients share Holdfast's", "no"},
    {"io-threads", kNetwork},
    {"repl-backlog-ttl", kReplication},
    {"repl-timeout", kReplication},
    {"replica", kReplication},
    {"slave", kReplication},
    {"stop-writes-on-bgsave-error", kRefusal, "no"},
    {"tls", kNetwork},
    {"unixsocket", kNetwork},
};

}  // namespace

std::string_view LiveSettings::why_fixed(std::string_view name, std::string_view value) {
  for (const Fixed& fixed : kFixed) {
    if (name.size() < fixed.prefix.size() || !same_word(name.substr(0, fixed.prefix.size()), fixed.prefix)) continue;
    if (fixed.value.empty() || !same_word(value, fixed.value)) return fixed.reason;
  }
  return {};
}

void LiveSettings::learn(const std::string& policy, int64_t maxmemory_bytes) {
  policy_ = policy;
  maxmemory_ = maxmemory_bytes;
}

bool LiveSettings::evicts() const {
  const auto set = kept_.find(std::string(kPolicy));
  return !same_word(set == kept_.end() ? policy_ : set->second, kNone);
}

int64_t LiveSettings::maxmemory() const {
  if (!evicts()) return memory_->limit();
  const auto set = kept_.find(std::string(kLimit));
  return set == kept_.end() ? maxmemory_ : parse_memory(set->second).value_or(0);
}

LiveSettings::Change LiveSettings::plan(const std::vector<std::string_view>& argv) const {
  Change change;
  std::vector<std::string_view> request = argv;
  bool will_evict = evicts();
  size_t limit_at = 0;
  bool about_memory = false;
  for (size_t i = 2; i + 1 < argv.size(); i += 2) {
    about_memory = about_memory || same_word(argv[i], kPolicy) || same_word(argv[i], kLimit);
    if (same_word(argv[i], kPolicy)) will_evict = !same_word(argv[i + 1], kNone);
    if (same_word(argv[i], kLimit) && parse_memory(argv[i + 1])) limit_at = i + 1;
  }
  const int64_t limit = limit_at == 0 ? maxmemory() : *parse_memory(argv[limit_at]);
  const std::string limit_text = std::to_string(limit);
  if (limit_at != 0 && !will_evict) request[limit_at] = "0";
  int64_t backlog_wanted = told_.contains(kBacklog) ? parse_memory(told_.find(kBacklog)->second).value_or(0) : 0;
  const int64_t backlog_needed = backlog_bytes(will_evict ? limit : 0);
  std::string backlog_text;
  for (size_t i = 2; i + 1 < request.size(); i += 2) {
    const std::string name = lowered(request[i]);
    if (name == kFsync) {
      change.told[name] = lowered(request[i + 1]);
      if (change.told[name] == kAlways) request[i + 1] = kCalmFsync;
    } else if (const auto bytes = parse_memory(request[i + 1]); name == kBacklog && bytes && *bytes > 0) {
      backlog_wanted = *bytes;
      change.told[name] = std::to_string(*bytes);
      backlog_text = std::to_string(std::max(*bytes, backlog_needed));
      request[i + 1] = backlog_text;
    }
    change.kept[name] = request[i + 1];
  }
  if (about_memory && (evicts() || will_evict)) {
    const std::string backlog = std::to_string(std::max(backlog_needed, backlog_wanted));
    change.requests.push_back(config_set(kBacklog, backlog));
    change.kept[std::string(kBacklog)] = backlog;
  }
  if (evicts() && !will_evict) {
    change.requests.push_back(config_set(kLimit, "0"));
    change.undo = config_set(kLimit, std::to_string(maxmemory()));
    change.kept[std::string(kLimit)] = "0";
  } else if (evicts() && about_memory) {
    change.requests.push_back(config_set(kLimit, std::to_string(maxmemory())));  // it may be lifted
  } else if (!evicts() && will_evict && limit_at == 0) {
    change.then = config_set(kLimit, limit_text);
    change.kept[std::string(kLimit)] = limit_text;
  }
  if (about_memory) change.own_limit = will_evict ? 0 : limit;
  append_request(&change.requests.emplace_back(), request);
  return change;
}

void LiveSettings::begin(const Change& change) {
  if (!change.own_limit) return;
  memory_->step_back();
  memory_->begin_change();
}

void LiveSettings::carried_out(const Change& change) {
  for (const auto& [name, value] : change.kept) kept_[name] = value;
  for (const auto& [name, value] : change.told) told_[name] = value;
  if (!change.own_limit) return;
  memory_->set_limit(*change.own_limit);
  memory_->end_change();
}

void LiveSettings::refused(const Change& change) {
  if (change.own_limit) memory_->end_change();
}

int64_t backlog_bytes(int64_t maxmemory_bytes) {
  if (maxmemory_bytes == 0) return kMostBacklogBytes;
  return std::clamp(maxmemory_bytes / 8, kLeastBacklogBytes, kMostBacklogBytes);
}

std::optional<int64_t> parse_memory(std::string_view text) {
  constexpr struct {
    std::string_view name;
    int64_t bytes;
  } kUnits[] = {{"", 1},        {"b", 1},        {"k", 1000},       {"kb", 1 << 10},
                {"m", 1000000}, {"mb", 1 << 20}, {"g", 1000000000}, {"gb", 1 << 30}};
  int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || number < 0) return {};
  const std::string_view rest(end, static_cast<size_t>(text.data() + text.size() - end));
  for (const auto& unit : kUnits) {
    if (same_word(rest, unit.name) && number <= INT64_MAX / unit.bytes) return number * unit.bytes;
  }
  return {};
}

std::string human_memory(int64_t bytes) {
  constexpr std::string_view kUnits = "BKMGTP";
  if (bytes < 1024) return std::to_string(bytes) + "B";
  double amount = static_cast<double>(bytes);
  size_t unit = 0;
  for (; amount >= 1024 && unit + 1 < kUnits.size(); unit++) amount /= 1024;
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f%c", amount, kUnits[unit]);
  return text;
}

}  // namespace holdfast
