// holdfast-recover copy: a log into another one, entry by entry, at the same positions.

#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <limits>
#include <mutex>

#include "config/log_url.h"
#include "recovery/interrupt.h"
#include "recovery/options.h"
#include "recovery/prefetch_log.h"
#include "recovery/progress.h"
#include "recovery/summary.h"

namespace holdfast {
namespace {

constexpr Position kEver = std::numeric_limits<Position>::max();
constexpr size_t kReadBytes = 1 << 20;
constexpr size_t kInFlightBytes = 8 << 20;
constexpr size_t kInFlightEntries = 10'000;
constexpr std::chrono::milliseconds kDeliveryPause{100};

// Appends at expected positions, with a bounded amount under way.
class Appender {
 public:
  Appender(Log* log, Position next) : log_(log), next_(next), delivered_(next) {
    log_->set_ready_callback([this] {
      const std::lock_guard lock(mutex_);
      ready_ = true;
      woken_.notify_one();
    });
  }
  ~Appender() { log_->set_ready_callback({}); }

  Result<Done> append(LogEntry entry) {
    bytes_ += entry.header.size() + entry.value.size();
    sizes_.push_back(entry.header.size() + entry.value.size());
    log_->append(static_cast<uint64_t>(next_), std::move(entry.header), std::move(entry.value));
    next_++;
    return wait_below(kInFlightBytes, kInFlightEntries);
  }
  Result<Done> finish() { return wait_below(1, 1); }
  Position delivered() const { return delivered_; }

 private:
  Result<Done> wait_below(size_t bytes, size_t entries) {
    for (;;) {
      log_->poll([this](const Delivery& delivery) { on_delivery(delivery); });
      if (!failed_.empty()) return Error{failed_};
      if (bytes_ < bytes && sizes_.size() < entries) return Done{};
      if (interrupted()) return interrupted_error();
      std::unique_lock lock(mutex_);
      woken_.wait_for(lock, kDeliveryPause, [this] { return ready_; });
      ready_ = false;
    }
  }

  void on_delivery(const Delivery& delivery) {
    if (!failed_.empty()) return;
    if (delivery.outcome != Delivery::Outcome::kCommitted) {
      failed_ = "the entry for position " + std::to_string(delivered_) + " was not confirmed: " + delivery.reason +
                "; run this again, it goes on where the target ends";
    } else if (delivery.position != delivered_) {
      failed_ = "the entry for position " + std::to_string(delivered_) + " was written at " +
                std::to_string(delivery.position) +
                ": the target has an entry too many (another writer, or one written twice). Begin with a new target";
    } else {
      delivered_++;
      bytes_ -= sizes_.front();
      sizes_.pop_front();
    }
  }

  Log* log_;
  Position next_;
  Position delivered_;
  std::deque<size_t> sizes_;  // of what is under way
  size_t bytes_ = 0;
  std::string failed_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool ready_ = false;
};

// A reader that hands out one entry after the other.
class Entries {
 public:
  static Result<Entries> from(Log* log, Position position) {
    Result<std::unique_ptr<LogReader>> reader = log->read_from(position);
    if (!reader) return Error{reader.error()};
    return Entries(std::move(*reader));
  }
  // The next one, which must exist.
  Result<LogEntry> next() {
    while (at_ >= entries_.size()) {
      if (interrupted()) return interrupted_error();
      entries_.clear();
      at_ = 0;
      const Result<size_t> read = reader_->poll(&entries_, kReadBytes);
      if (!read) return Error{read.error()};
    }
    return std::move(entries_[at_++]);
  }

 private:
  explicit Entries(std::unique_ptr<LogReader> reader) : reader_(std::move(reader)) {}
  std::unique_ptr<LogReader> reader_;
  std::vector<LogEntry> entries_;
  size_t at_ = 0;
};

class CopyCommand : public Subcommand {
 public:
  explicit CopyCommand(CLI::App* parent);
  std::optional<Failure> run(int* status) override;

 private:
  std::optional<Failure> open();
  Result<Done> copy(Progress* progress);
  Result<Done> copy_rest(Entries* source, Progress* progress);
  Result<Done> take(const LogEntry& entry, Position expected);
  Result<Done> verify(Progress* progress);

  LogFlags from_;
  std::string to_;
  Position to_position_ = kEver;
  OpenLog how_;

