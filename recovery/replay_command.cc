// holdfast-recover replay: the log into a live Redis, or into an RDB file.

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>

#include "recovery/log_feed.h"
#include "recovery/moment.h"
#include "recovery/options.h"
#include "recovery/private_redis.h"
#include "recovery/summary.h"

namespace holdfast {
namespace {

constexpr Position kNoLimit = std::numeric_limits<Position>::max();

class ReplayCommand : public Subcommand {
 public:
  explicit ReplayCommand(CLI::App* parent);
  std::optional<Failure> run(int* status) override;

 private:
  std::optional<Failure> check_flags();
  std::optional<Failure> find_limit();
  std::optional<Failure> into_redis();
  std::optional<Failure> into_rdb();
  Result<Done> check_target(RedisClient* redis, int databases);
  LogFeed::Order order() const;
  Result<std::string> prepare_tls(RedisClient* redis) const;
  Result<Done> remove_marker(RedisClient* redis) const;
  void summarize(const LogFeed::Outcome& outcome, const std::string& target, double seconds) const;

  LogFlags log_flags_;
  PrivateRedisFlags redis_flags_;
  LoginFlags login_;
  std::string to_redis_;
  std::string to_rdb_;
  std::string to_time_text_;
  std::string feed_address_text_;
  bool keep_replica_ = false;
  bool discard_data_ = false;
  bool no_marker_ = false;
  int databases_ = 17;
  int reserved_flag_ = -1;

