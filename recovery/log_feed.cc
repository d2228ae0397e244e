#include "recovery/log_feed.h"

#include <algorithm>
#include <charconv>
#include <random>

#include "core/resp/request.h"
#include "recovery/interrupt.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kConnectPatience{20000};
// A Redis that loads a large RDB or executes a slow command is silent for a while.
constexpr milliseconds kSilencePatience{180000};
constexpr milliseconds kSettlePatience{10000};
constexpr milliseconds kIdleWait{20};

constexpr std::string_view kSelect = "*2\r\n$6\r\nSELECT\r\n$";

// Whether `stream`, whole commands, selects a database from `reserved_db` on for anything but the marker.
bool selects_beyond(std::string_view stream, int reserved_db) {
  RequestParser parser(kNoRequestLimits);
  bool beyond = false;
  while (!stream.empty() && parser.parse(stream) == RequestParser::Status::kComplete) {
    const auto& argv = parser.argv();
    if (argv.size() == 2 && argv[0] == "SELECT") {
      int db = 0;
      std::from_chars(argv[1].data(), argv[1].data() + argv[1].size(), db);
      beyond = db >= reserved_db;
    } else if (beyond && !(argv.size() > 1 && argv[1] == kMarkerKey)) {
      return true;
    }
    stream.remove_prefix(parser.consumed());
  }
  return false;
}

// The same, in a hurry: false is sure, true is not.
bool may_select_beyond(std::string_view stream, int reserved_db) {
  size_t at = stream.find(kSelect);
  for (; at != std::string_view::npos; at = stream.find(kSelect, at + kSelect.size())) {
    const size_t number = stream.find('\n', at + kSelect.size()) + 1;
    int db = 0;
    std::from_chars(stream.data() + number, stream.data() + stream.size(), db);
    if (db > reserved_db) return true;
    const std::string_view behind = stream.substr(stream.find('\n', number) + 1);
    if (db == reserved_db && !behind.starts_with("*3\r\n$3\r\nSET\r\n$15\r\nholdfast:marker\r\n")) return true;
  }
  return false;
}

}  // namespace

LogFeed::LogFeed(Order order) : order_(std::move(order)), log_(order_.log), snapshots_(order_.snapshots) {}

std::string LogFeed::random_hex(size_t digits) {
  std::random_device random;
  std::string text;
  while (text.size() < digits) text.push_back("0123456789abcdef"[random() % 16]);
  return text;
}

Result<std::string> LogFeed::snapshot_read(const SnapshotRef& ref, int64_t offset, size_t bytes) {
  return snapshots_.read(ref, offset, bytes);
}

void LogFeed::feed_send(std::string bytes) {
  // A SELECT of a database that is not there would fail, and what comes behind it hit another one.
  if (!wrong_stream_ && !feeder_->rdb_under_way() && may_select_beyond(bytes, order_.reserved_db) &&
      selects_beyond(bytes, order_.reserved_db)) {
    wrong_stream_ = "the log writes to databases that this Redis does not have (its last one, " +
                    std::to_string(order_.reserved_db) +
                    ", is Holdfast's own): it needs as many as the Redis that the log was written with";
  }
  if (!wrong_stream_) server_->send(std::move(bytes));
}

void LogFeed::begin_feeder() {
  feeder_ = std::make_unique<Feeder>(static_cast<FeedPort*>(this), &log_, order_.log_id, order_.reserved_db,
                                     kNoPosition, ReplayLimit(order_.to_position, order_.to_time_ms));
  feeder_->source().expect(order_.expected);
  feeder_->on_connected();
  stage_ = Stage::kFeeding;
}

