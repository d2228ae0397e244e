// holdfast-recover inspect: what is in the log.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <limits>

#include "recovery/interrupt.h"
#include "recovery/moment.h"
#include "recovery/options.h"
#include "recovery/prefetch_log.h"
#include "recovery/progress.h"
#include "recovery/record_text.h"
#include "recovery/summary.h"

namespace holdfast {
namespace {

constexpr size_t kReadBytes = 1 << 20;
constexpr int64_t kEver = std::numeric_limits<int64_t>::max();

class InspectCommand : public Subcommand {
 public:
  explicit InspectCommand(CLI::App* parent);
  std::optional<Failure> run(int* status) override;

 private:
  std::optional<Failure> check_flags();
  std::optional<Failure> read_through(Position last, Progress* progress);
  void show(const Record& record);
  void show_void(const LogEntry& entry);
  bool is_wanted(RecordType type, int64_t time_ms) const;

  LogFlags log_flags_;
  Position from_ = 0;
  Position to_ = kEver;
  std::string from_time_text_;
  std::string to_time_text_;
  std::string key_;
  CLI::Option* key_option_ = nullptr;
  std::vector<std::string> types_;
  bool json_ = false;
  bool void_ = false;
  bool local_time_ = false;

  int64_t from_time_ms_ = std::numeric_limits<int64_t>::min();
  int64_t to_time_ms_ = kEver;
  std::unique_ptr<Log> log_;
  std::unique_ptr<PrefetchLog> reading_;
  Chain chain_;
  uint64_t shown_ = 0;
  uint64_t void_count_ = 0;
};

InspectCommand::InspectCommand(CLI::App* parent) {
  app = parent->add_subcommand("inspect", "Shows what is in the log, for people or as JSON lines");
  app->footer(
      "The log is read and checked from its beginning, also where only a part of it is shown. [0] in front of a "
      "command\n"
      "is its database. \"settled\" is the position through which the log holds all that is needed to reproduce it.\n\n"
      "  holdfast-recover inspect --log sqlite:holdfast.db --from-time -5m\n"
      "  holdfast-recover inspect --log sqlite:holdfast.db --key user:17 --json\n"
      "  holdfast-recover inspect --log kafka://a:9092/orders --type claim,effects --void\n\n"
      "In JSON, a command's arguments are \"args\", or \"args_base64\" where one of them is not UTF-8.");
  log_flags_.add_to(app);
  one_value(app->add_option("--from", from_, "Begin at this position"), "P")->check(CLI::NonNegativeNumber);
  one_value(app->add_option("--to", to_, "End with this position"), "P")->check(CLI::NonNegativeNumber);
  one_value(app->add_option("--from-time", from_time_text_,
                            "Records from this time on: Unix seconds or milliseconds, ISO 8601 in UTC, or how long ago "
                            "(-5m, -2h)"),
            "TIME");
  one_value(app->add_option("--to-time", to_time_text_, "Records up to this time"), "TIME");
  key_option_ = one_value(
      app->add_option("--key", key_, "Only commands that name this key, or that are about all keys (FLUSHALL)"), "KEY");
  app->add_option("--type", types_, "Only records of these types: batch, effects, claim, settled, snapshot")
      ->type_name("TYPE,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"batch", "effects", "claim", "settled", "snapshot"}).description(""));
  app->add_flag("--json", json_, "One JSON object a line");
  app->add_flag("--void", void_, "Show also entries that do not count, with the reason");
  app->add_flag("--local-time", local_time_, "In text: times in the time zone of this machine, not in UTC");
}

std::optional<Failure> InspectCommand::check_flags() {
  const int64_t now = now_unix_ms();
  const std::pair<const std::string*, int64_t*> times[] = {{&from_time_text_, &from_time_ms_},
                                                           {&to_time_text_, &to_time_ms_}};
  for (const auto& [text, ms] : times) {
    if (text->empty()) continue;
    const Result<int64_t> time = parse_moment(*text, now);
    if (!time) return Failure(Error{time.error()}, kExitUsage);
    *ms = *time;
  }
  return std::nullopt;
}

bool InspectCommand::is_wanted(RecordType type, int64_t time_ms) const {
  return time_ms >= from_time_ms_ && time_ms <= to_time_ms_ &&
         (types_.empty() || std::find(types_.begin(), types_.end(), type_name(type)) != types_.end());
}

void InspectCommand::show(const Record& record) {
  if (record.position < from_ || record.position > to_ || !is_wanted(record.type, record.time_ms)) return;
  std::vector<RecordPart> parts = parts_of(record);
  if (key_option_->count() > 0 && !filter_key(key_, &parts)) return;
  shown_++;
  const std::string text = json_ ? to_line(record_json(record, parts)) + '\n' : record_text(record, parts, local_time_);
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void InspectCommand::show_void(const LogEntry& entry) {
  void_count_++;
  if (!void_ || entry.position < from_ || entry.position > to_ || key_option_->count() > 0) return;
  const Result<Record> record = parse_header(entry.header);
  if (!record.ok() || !is_wanted(record->type, record->time_ms)) return;
  shown_++;
  if (json_) {
    nlohmann::ordered_json json{{"position", entry.position}, {"time", utc_text(record->time_ms)},
                                {"time_ms", record->time_ms}, {"type", type_name(record->type)},
                                {"epoch", record->epoch},     {"sequence", record->sequence},
                                {"void", chain_.reason()}};
    std::printf("%s\n", to_line(json).c_str());
  } else {
    std::printf("%lld  %s  %s  void: %s\n", static_cast<long long>(entry.position),
                (local_time_ ? local_text(record->time_ms) : utc_text(record->time_ms)).c_str(),
                type_name(record->type), chain_.reason().c_str());
  }
}

std::optional<Failure> InspectCommand::read_through(Position last, Progress* progress) {
  const Result<Position> begin = log_->begin();
  if (!begin) return Failure(Error{begin.error()});
  Result<std::unique_ptr<LogReader>> reader = reading_->read_from(*begin);
  if (!reader) return Failure(Error{reader.error()});
  std::vector<LogEntry> entries;
  for (Position at = *begin - 1; at < last;) {
    if (interrupted()) return Failure(interrupted_error());
    entries.clear();
    const Result<size_t> read = (*reader)->poll(&entries, kReadBytes);
    if (!read) return Failure(Error{read.error()});
    if (isatty(STDOUT_FILENO) == 0) progress->update(at + 1, last + 1, reading_->bytes_read());
    for (const LogEntry& entry : entries) {
      if (at >= last) break;
      at = entry.position;
      switch (chain_.next(entry)) {
        case Chain::Verdict::kCounts: show(chain_.record()); break;
        case Chain::Verdict::kPart: break;
        case Chain::Verdict::kVoid: show_void(entry); break;
        case Chain::Verdict::kDamaged: return Failure(Error{stopped_at(at, chain_.reason())});
      }
    }
  }
  return std::nullopt;
}

std::optional<Failure> InspectCommand::run(int*) {
  if (auto failure = check_flags()) return failure;
  if (auto failure = open_log(log_flags_.url, log_flags_, OpenLog{}, &log_)) return failure;
  const Result<Position> end = log_->end();
  if (!end) return Failure(Error{end.error()});
  if (from_ > 0 && from_ >= *end) {
    return Failure(Error{"position " + std::to_string(from_) + " is beyond the end: the last record of " +
                         log_->describe() + " is at " + std::to_string(*end - 1)});
  }
  reading_ = std::make_unique<PrefetchLog>(log_.get());
  Progress progress("reading", "records");
  std::optional<Failure> failure = read_through(std::min(to_, *end - 1), &progress);
  progress.end();
  if (failure) {
    std::fflush(stdout);
    return failure;
  }
  Summary summary = begin_summary("inspect", log_->describe());
  summary["shown"] = shown_;
  summary["void"] = void_count_;
  add_state(&summary, chain_.state());
  add_rates(&summary, reading_->entries_read(), reading_->bytes_read(), progress.seconds());
  std::printf("%s\n", to_line(summary).c_str());
  return std::nullopt;
}

}  // namespace

std::unique_ptr<Subcommand> make_inspect_command(CLI::App* parent) { return std::make_unique<InspectCommand>(parent); }

}  // namespace holdfast