  Address redis_address_;
  std::optional<Address> feed_address_;
  Position to_position_ = kNoLimit;
  int64_t to_time_ms_ = std::numeric_limits<int64_t>::max();
  std::unique_ptr<Log> log_;
  LogStart start_;
  int reserved_db_ = 0;
};

ReplayCommand::ReplayCommand(CLI::App* parent) {
  app = parent->add_subcommand("replay", "Rebuilds the state from the log, in a live Redis or as an RDB file");
  app->footer(
      "The Redis becomes a replica of this tool, so that no key expires on the way, and is fed the base snapshot and\n"
      "the log behind it. Nothing is written to the log.\n\n"
      "  holdfast-recover replay --log sqlite:holdfast.db --to-redis 127.0.0.1:6380\n"
      "  holdfast-recover replay --log kafka://a:9092,b:9092/orders --to-rdb dump.rdb --to-time 2025-03-01T12:30:00Z\n"
      "  holdfast-recover replay --log sqlite:holdfast.db --to-rdb dump.rdb --to-position 120000\n\n"
      "A Redis that holds an earlier state of a log is brought forward again by a proxy that owns it: to go back for\n"
      "good, start with a new log in front of it (--no-marker).");
  log_flags_.add_to(app);
  CLI::Option* redis = one_value(
      app->add_option("--to-redis", to_redis_, "A Redis to fill: HOST:PORT or unix:/PATH. What it holds is replaced"),
      "ADDRESS");
  CLI::Option* rdb =
      one_value(app->add_option("--to-rdb", to_rdb_,
                                "An RDB file to write; one that exists is replaced once the new one is whole"),
                "FILE");
  redis->excludes(rdb);
  one_value(app->add_option("--to-position", to_position_,
                            "The state after the last batch at or before this position; without it: at the end"),
            "P")
      ->check(CLI::NonNegativeNumber);
  one_value(app->add_option("--to-time", to_time_text_,
                            "The state at this time: Unix seconds or milliseconds, ISO 8601 in UTC, or how long ago "
                            "(-5m, -2h)"),
            "TIME");
  app->add_flag("--discard-data", discard_data_,
                "Also fill a Redis that holds other data, or that others follow: it is thrown away")
      ->needs(redis);
  app->add_flag("--keep-replica", keep_replica_,
                "Leave the Redis a replica (without a master), so that keys whose time has passed stay in it, until "
                "REPLICAOF NO ONE")
      ->needs(redis);
  app->add_flag("--no-marker", no_marker_,
                "Do not leave the mark that says which log and position this is: for a Redis that goes its own way");
  login_.add_to(app);
  one_value(app->add_option("--feed-address", feed_address_text_,
                            "Where Redis connects to this tool; by default the address of this machine by which it "
                            "reaches Redis, and any free port"),
            "HOST:PORT")
      ->needs(redis);
  one_value(app->add_option("--reserved-database", reserved_flag_,
                            "Holdfast's own database; by default the last one of the Redis"),
            "N");
  one_value(app->add_option("--databases", databases_,
                            "With --to-rdb: as many databases as the Redis has that the log was written with"),
            "N")
      ->capture_default_str()
      ->check(CLI::Range(2, 1 << 20));
  redis_flags_.add_to(app);
}

std::optional<Failure> ReplayCommand::check_flags() {
  if (to_redis_.empty() == to_rdb_.empty()) {
    return Failure(Error{"say where to: --to-redis HOST:PORT or --to-rdb FILE"}, kExitUsage);
  }
  if (!to_redis_.empty()) {
    const Result<Address> address = parse_redis_address(to_redis_);
    if (!address) return Failure(Error{"--to-redis: " + address.error()}, kExitUsage);
    redis_address_ = *address;
  }
  if (!feed_address_text_.empty()) {
    const Result<Address> address = parse_tcp_address(feed_address_text_, 0);
    if (!address) return Failure(Error{"--feed-address: " + address.error()}, kExitUsage);
    feed_address_ = *address;
  }
  if (!to_time_text_.empty()) {
    const Result<int64_t> time = parse_moment(to_time_text_, now_unix_ms());
    if (!time) return Failure(Error{"--to-time: " + time.error()}, kExitUsage);
    to_time_ms_ = *time;
  }
  return login_.read(redis_address_);
}

// A state from before the log's first record, or from behind its end, cannot be had.
std::optional<Failure> ReplayCommand::find_limit() {
  Result<LogStart> start = look_at_start(log_.get());
  if (!start) return Failure(Error{start.error()});
  start_ = *start;
  if (start_.id.empty()) return Failure(Error{log_->describe() + " is empty: there is nothing to replay"});
  if (to_position_ != kNoLimit && to_position_ >= start_.end) {
    return Failure(Error{"position " + std::to_string(to_position_) + " is beyond the end: the last record of " +
                         log_->describe() + " is at " + std::to_string(start_.end - 1)});
  }
  const Position first = std::max(start_.begin, start_.base);
  if (to_position_ < first) {
    return Failure(Error{"the log does not tell the state at position " + std::to_string(to_position_) +
                         ": it begins with the snapshot at " + std::to_string(first)});
  }
  const int64_t first_ms = std::max(start_.time_ms, start_.base_time_ms);
  if (to_time_ms_ < first_ms) {
    return Failure(
        Error{"the log does not tell the state at " + utc_text(to_time_ms_) + ": it begins at " + utc_text(first_ms)});
  }
  return std::nullopt;
}

Result<Done> ReplayCommand::check_target(RedisClient* redis, int databases) {
  reserved_db_ = reserved_flag_ < 0 ? databases - 1 : reserved_flag_;
  if (databases < 2 || reserved_db_ < 1 || reserved_db_ >= databases) {
    return Error{"Redis at " + to_redis_ + " has " + std::to_string(databases) +
                 " database(s), and Holdfast needs one of them but the first for itself: start it with 'databases 17'"};
  }
  const Result<std::string> info = redis->info();
  if (!info) return Error{info.error()};
  const std::string where = "Redis at " + to_redis_;
  if (info_value(*info, "loading") == "1") return Error{where + " is loading its data: wait until it has"};
  if (info_value(*info, "redis_mode") == "cluster") return Error{where + " runs in cluster mode and cannot be fed"};
  if (discard_data_) return Done{};
  if (info_value(*info, "role") == "slave" && info_value(*info, "master_link_status") == "up") {
    return Error{where + " is the replica of another master; --discard-data takes it over all the same"};
  }
  const std::string followers = info_value(*info, "connected_slaves");
  if (!followers.empty() && followers != "0") {
    return Error{where + " is followed by " + followers +
                 " replica(s), perhaps a running proxy: stop that first. --discard-data goes on all the same"};
  }
  int64_t keys = 0;
  for (const auto& [db, count] : keys_by_database(*info)) keys += count;
  if (keys == 0) return Done{};
  // Left in the middle of a feed from this log, before the marker was there.
  if (info_value(*info, "role") == "slave" &&
      info_value(*info, "master_replid").starts_with(replid_prefix(start_.id))) {
    return Done{};
  }
  if (auto done = redis->ask({"SELECT", std::to_string(reserved_db_)}); !done) return Error{done.error()};
  const Result<ReplyValue> text = redis->ask({"GET", kMarkerKey});
  if (!text) return Error{text.error()};
  const Result<Marker> marker = parse_marker(text->text);
  if (marker.ok() && marker->log_id == start_.id) {
    std::fprintf(stderr, "%s holds this log's state at position %lld; it is replaced\n", where.c_str(),
                 static_cast<long long>(marker->applied.position));
    return Done{};
  }
  return Error{where + " holds " + std::to_string(keys) + " key(s)" +
               (marker.ok() ? " of another log (" + marker->log_id + ", this one is " + start_.id + ")"
                            : " that are not this log's") +
               ": give an empty one, or throw them away with --discard-data"};
}

LogFeed::Order ReplayCommand::order() const {
  LogFeed::Order order;
  order.log = log_.get();
  order.log_id = start_.id;
  order.end = start_.end;
  order.to_position = to_position_;
  order.to_time_ms = to_time_ms_;
  order.reserved_db = reserved_db_;
  order.snapshots = redis_flags_.snapshots;
  return order;
}

// While it is a replica, which has to be told to take writes.
Result<Done> ReplayCommand::remove_marker(RedisClient* redis) const {
  const Result<ReplyValue> old = redis->ask({"CONFIG", "GET", "replica-read-only"});
  if (!old || old->elements.size() != 2) return Error{old.ok() ? "Redis refuses CONFIG GET" : old.error()};
  const std::string reserved = std::to_string(reserved_db_);
  const RedisClient::Argv orders[] = {{"CONFIG", "SET", "replica-read-only", "no"},
                                      {"SELECT", reserved},
                                      {"DEL", kMarkerKey},
                                      {"CONFIG", "SET", "replica-read-only", old->elements[1].text}};
  for (const RedisClient::Argv& one : orders) {
    if (auto done = redis->ask(one); !done) return Error{done.error()};
  }
  return Done{};
}

// Redis is to connect to the feed with TLS. Returns how it would have connected by itself; empty: without TLS here.
Result<std::string> ReplayCommand::prepare_tls(RedisClient* redis) const {
  if (login_.login.tls == nullptr) return std::string();
  if (login_.feed_tls == nullptr) {
    return Error{
        "Redis connects to this tool with TLS, for which it needs a certificate: give --redis-tls-cert-file and "
        "--redis-tls-key-file"};
  }
  const Result<ReplyValue> before = redis->ask({"CONFIG", "GET", "tls-replication"});
  if (!before) return Error{before.error()};
  if (auto done = redis->ask({"CONFIG", "SET", "tls-replication", "yes"}); !done) return Error{done.error()};
  return before->elements.size() == 2 ? before->elements[1].text : std::string();
}

std::optional<Failure> ReplayCommand::into_redis() {
  Result<RedisClient> redis = RedisClient::connect(redis_address_, login_.login);
  if (!redis) return Failure(Error{redis.error()});
  const Result<int> databases = redis->databases();
  if (!databases) return Failure(Error{databases.error()});
  if (auto done = check_target(&*redis, *databases); !done) return Failure(Error{done.error()});
  const Result<std::string> tls_before = prepare_tls(&*redis);
  if (!tls_before) return Failure(Error{tls_before.error()});

  Progress progress("replaying", "records");
  LogFeed::Order todo = order();
  todo.feed_tls = login_.feed_tls;
  todo.feed_address = feed_address_ ? *feed_address_ : Address{redis->local_host(), 0, ""};
  LogFeed feed(std::move(todo));  // until Redis is told otherwise, or it would look for it
  const Result<LogFeed::Outcome> fed = feed.run(&*redis, &progress);
  if (!fed) {
    return Failure(Error{fed.error() + "; Redis may hold a part of the state now and is still told to be fed: run this "
                                       "again"});
  }
  if (no_marker_) {
    if (auto done = remove_marker(&*redis); !done) return Failure(Error{done.error()});
  }
  if (!keep_replica_) {
    if (auto done = redis->ask({"REPLICAOF", "NO", "ONE"}); !done) return Failure(Error{done.error()});
  }
  if (!tls_before->empty()) {
    const auto done = redis->ask({"CONFIG", "SET", "tls-replication", *tls_before});
    if (!done) return Failure(Error{done.error()});
  }
  progress.end();
  summarize(*fed, to_redis_, progress.seconds());
  return std::nullopt;
}

Error cannot_write(const std::string& file) { return Error{"cannot write " + file + ": " + std::strerror(errno)}; }

Result<Done> sync_path(const std::string& path, int flags) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags));
  if (!file || fsync(file.get()) != 0) return cannot_write(path);
  return Done{};
}

