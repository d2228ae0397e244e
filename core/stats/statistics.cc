#include "core/stats/statistics.h"

#include <algorithm>
#include <charconv>

#include "core/resp/words.h"

namespace holdfast {
namespace {

constexpr std::string_view kTracking = "latency-tracking";
constexpr std::string_view kPercentiles = "latency-tracking-info-percentiles";

// The settings of the logs, by all names.
struct LogSetting {
  std::string_view name;
  CommandLog Statistics::*log;
  bool threshold;  // else how many entries
};
constexpr LogSetting kLogSettings[] = {
    {"slowlog-log-slower-than", &Statistics::slow, true},
    {"commandlog-execution-slower-than", &Statistics::slow, true},
    {"commandlog-request-larger-than", &Statistics::large_requests, true},
    {"commandlog-reply-larger-than", &Statistics::large_replies, true},
    {"slowlog-max-len", &Statistics::slow, false},
    {"commandlog-slow-execution-max-len", &Statistics::slow, false},
    {"commandlog-large-request-max-len", &Statistics::large_requests, false},
    {"commandlog-large-reply-max-len", &Statistics::large_replies, false},
};

std::vector<double> numbers(std::string_view text) {
  std::vector<double> values;
  while (!text.empty()) {
    double value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem == std::errc()) values.push_back(value);
    text.remove_prefix(std::min(text.find(' ', static_cast<size_t>(end - text.data())), text.size()));
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  }
  return values;
}

}  // namespace

bool refused_unexecuted(std::string_view reply) {
  static constexpr std::string_view kWords[] = {"NOPERM",  "NOAUTH",     "OOM",      "LOADING",    "NOTWRITTEN", "BUSY",
                                                "MISCONF", "NOREPLICAS", "READONLY", "MASTERDOWN", "CROSSSLOT"};
  if (!reply.starts_with('-')) return false;
  const std::string_view word = ErrorCounts::word_of(reply);
  // What a script was told is the script's failure.
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords) &&
         reply.find(" script: ") == std::string_view::npos;
}

CommandStat* Statistics::stat_of(const CommandInfo* info) {
  if (info == nullptr) return nullptr;
  if (info->number >= by_number_.size()) by_number_.resize(info->number + 1);
  CommandStat*& found = by_number_[info->number];
  if (found != nullptr && found->name == info->name) return found;
  std::unique_ptr<CommandStat>& stat = commands_[info->name];
  if (!stat) {
    stat = std::make_unique<CommandStat>();
    stat->name = info->name;
  }
  stat->in_logs = !info->skips_slowlog;
  found = stat.get();
  return found;
}

void Statistics::count(CommandStat* stat, int64_t usec, bool rejected, bool failed) {
  if (rejected) {
    stat->rejected++;
    return;
  }
  stat->calls++;
  stat->usec += static_cast<uint64_t>(usec);
  if (failed) stat->failed++;
  if (!tracking_) return;
  if (!stat->latency) stat->latency = std::make_unique<LatencyHistogram>();
  stat->latency->record(usec * 1000);
}

void Statistics::done(const Request& request, std::string_view reply, const Shown& shown) {
  const bool failed = reply.starts_with('-');
  if (failed) errors.add(reply);
  if (request.stat == nullptr) return;
  const int64_t usec = std::max<int64_t>(0, request.duration_us(now_us()));
  count(request.stat, usec, request.rejected, failed);
  if (!request.rejected) log(*request.stat, usec, request.bytes, reply.size(), shown);
}

void Statistics::part_done(const Request& exec, const TransactionPart& part, const Shown& shown) {
  const bool failed = !part.error.empty();
  if (failed) errors.add(part.error);
  if (part.stat == nullptr) return;
  const int64_t usec = std::max<int64_t>(0, exec.duration_us(now_us()));
  const bool rejected = refused_unexecuted(part.error);
  count(part.stat, usec, rejected, failed);
  if (!rejected) log(*part.stat, usec, part.bytes, part.reply_bytes, shown);
}

void Statistics::log(const CommandStat& stat, int64_t usec, size_t bytes, size_t reply_bytes, const Shown& shown) {
  if (!stat.in_logs) return;
  if (slow.wants(usec)) add_to(&slow, usec, stat, shown);
  if (large_requests.wants(static_cast<int64_t>(bytes))) {
    add_to(&large_requests, static_cast<int64_t>(bytes), stat, shown);
  }
  if (large_replies.wants(static_cast<int64_t>(reply_bytes))) {
    add_to(&large_replies, static_cast<int64_t>(reply_bytes), stat, shown);
  }
}

void Statistics::add_to(CommandLog* log, int64_t value, const CommandStat& stat, const Shown& shown) const {
  std::string text(shown.text);
  if (text.empty() && shown.parser != nullptr) append_trimmed(&text, shown.parser->argv(), shown.parser->canonical());
  RequestParser parser(kNoRequestLimits);
  if (parser.parse(text) != RequestParser::Status::kComplete) return;  // it was not kept: the log was off when it came
  CommandLog::Entry entry;
  entry.time_s = unix_s_();
  entry.value = value;
  entry.argv.assign(parser.argv().begin(), parser.argv().end());
  redact(stat.name, &entry.argv);
  entry.address = shown.address;
  entry.name = shown.name;
  log->add(std::move(entry));
}

void Statistics::reset() {
  errors.reset();
  for (const auto& [name, stat] : commands_) {
    stat->calls = stat->usec = stat->rejected = stat->failed = 0;
    stat->latency.reset();
  }
}

bool Statistics::is_setting(std::string_view name) {
  return same_word(name, kTracking) || same_word(name, kPercentiles) ||
         std::any_of(std::begin(kLogSettings), std::end(kLogSettings),
                     [&](const LogSetting& setting) { return same_word(name, setting.name); });
}

void Statistics::set(std::string_view name, std::string_view value) {
  if (same_word(name, kTracking)) tracking_ = same_word(value, "yes");
  if (same_word(name, kPercentiles)) percentiles_ = numbers(value);
  int64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  for (const LogSetting& setting : kLogSettings) {
    if (!same_word(name, setting.name)) continue;
    CommandLog& log = this->*setting.log;
    if (setting.threshold) {
      log.set_threshold(number);
    } else {
      log.set_most(static_cast<size_t>(std::max<int64_t>(0, number)));
    }
  }
}

}  // namespace holdfast