Result<LogFeed::Outcome> LogFeed::run(RedisClient* redis, Progress* progress) {
  Result<std::unique_ptr<FeedServer>> server = FeedServer::listen(order_.feed_address, order_.feed_tls);
  if (!server) return Error{server.error()};
  server_ = std::move(*server);
  const Result<CommandTable> table = redis->commands();
  if (!table) return Error{table.error()};
  const std::string port = std::to_string(server_->address().port);
  if (auto done = redis->ask({"REPLICAOF", server_->address().host, port}); !done) return Error{done.error()};

  last_sign_ = Clock::now();
  const Position goal = std::min(
      order_.end, order_.to_position == std::numeric_limits<Position>::max() ? order_.end : order_.to_position + 1);
  bool more = false;  // to be had from the log at once
  while (stage_ != Stage::kFed || !feeder_->acknowledged()) {
    if (interrupted()) return interrupted_error();
    const Result<FeedServer::Turn> turn = server_->turn(more ? milliseconds(0) : kIdleWait);
    if (!turn) return Error{turn.error()};
    if (auto done = handle(*turn); !done) return Error{done.error()};
    const uint64_t had = log_.entries_read();
    if (stage_ == Stage::kFeeding || stage_ == Stage::kWaiting) {
      if (auto done = feed(*table); !done) return Error{done.error()};
      progress->update(std::max<Position>(0, feeder_->source().position() + 1), goal, log_.bytes_read());
    }
    more = log_.entries_read() != had && server_->unsent() == 0;
    if (auto done = check_patience(); !done) return Error{done.error()};
  }
  Outcome outcome;
  outcome.fed = feeder_->fed();
  outcome.expectation_met = feeder_->source().expectation_met();
  outcome.leader_only = leader_only();
  outcome.entries = log_.entries_read();
  outcome.bytes = log_.bytes_read();
  return outcome;
}

Result<Done> LogFeed::handle(const FeedServer::Turn& turn) {
  if (turn.closed) {
    if (feeder_ && !feeder_->rdb_under_way()) {
      return Error{"Redis has closed the feed before it had all of it; its own log says why"};
    }
    // Nothing is lost: it connects again.
    feeder_.reset();
    stage_ = Stage::kConnecting;
    return Done{};
  }
  if (turn.connected) begin_feeder();
  if (turn.connected || !turn.data.empty()) last_sign_ = Clock::now();
  if (!turn.data.empty() && !feeder_->on_data(turn.data)) {
    return Error{"whoever connected to the feed at " + to_string(server_->address()) +
                 " does not behave like a replica"};
  }
  return Done{};
}

Result<Done> LogFeed::feed(const CommandTable& table) {
  const size_t unsent = server_->unsent();
  const Result<bool> fed = feeder_->pump(order_.end - 1);
  if (!fed) return Error{fed.error()};
  if (wrong_stream_) return Error{*wrong_stream_};
  if (server_->unsent() != unsent) last_sign_ = Clock::now();
  if (!*fed) return Done{};
  const Result<bool> wait = is_waited_for();
  if (!wait) return Error{wait.error()};
  if (*wait) return Done{};
  feeder_->feed_unseen(table);
  feeder_->finish();
  stage_ = Stage::kFed;
  if (wrong_stream_) return Error{*wrong_stream_};
  return Done{};
}

// A batch was taken from the log and not fed.
bool LogFeed::limit_reached() const {
  return feeder_->source().replay().settled_chain().position > feeder_->fed().position;
}

size_t LogFeed::leader_only() const {
  if (limit_reached()) return 0;
  const auto& pending = feeder_->source().replay().pending();
  return static_cast<size_t>(std::count_if(pending.begin(), pending.end(), [this](const Replay::Pending& batch) {
    return batch.position <= order_.to_position && batch.time_ms <= order_.to_time_ms;
  }));
}

// A proxy that is alive tells soon what is settled.
Result<bool> LogFeed::is_waited_for() {
  if (order_.settled_wanted == kNoPosition || limit_reached() || feeder_->fed().position >= order_.settled_wanted) {
    return false;
  }
  if (stage_ == Stage::kFeeding) {
    stage_ = Stage::kWaiting;
    wait_deadline_ = Clock::now() + kSettlePatience;
  }
  const Result<Position> end = log_.end();
  if (!end) return Error{end.error()};
  order_.end = *end;
  return Clock::now() < wait_deadline_;
}

Result<Done> LogFeed::check_patience() const {
  const auto silent = std::chrono::duration_cast<milliseconds>(Clock::now() - last_sign_);
  if (stage_ == Stage::kConnecting && silent > kConnectPatience) {
    return Error{"Redis was told to connect to " + to_string(server_->address()) + " to be fed, but has not within " +
                 std::to_string(kConnectPatience.count() / 1000) + " s: " +
                 (server_->last_failure().empty()
                      ? "give an address of this machine that it can reach with --feed-address"
                      : server_->last_failure())};
  }
  if (silent > kSilencePatience) {
    return Error{"Redis has neither taken nor said anything for " + std::to_string(kSilencePatience.count() / 1000) +
                 " s"};
  }
  return Done{};
}

}  // namespace holdfast