Result<Done> move_into_place(const std::string& from, const std::filesystem::path& to) {
  if (auto done = sync_path(from, 0); !done) return done;
  if (rename(from.c_str(), to.c_str()) != 0) return cannot_write(to.string());
  return sync_path(to.parent_path().string(), O_DIRECTORY);
}

std::optional<Failure> ReplayCommand::into_rdb() {
  std::error_code failed;
  const std::filesystem::path target = std::filesystem::absolute(to_rdb_, failed);
  // Beside its place: moving it there is then one step.
  Result<ScratchDirectory> scratch = ScratchDirectory::make(target.parent_path().string(), ".holdfast-recover-");
  if (!scratch) return Failure(Error{scratch.error()});
  Progress progress("replaying", "records");
  PrivateRedisServer::Setup setup;
  setup.program = redis_flags_.program;
  setup.directory = scratch->path();
  setup.rdb = "dump.rdb";
  setup.databases = databases_;
  Result<std::unique_ptr<PrivateRedisServer>> server = PrivateRedisServer::start(setup);
  if (!server) return Failure(Error{server.error()});
  RedisClient& redis = (*server)->client();
  reserved_db_ = reserved_flag_ < 0 ? databases_ - 1 : reserved_flag_;
  const Result<LogFeed::Outcome> fed = LogFeed(order()).run(&redis, &progress);
  if (!fed) return Failure(Error{fed.error()});
  if (no_marker_) {
    if (auto done = remove_marker(&redis); !done) return Failure(Error{done.error()});
  }
  // Still a replica: what has expired by now was there at the time, and belongs into the file.
  if (auto done = redis.ask({"SAVE"}, RedisClient::kForever); !done) {
    return Failure(Error{done.error() + " (" + (*server)->last_words() + ")"});
  }
  if (auto done = move_into_place(scratch->path() + "/dump.rdb", target); !done) return Failure(Error{done.error()});
  progress.end();
  summarize(*fed, to_rdb_, progress.seconds());
  return std::nullopt;
}

