// SLOWLOG, COMMANDLOG and LATENCY HISTOGRAM: about what Holdfast's clients did. What is wrong with a request, and HELP,
// Redis says in its own words.
#include <algorithm>

#include "core/resp/words.h"
#include "core/shard/frontdesk.h"
#include "core/shard/outcomes.h"

namespace holdfast {
namespace {

constexpr int64_t kUsualCount = 10;

LocalCommands::Outcome entries_of(const CommandLog& log, int64_t count) {
  const size_t most = log.entries().size();
  const size_t shown = count < 0 ? most : std::min(most, static_cast<size_t>(count));
  LocalCommands::Outcome outcome;
  std::string* out = &outcome.reply;
  append_array_header(out, shown);
  for (size_t i = 0; i < shown; i++) {
    const CommandLog::Entry& entry = log.entries()[i];
    append_array_header(out, 6);
    append_integer(out, entry.id);
    append_integer(out, entry.time_s);
    append_integer(out, entry.value);
    append_array_header(out, entry.argv.size());
    for (const std::string& argument : entry.argv) append_bulk(out, argument);
    append_bulk(out, entry.address);
    append_bulk(out, entry.name);
  }
  return outcome;
}

void append_histogram(std::string* out, const CommandStat& stat, Protocol protocol) {
  append_bulk(out, stat.name);
  append_map_header(out, 2, protocol);
  append_bulk(out, "calls");
  append_integer(out, static_cast<int64_t>(stat.latency->count()));
  append_bulk(out, "histogram_usec");
  const auto levels = stat.latency->cumulative();
  append_map_header(out, levels.size(), protocol);
  for (const auto& [microseconds, count] : levels) {
    append_integer(out, microseconds);
    append_integer(out, static_cast<int64_t>(count));
  }
}

}  // namespace

LocalCommands::Outcome LocalCommands::slowlog(const Argv& argv) {
  CommandLog& log = desk_->statistics_.slow;
  const bool alone = argv.size() == 2;
  if (alone && same_word(argv[1], "LEN")) return integer(static_cast<int64_t>(log.entries().size()));
  if (alone && same_word(argv[1], "RESET")) {
    log.reset();
    return simple("OK");
  }
  if (!same_word(argv[1], "GET") || argv.size() > 3) return backend();
  int64_t count = kUsualCount;
  // Before 7.0 any negative number meant all.
  const int64_t least = desk_->counter_->words().cluster_dialect == ClusterDialect::kRedis6 ? INT64_MIN : -1;
  if (argv.size() == 3 && (!parse_int(argv[2], &count) || count < least)) return backend();
  return entries_of(log, count);
}

// Valkey's: SLOWLOG is its "slow".
LocalCommands::Outcome LocalCommands::commandlog(const Argv& argv) {
  Statistics& statistics = desk_->statistics_;
  const std::string_view type = argv.back();
  CommandLog* log = same_word(type, "slow")            ? &statistics.slow
                    : same_word(type, "large-request") ? &statistics.large_requests
                    : same_word(type, "large-reply")   ? &statistics.large_replies
                                                       : nullptr;
  if (log == nullptr) return backend();
  if (argv.size() == 3 && same_word(argv[1], "LEN")) return integer(static_cast<int64_t>(log->entries().size()));
  if (argv.size() == 3 && same_word(argv[1], "RESET")) {
    log->reset();
    return simple("OK");
  }
  int64_t count = 0;
  const bool get = argv.size() == 4 && same_word(argv[1], "GET");
  if (!get || !parse_int(argv[2], &count) || count < -1) return backend();
  return entries_of(*log, count);
}

LocalCommands::Outcome LocalCommands::latency_histogram(const Argv& argv) {
  const Statistics::Commands& commands = desk_->statistics_.commands();
  std::string histograms;
  size_t count = 0;
  const auto add = [&](const CommandStat& stat) {
    if (!stat.latency) return;
    append_histogram(&histograms, stat, session_->protocol);
    count++;
  };
  if (argv.size() == 2) {
    for (const auto& [name, stat] : commands) add(*stat);
  }
  // A container stands for all its subcommands.
  for (size_t i = 2; i < argv.size(); i++) {
    const std::string name = lowered(argv[i]);
    if (const auto found = commands.find(name); found != commands.end()) add(*found->second);
    const std::string container = name + "|";
    for (auto sub = commands.lower_bound(container); sub != commands.end() && sub->first.starts_with(container);
         ++sub) {
      add(*sub->second);
    }
  }
  Outcome outcome;
  append_map_header(&outcome.reply, count, session_->protocol);
  outcome.reply += histograms;
  return outcome;
}

}  // namespace holdfast
