// holdfast-recover verify: does a live Redis hold what its log says?

#include <poll.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

#include "recovery/compare.h"
#include "recovery/interrupt.h"
#include "recovery/later_effects.h"
#include "recovery/live_snapshot.h"
#include "recovery/log_feed.h"
#include "recovery/options.h"
#include "recovery/private_redis.h"
#include "recovery/record_text.h"
#include "recovery/summary.h"

namespace holdfast {
namespace {

constexpr int kExitDifferent = 1;
constexpr int kExitCouldNotTell = 2;

// Redis may evict the marker like any other key; the proxy soon writes it again.
constexpr int kMarkerAttempts = 10;
constexpr int kMarkerPauseMs = 200;

class VerifyCommand : public Subcommand {
 public:
  explicit VerifyCommand(CLI::App* parent);
  std::optional<Failure> run(int* status) override;

 private:
  Result<Done> look_at_redis();
  Result<Done> take_copy();
  Result<bool> load_copy();
  Result<bool> read_marker(RedisClient* redis);
  Error no_marker() const;
  Result<Done> replay();
  Result<Done> compare(int* status);
  PrivateRedisServer::Setup setup(const std::string& directory) const;
  void summarize(const Comparison& comparison, const std::vector<Difference>& differences) const;

  LogFlags log_flags_;
  PrivateRedisFlags redis_flags_;
  LoginFlags login_;
  std::string redis_text_;
  size_t max_differences_ = 100;
  int reserved_flag_ = -1;