void ReplayCommand::summarize(const LogFeed::Outcome& outcome, const std::string& target, double seconds) const {
  if (outcome.leader_only > 0) {
    std::fprintf(
        stderr,
        "%zu batch(es) at the end of the log were left out: what they did is not in the log, and no client was "
        "told; a proxy that starts with this log executes them\n",
        outcome.leader_only);
  }
  Summary summary = begin_summary("replay", log_->describe());
  summary["log_id"] = start_.id;
  summary["target"] = target;
  add_state(&summary, outcome.fed);
  summary["log_end"] = start_.end;
  summary["leader_only_batches"] = outcome.leader_only;
  add_rates(&summary, outcome.entries, outcome.bytes, seconds);
  std::printf("%s\n", to_line(summary).c_str());
}

std::optional<Failure> ReplayCommand::run(int*) {
  if (auto failure = check_flags()) return failure;
  if (auto failure = open_log(log_flags_.url, log_flags_, OpenLog{}, &log_)) return failure;
  if (auto failure = find_limit()) return failure;
  return to_rdb_.empty() ? into_redis() : into_rdb();
}

}  // namespace

std::unique_ptr<Subcommand> make_replay_command(CLI::App* parent) { return std::make_unique<ReplayCommand>(parent); }

}  // namespace holdfast