  std::unique_ptr<Log> source_;
  std::unique_ptr<Log> target_;
  std::unique_ptr<PrefetchLog> reading_;
  Position source_end_ = 0;
  Position end_ = 0;      // of what is copied
  Position present_ = 0;  // in the target before
  Chain chain_;           // of the source
};

CopyCommand::CopyCommand(CLI::App* parent) {
  app = parent->add_subcommand("copy", "Copies the log into another one, for example from SQLite to Kafka");
  app->footer(
      "Entries keep their positions, so whatever names one stays valid. The target must be new, or hold the beginning\n"
      "of the same log: then copying goes on behind it. The log that is copied must not be written to meanwhile: stop "
      "the\n"
      "proxy first, and start it with the new --log afterwards. Base snapshots are files and stay where they are.\n\n"
      "  holdfast-recover copy --log sqlite:holdfast.db --to kafka://a:9092,b:9092,c:9092/orders --create-topic");
  from_.add_to(app);
  one_value(app->add_option("--to", to_, "The log to copy to, like --log"), "URL")->required();
  one_value(app->add_option("--to-position", to_position_,
                            "Copy no further than this position: what the log holds behind it is lost to the new one"),
            "P")
      ->check(CLI::NonNegativeNumber);
  app->add_flag("--create-topic", how_.create_topic, "Create the Kafka topic if it does not exist");
  one_value(app->add_option("--replication-factor", how_.replication_factor,
                            "Kafka: how many brokers hold the topic; the least that an existing one must have"),
            "N")
      ->capture_default_str()
      ->check(CLI::Range(1, 99));
  one_value(app->add_option("--min-insync-replicas", how_.min_insync_replicas,
                            "Kafka: how many brokers must have a record before it counts"),
            "N")
      ->capture_default_str()
      ->check(CLI::Range(1, 99));
}

std::optional<Failure> CopyCommand::open() {
  const Result<LogUrl> from = parse_log_url(from_.url);
  if (!from) return Failure(Error{"--log: " + from.error()}, kExitUsage);
  const Result<LogUrl> to = parse_log_url(to_);
  if (!to) return Failure(Error{"--to: " + to.error()}, kExitUsage);
  if (*from == *to) return Failure(Error{"--log and --to name the same log"}, kExitUsage);

  OpenLog as_source;
  if (from->kind == LogUrl::Kind::kSqlite) {
    struct stat about {};
    if (stat(from->path.c_str(), &about) != 0) return Failure(Error{"there is no log " + from->path});
    // As a writer: then there is no other.
    as_source.for_writing = true;
  }
  if (auto failure = open_log(from_.url, from_, as_source, &source_)) {
    if (as_source.for_writing && failure->status == kExitFailed) {
      failure->what = "the log must not be written to while it is copied, so stop its proxy: " + failure->what;
    }
    return failure;
  }
  how_.for_writing = true;
  return open_log(to_, from_, how_, &target_);
}

// `entry` is the next one of the source.
Result<Done> CopyCommand::take(const LogEntry& entry, Position expected) {
  if (entry.position != expected) {
    return Error{"the log has no entry at position " + std::to_string(expected) +
                 ": its positions cannot be kept in another one"};
  }
  if (chain_.next(entry) != Chain::Verdict::kDamaged) return Done{};
  return Error{stopped_at(entry.position, chain_.reason())};
}

Result<Done> CopyCommand::copy(Progress* progress) {
  for (Log* log : {source_.get(), target_.get()}) {
    const Result<Position> begin = log->begin();
    if (!begin) return Error{begin.error()};
    if (*begin != 0) {
      return Error{log->describe() + " was truncated and begins at " + std::to_string(*begin) +
                   ": positions cannot be kept"};
    }
  }
  const Result<Position> end = source_->end();
  if (!end) return Error{end.error()};
  source_end_ = *end;
  end_ = std::min(source_end_, to_position_ == kEver ? kEver : to_position_ + 1);
  const Result<Position> present = target_->end();
  if (!present) return Error{present.error()};
  present_ = *present;
  if (present_ > end_) {
    return Error{target_->describe() + " has " + std::to_string(present_) + " entries already, more than the " +
                 std::to_string(end_) + " of " + source_->describe() + ": give a new one"};
  }
  if (end_ == 0) return Error{source_->describe() + " is empty"};

  Result<Entries> source = Entries::from(reading_.get(), 0);
  if (!source) return Error{source.error()};
  if (present_ > 0) {
    Result<Entries> target = Entries::from(target_.get(), 0);
    if (!target) return Error{target.error()};
    for (Position at = 0; at < present_; at++) {
      const Result<LogEntry> entry = source->next();
      if (!entry) return Error{entry.error()};
      if (auto done = take(*entry, at); !done) return done;
      const Result<LogEntry> other = target->next();
      if (!other) return Error{other.error()};
      if (other->position != at || other->header != entry->header || other->value != entry->value) {
        return Error{target_->describe() + " holds another log: it differs at position " + std::to_string(at) +
                     ". Give a new one"};
      }
      progress->update(at + 1, end_, reading_->bytes_read());
    }
    progress->say("the target holds the first " + std::to_string(present_) + " entries already; going on behind them");
  }
  return copy_rest(&*source, progress);
}

Result<Done> CopyCommand::copy_rest(Entries* source, Progress* progress) {
  Appender appender(target_.get(), present_);
  for (Position at = present_; at < end_; at++) {
    Result<LogEntry> entry = source->next();
    if (!entry) return Error{entry.error()};
    if (auto done = take(*entry, at); !done) return done;
    if (entry->header.size() + entry->value.size() > target_->max_entry_bytes()) {
      return Error{"the entry at position " + std::to_string(at) + " has " +
                   std::to_string(entry->header.size() + entry->value.size()) + " bytes, and " + target_->describe() +
                   " takes at most " + std::to_string(target_->max_entry_bytes()) + ": raise its max.message.bytes"};
    }
    if (auto done = appender.append(std::move(*entry)); !done) return done;
    progress->update(appender.delivered(), end_, reading_->bytes_read());
  }
  return appender.finish();
}

// Reads the target again: it must come to the same running checksum.
Result<Done> CopyCommand::verify(Progress* progress) {
  const Result<Position> source_end = source_->end();
  if (!source_end) return Error{source_end.error()};
  if (*source_end != source_end_) {
    return Error{source_->describe() + " was written to while it was copied: stop its proxy, then run this again"};
  }
  const Result<Position> target_end = target_->end();
  if (!target_end) return Error{target_end.error()};
  if (*target_end != end_) {
    return Error{target_->describe() + " has " + std::to_string(*target_end) + " entries and not " +
                 std::to_string(end_) + ": another writer, or one was written twice. Begin with a new target"};
  }
  PrefetchLog target(target_.get());
  Result<Entries> entries = Entries::from(&target, 0);
  if (!entries) return Error{entries.error()};
  Chain chain;
  for (Position at = 0; at < end_; at++) {
    const Result<LogEntry> entry = entries->next();
    if (!entry) return Error{entry.error()};
    if (chain.next(*entry) == Chain::Verdict::kDamaged) {
      return Error{"the copy is wrong at position " + std::to_string(at) + ": " + chain.reason()};
    }
    progress->update(at + 1, end_, target.bytes_read());
  }
  if (chain.state() == chain_.state()) return Done{};
  return Error{"the copy is wrong: its checksum is " + hex16(chain.state().check) + " and not " +
               hex16(chain_.state().check)};
}

std::optional<Failure> CopyCommand::run(int*) {
  if (auto failure = open()) return failure;
  reading_ = std::make_unique<PrefetchLog>(source_.get());
  Progress progress("copying", "entries");
  if (auto done = copy(&progress); !done) return Failure(Error{done.error()});
  const double seconds = progress.seconds();
  progress.end();
  Progress check("verifying the copy", "entries");
  if (auto done = verify(&check); !done) return Failure(Error{done.error()});
  check.end();
  Summary summary = begin_summary("copy", source_->describe());
  summary["target"] = target_->describe();
  summary["present_before"] = present_;
  summary["copied"] = end_ - present_;
  add_state(&summary, chain_.state());
  add_rates(&summary, reading_->entries_read(), reading_->bytes_read(), seconds);
  std::printf("%s\n", to_line(summary).c_str());
  return std::nullopt;
}

}  // namespace

std::unique_ptr<Subcommand> make_copy_command(CLI::App* parent) { return std::make_unique<CopyCommand>(parent); }

}  // namespace holdfast