  Address redis_address_;
  std::unique_ptr<Log> log_;
  LogStart start_;
  int databases_ = 0;
  int reserved_db_ = 0;
  std::optional<CommandTable> table_;
  std::optional<ScratchDirectory> scratch_;
  std::unique_ptr<PrivateRedisServer> copy_;      // of the live Redis
  std::unique_ptr<PrivateRedisServer> replayed_;  // the log
  Marker marker_;
  LogFeed::Outcome fed_;
  uint64_t copy_bytes_ = 0;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

VerifyCommand::VerifyCommand(CLI::App* parent) {
  app = parent->add_subcommand("verify", "Compares a live Redis with its log, and names the keys that differ");
  app->footer(
      "Takes the data of the Redis at one moment, as a replica does (it forks once for that, and may keep it as a\n"
      "dump.rdb), replays the log to the same moment, and compares the two in private servers on this machine, which\n"
      "takes twice the memory of the data here. The proxy may be running. Keys that Redis removed by itself around "
      "that\n"
      "moment (expiry, eviction) are left out and counted.\n\n"
      "  holdfast-recover verify --log sqlite:holdfast.db --redis 127.0.0.1:6380\n\n"
      "Exit status: 0 equal, 1 different, 2 could not tell.");
  log_flags_.add_to(app);
  one_value(app->add_option("--redis", redis_text_, "The Redis behind the proxy: HOST:PORT or unix:/PATH"), "ADDRESS")
      ->required();
  login_.add_to(app);
  one_value(app->add_option("--max-differences", max_differences_, "Stop looking after so many"), "N")
      ->capture_default_str()
      ->check(CLI::Range(1, 1 << 30));
  one_value(app->add_option("--reserved-database", reserved_flag_,
                            "Holdfast's own database; by default the last one of the Redis"),
            "N");
  redis_flags_.add_to(app);
}

Result<Done> VerifyCommand::look_at_redis() {
  Result<RedisClient> redis = RedisClient::connect(redis_address_, login_.login);
  if (!redis) return Error{redis.error()};
  const Result<int> databases = redis->databases();
  if (!databases) return Error{databases.error()};
  databases_ = *databases;
  reserved_db_ = reserved_flag_ < 0 ? databases_ - 1 : reserved_flag_;
  Result<CommandTable> table = redis->commands();
  if (!table) return Error{table.error()};
  table_ = std::move(*table);
  for (int i = 0; i < kMarkerAttempts; i++) {
    if (interrupted()) return interrupted_error();
    const Result<bool> marked = read_marker(&*redis);
    if (!marked) return Error{marked.error()};
    if (*marked) return Done{};
    poll(nullptr, 0, kMarkerPauseMs);
  }
  return no_marker();
}

Error VerifyCommand::no_marker() const {
  return Error{"Redis at " + redis_text_ + " has no marker in database " + std::to_string(reserved_db_) +
               ": it is not one behind Holdfast, or its reserved database is another one"};
}

// False: it has none.
Result<bool> VerifyCommand::read_marker(RedisClient* redis) {
  if (auto done = redis->ask({"SELECT", std::to_string(reserved_db_)}); !done) return Error{done.error()};
  const Result<ReplyValue> text = redis->ask({"GET", kMarkerKey});
  if (!text) return Error{text.error()};
  if (text->kind == ReplyValue::Kind::kNull) return false;
  Result<Marker> marker = parse_marker(text->text);
  if (!marker) return Error{marker.error()};
  marker_ = std::move(*marker);
  if (marker_.log_id == start_.id) return true;
  return Error{"Redis at " + redis_text_ + " holds the state of another log: " + marker_.log_id + ", while " +
               log_->describe() + " is " + (start_.id.empty() ? "empty" : start_.id)};
}

PrivateRedisServer::Setup VerifyCommand::setup(const std::string& directory) const {
  PrivateRedisServer::Setup setup;
  setup.program = redis_flags_.program;
  setup.directory = directory;
  setup.rdb = "live.rdb";
  setup.databases = databases_;
  return setup;
}

Result<bool> VerifyCommand::load_copy() {
  copy_.reset();
  const Result<uint64_t> bytes = fetch_live_snapshot(redis_address_, login_.login, scratch_->path() + "/live.rdb");
  if (!bytes) return Error{bytes.error()};
  copy_bytes_ = *bytes;
  Result<std::unique_ptr<PrivateRedisServer>> server = PrivateRedisServer::start(setup(scratch_->path()));
  if (!server) return Error{server.error() + " (--redis-server must be of the version of this Redis, or newer)"};
  copy_ = std::move(*server);
  return read_marker(&copy_->client());
}

Result<Done> VerifyCommand::take_copy() {
  Result<ScratchDirectory> scratch = ScratchDirectory::make(temporary_directory(), "holdfast-verify-");
  if (!scratch) return Error{scratch.error()};
  scratch_.emplace(std::move(*scratch));
  for (int i = 0; i < kMarkerAttempts; i++) {
    const Result<bool> marked = load_copy();
    if (!marked) return Error{marked.error()};
    if (*marked) return Done{};
  }
  return no_marker();
}

Result<Done> VerifyCommand::replay() {
  const Result<Position> end = log_->end();
  if (!end) return Error{end.error()};
  if (marker_.applied.position >= *end) {
    return Error{"Redis holds the state at position " + std::to_string(marker_.applied.position) +
                 ", but the log ends at " + std::to_string(*end - 1) + ": the log has lost records, or is another one"};
  }
  PrivateRedisServer::Setup empty = setup(scratch_->path());
  empty.rdb = "none.rdb";
  Result<std::unique_ptr<PrivateRedisServer>> server = PrivateRedisServer::start(empty);
  if (!server) return Error{server.error()};
  replayed_ = std::move(*server);

  LogFeed::Order order;
  order.log = log_.get();
  order.log_id = start_.id;
  order.end = *end;
  order.to_position = marker_.applied.position;
  order.reserved_db = reserved_db_;
  order.snapshots = redis_flags_.snapshots;
  order.expected = marker_.applied;
  order.settled_wanted = marker_.applied.position;
  Progress progress("replaying", "records");
  const Result<LogFeed::Outcome> fed = LogFeed(std::move(order)).run(&replayed_->client(), &progress);
  if (!fed) return Error{fed.error()};
  fed_ = *fed;
  if (!fed_.expectation_met) {
    return Error{"Redis says that it holds the state at position " + std::to_string(marker_.applied.position) +
                 ", with a checksum that the log does not have there: the log was changed, or is another one"};
  }
  if (fed_.leader_only > 0) {
    return Error{"what the last " + std::to_string(fed_.leader_only) +
                 " batch(es) did is not in the log, up to position " + std::to_string(marker_.applied.position) +
                 ", where Redis is: start the proxy, which settles them, and try again"};
  }
  return Done{};
}

Result<Done> VerifyCommand::compare(int* status) {
  Result<LaterEffects> later = read_later_effects(log_.get(), marker_.applied, fed_.fed.position, *table_);
  if (!later) return Error{later.error()};
  Progress progress("comparing", "keys");
  Comparison comparison(&copy_->client(), &replayed_->client(), {"Redis", "the log"});
  comparison.leave_out([&later](int db, const std::string& key) { return later->keys.contains({db, key}); });
  if (auto done = comparison.run(databases_, max_differences_, &progress); !done) return done;

  progress.end();
  std::vector<Difference> differences = comparison.differences();
  if (!differences.empty()) {
    // The log may have been told in the meantime.
    later = read_later_effects(log_.get(), marker_.applied, fed_.fed.position, *table_);
    if (!later) return Error{later.error()};
    std::erase_if(differences, [&](const Difference& one) { return later->keys.contains({one.db, one.key}); });
  }
  if (!later->sweeping.empty() && !differences.empty()) {
    return Error{"at the moment of the comparison, " + later->sweeping +
                 " reached Redis beside the log: try again when that is over"};
  }
  *status = differences.empty() && !comparison.gave_up() ? kExitDone : kExitDifferent;
  for (const Difference& one : differences) {
    const std::string where = one.db < 0 ? "" : "database " + std::to_string(one.db) + ", key ";
    std::printf("%s%s: %s\n", where.c_str(), holdfast::quoted(one.key).c_str(), one.what.c_str());
  }
  if (comparison.gave_up()) std::printf("... and more: see --max-differences\n");
  summarize(comparison, differences);
  return Done{};
}

void VerifyCommand::summarize(const Comparison& comparison, const std::vector<Difference>& differences) const {
  Summary summary = begin_summary("verify", log_->describe());
  summary["log_id"] = start_.id;
  summary["redis"] = redis_text_;
  summary["equal"] = differences.empty() && !comparison.gave_up();
  summary["keys"] = comparison.compared();
  summary["differences"] = differences.size();
  summary["more_differences"] = comparison.gave_up();
  summary["left_out"] = comparison.left_out();
  summary["rdb_bytes"] = copy_bytes_;
  add_state(&summary, marker_.applied);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started_;
  add_rates(&summary, fed_.entries, fed_.bytes, seconds.count());
  std::printf("%s\n", to_line(summary).c_str());
}

std::optional<Failure> VerifyCommand::run(int* status) {
  const Result<Address> address = parse_redis_address(redis_text_);
  if (!address) return Failure(Error{"--redis: " + address.error()}, kExitUsage);
  redis_address_ = *address;
  if (auto failure = login_.read(redis_address_)) return failure;
  if (auto failure = open_log(log_flags_.url, log_flags_, OpenLog{}, &log_)) {
    failure->status = kExitCouldNotTell;
    return failure;
  }
  const Result<LogStart> start = look_at_start(log_.get());
  if (!start) return Failure(Error{start.error()}, kExitCouldNotTell);
  start_ = *start;
  for (auto step : {&VerifyCommand::look_at_redis, &VerifyCommand::take_copy, &VerifyCommand::replay}) {
    if (auto done = (this->*step)(); !done) return Failure(Error{done.error()}, kExitCouldNotTell);
  }
  if (auto done = compare(status); !done) return Failure(Error{done.error()}, kExitCouldNotTell);
  return std::nullopt;
}

}  // namespace

std::unique_ptr<Subcommand> make_verify_command(CLI::App* parent) { return std::make_unique<VerifyCommand>(parent); }

}  // namespace holdfast
