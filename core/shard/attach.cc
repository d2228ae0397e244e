#include "core/shard/attach.h"

#include <utility>

#include "core/check.h"
#include "core/resp/reply.h"
#include "core/shard/tail.h"
#include "core/shard/users.h"

namespace holdfast {
namespace {

constexpr int64_t kRetryMs = 100;
constexpr size_t kReadBytes = 4 << 20;

}  // namespace

Attach::Attach(World* world, AttachEvents* events, const ShardOptions& options, Backend* backend, Tap* tap,
               Settler* settler, CommitLine* line)
    : world_(world), events_(events), options_(options), backend_(backend), tap_(tap), settler_(settler), line_(line) {}

const char* Attach::doing() const {
  switch (stage_) {
    case Stage::kDown:
    case Stage::kConnecting: return "connecting to Redis";
    case Stage::kProbing: return "looking at Redis";
    case Stage::kLooking:
    case Stage::kReading: return "reading the log";
    case Stage::kClaiming: return "claiming the log";
    case Stage::kTapping: return "following Redis's effects";
    case Stage::kRebuildDue: return "waiting for the log before Redis is rebuilt";
    case Stage::kFeeding:
    case Stage::kFed:
    case Stage::kPromoting: return "rebuilding Redis from the log";
    case Stage::kAdopting:
    case Stage::kSaving:
    case Stage::kRecording: return "making the base snapshot of Redis's data";
    case Stage::kReady: return "ready";
    case Stage::kRefused: return "refused";
  }
  return "";
}

void Attach::start() {
  progress_ms_ = world_->monotonic_ms();
  stage_ = Stage::kConnecting;
  world_->link_connect(Link::kMain);
}

void Attach::work() {
  const int64_t now = world_->monotonic_ms();
  check_patience(now);
  switch (stage_) {
    case Stage::kDown:
      if (now >= retry_ms_) {
        stage_ = Stage::kConnecting;
        world_->link_connect(Link::kMain);
      }
      break;
    case Stage::kLooking:
      if (now >= retry_ms_) look_at_log();
      break;
    case Stage::kReading: read_behind_marker(); break;
    case Stage::kRebuildDue:
      if (!claimed_ || (line_->leading() && !settler_->effects_due())) begin_feed();
      break;
    case Stage::kFeeding:
    case Stage::kFed: pump(); break;
    default: break;
  }
  const bool tap_wanted = stage_ == Stage::kReady || stage_ == Stage::kTapping;
  if (tap_wanted && tap_retry_ms_ != 0 && now >= tap_retry_ms_) {
    tap_retry_ms_ = 0;
    world_->link_connect(Link::kTap);
  }
}

// At the start there is nobody yet who would be served later: better an error than a node that waits for ever.
void Attach::check_patience(int64_t now) {
  // Storing and verifying a base snapshot has bounds of its own; loading a large RDB takes as long as it takes.
  const bool bounded = stage_ != Stage::kAdopting && stage_ != Stage::kSaving && stage_ != Stage::kFed;
  if (!first_ || !bounded || stage_ == Stage::kRefused || now - progress_ms_ <= options_.attach_timeout_ms) return;
  const std::string complaint = line_->complaint().empty() ? log_trouble_ : line_->complaint();
  const std::string why =
      stage_ == Stage::kDown || stage_ == Stage::kConnecting ? last_reason_
      : stage_ == Stage::kProbing
          ? "Redis (redis.address) accepts connections but does not answer: is it hung, or no Redis?"
      : stage_ == Stage::kFeeding && feeder_->rdb_under_way()
          ? "Redis does not connect to the feed at " + world_->feed_host() + ":" + std::to_string(world_->feed_port()) +
                " (redis.feed-address)"
          : std::string("no progress while ") + doing() + (complaint.empty() ? "" : ": " + complaint);
  refuse("not ready within " + std::to_string(options_.attach_timeout_ms) + " ms (timeouts.attach-ms): " + why);
}

bool Attach::busy() const {
  return (stage_ == Stage::kLooking && world_->monotonic_ms() >= retry_ms_) || stage_ == Stage::kReading ||
         (stage_ == Stage::kFeeding && feeder_ && !feeder_->rdb_under_way() && feeder_->may_send());
}

void Attach::retry(const std::string& reason) {
  if (reason != last_reason_) world_->note(World::Level::kWarn, reason);
  last_reason_ = reason;
  world_->link_close(Link::kMain);
  // The next attempt may have another plan.
  feeder_.reset();
  users_reader_.reset();
  world_->feed_close();
  stage_ = Stage::kDown;
  retry_ms_ = world_->monotonic_ms() + kRetryMs;
}

void Attach::refuse(const std::string& reason) {
  stage_ = Stage::kRefused;
  world_->fatal(reason);
}

void Attach::on_link_up(Link link) {
  if (link == Link::kTap) {
    if (stage_ == Stage::kReady || stage_ == Stage::kTapping || stage_ == Stage::kAdopting) {
      tap_->start(std::string(kOwnUser), options_.own_password, tap_replid_, tap_offset_);
    } else {
      world_->link_close(Link::kTap);
    }
    return;
  }
  if (stage_ != Stage::kConnecting) return;
  stage_ = Stage::kProbing;
  backend_->reset();
  found_ = RedisState();
  probe_ = std::make_unique<Probe>(backend_, options_, &found_);
  probe_->start([this](Probe::Outcome outcome, const std::string& reason) { probed(outcome, reason); });
}

void Attach::on_main_lost(const std::string& reason) {
  if (stage_ == Stage::kRefused) return;
  if (stage_ == Stage::kAdopting || stage_ == Stage::kSaving) world_->link_close(Link::kTap);
  source_.reset();
  tap_retry_ms_ = 0;
  retry("Redis is lost: " + reason);
}

void Attach::probed(Probe::Outcome outcome, const std::string& reason) {
  if (stage_ != Stage::kProbing) return;
  if (outcome == Probe::Outcome::kBusy) {
    retry("Redis is busy: " + reason);
  } else if (outcome == Probe::Outcome::kRefused) {
    refuse(reason);
  } else {
    last_reason_.clear();
    aof_rests_ = aof_rests_ && found_.run_id == redis_.run_id;
    redis_ = std::move(found_);
    redis_.appends |= aof_rests_;
    if (redis_.aof_failed) world_->note(World::Level::kError, "Redis could not write its AOF: it is switched off");
    if (redis_.marker) marker_ = *redis_.marker;
    backend_->set_reserved_db(redis_.reserved_db);
    settler_->set_reserved_db(redis_.reserved_db);
    decide();
  }
}

void Attach::decide() {
  if (first_) {
    source_.reset();
    stage_ = Stage::kLooking;
    return;
  }
  const bool same = !must_rebuild_ && redis_.run_id == run_id_ && !redis_.replica && redis_.marker &&
                    redis_.marker->log_id == log_id_;
  if (!same) {
    start_rebuild("it is not the Redis that it was");
    return;
  }
  events_->on_redis_executed_through(redis_.marker->applied.position);
  if (tap_up_) {
    finish();
  } else {
    stage_ = Stage::kTapping;
    connect_tap(tap_->replid(), tap_->offset());
  }
}

// At the start: whose log is it, and, where Redis has data of its own, does it hold writes?
void Attach::look_at_log() {
  if (!source_) {
    // A snapshot record of an attempt to adopt that was broken off may be under way.
    if (claimed_ && !line_->idle()) return;
    const Result<Position> end = world_->log().end();
    if (!end.ok()) {
      look_again("the log cannot be read: " + end.error());
      return;
    }
    target_ = *end - 1;
    source_ = std::make_unique<LogSource>(&world_->log());
  }
  const bool own_data = !redis_.marker && redis_.keys > 0;
  const bool known = !source_->log_id().empty() && (!own_data || source_->replay().has_batches());
  if (source_->position() < target_ && !known) {
    read_log(source_.get());
    return;
  }
  if (target_ >= 0 && source_->log_id().empty()) {
    refuse("the log's entries were not written by Holdfast: give it a topic or file of its own");
    return;
  }
  if (!source_->log_id().empty()) log_id_ = source_->log_id();
  if (log_id_.empty()) log_id_ = world_->random_hex(32);
  const Result<Plan> chosen = plan(target_ + 1, source_->replay().has_batches());
  source_.reset();
  if (!chosen.ok()) {
    refuse(chosen.error());
    return;
  }
  plan_ = *chosen;
  if (plan_ == Plan::kRebuild) {
    start_rebuild(target_ < 0 ? "the log is new" : "Redis does not hold the log's data");
    return;
  }
  source_ = std::make_unique<LogSource>(&world_->log(), plan_ == Plan::kResume ? redis_.marker->settled : ChainState{});
  if (plan_ == Plan::kResume) source_->expect(redis_.marker->applied);
  stage_ = Stage::kReading;
}

Result<Attach::Plan> Attach::plan(Position end, bool log_has_writes) {
  const std::string where = "Redis (" + redis_.version + ")";
  if (redis_.replica && !redis_.replica_alone) {
    return Error{where + " is the replica of another master: make it one of its own first (REPLICAOF NO ONE)"};
  }
  if (redis_.marker) {
    // An earlier start died before anything was in the log.
    if (redis_.marker->applied.position == kNoPosition && redis_.keys == 0) return Plan::kRebuild;
    if (redis_.marker->log_id == log_id_ && end > redis_.marker->applied.position) {
      // Left behind in the middle of a rebuild: it may hold half a batch.
      return redis_.replica ? Plan::kRebuild : Plan::kResume;
    }
    if (options_.discard_redis_data) return Plan::kRebuild;
    if (end == 0 || redis_.marker->log_id == log_id_) {
      return Error{where + " holds the state of this log at position " +
                   std::to_string(redis_.marker->applied.position) + ", but the log ends before it, at " +
                   std::to_string(end) +
                   ": the log has lost committed records or is another one. Give the right log, or throw away Redis's "
                   "data with --discard-redis-data"};
    }
    return Error{where + " holds the state of another log (" + redis_.marker->log_id + ", this one is " + log_id_ +
                 "): give the right log, or throw away Redis's data with --discard-redis-data"};
  }
  if (redis_.keys == 0 && redis_.reserved_keys == 0) return Plan::kRebuild;
  // Left behind in the middle of a rebuild, before it got its marker.
  if (redis_.replica && redis_.replid.starts_with(replid_prefix(log_id_))) return Plan::kRebuild;
  if (options_.discard_redis_data) return Plan::kRebuild;
  if (redis_.reserved_keys > 0) {
    return Error{where + " holds " + std::to_string(redis_.reserved_keys) + " key(s) in database " +
                 std::to_string(redis_.reserved_db) +
                 ", which Holdfast needs for itself: move them, or start Redis with one database more"};
  }
  // Data and no marker: never been behind Holdfast. It can only be adopted by a log without writes.
  if (!log_has_writes) return Plan::kAdopt;
  return Error{where + " holds " + std::to_string(redis_.keys) +
               " key(s) that are not this log's, and the log holds writes: the two would be mixed. Give an empty Redis "
               "or a new log, or throw away Redis's data with --discard-redis-data"};
}

void Attach::claim(const Chain& chain) {
  stage_ = Stage::kClaiming;
  if (!claimed_) {
    claimed_ = true;
    line_->start(chain, log_id_);
  } else if (line_->leading()) {
    on_leading();
  }
}

void Attach::read_log(LogSource* source) {
  const Result<size_t> read = source->read(kReadBytes);
  if (!read.ok()) {
    log_failed(*source, read.error());
  } else if (*read > 0) {
    log_trouble_.clear();
    progress_ms_ = world_->monotonic_ms();
  }
}

// What the log says cannot be wrong for a moment; that it does not answer can.
void Attach::log_failed(const LogSource& source, const std::string& reason) {
  if (source.damaged()) {
    refuse(reason);
  } else {
    look_again(reason);
  }
}

// Redis stays as it was looked at: only the log is to blame for what comes of this.
void Attach::look_again(const std::string& reason) {
  if (reason != log_trouble_) world_->note(World::Level::kWarn, reason);
  log_trouble_ = reason;
  source_.reset();
  users_reader_.reset();
  stage_ = Stage::kLooking;
  retry_ms_ = world_->monotonic_ms() + kRetryMs;
}

void Attach::read_behind_marker() {
  if (source_->position() < target_) {
    read_log(source_.get());
    return;
  }
  if (plan_ == Plan::kResume && !source_->expectation_met()) {
    refuse("Redis holds a state of this log at position " + std::to_string(redis_.marker->applied.position) +
           " that the log does not have: the log was changed or truncated. Give the right log, or throw away Redis's "
           "data with --discard-redis-data");
  } else if (!claimed_ || !line_->leading() || source_->position() < line_->committed().position) {
    claim(source_->chain());
  } else if (plan_ == Plan::kAdopt) {
    log_id_ = source_->log_id();
    adopt();
  } else if (read_users()) {
    resume_tap();
  }
}

// Those that Redis was marked with, unless newer ones stand behind the marker.
bool Attach::read_users() {
  users_ = source_->replay().users();
  const Position position = redis_.marker->users;
  if (users_.position != kNoPosition || position == kNoPosition) return true;
  if (!users_reader_) {
    Result<std::unique_ptr<LogReader>> opened = world_->log().read_from(position);
    if (!opened.ok()) {
      look_again("the log cannot be read: " + opened.error());
      return false;
    }
    users_reader_ = std::move(*opened);
  }
  std::vector<LogEntry> entries;
  const Result<size_t> read = users_reader_->poll(&entries, 1);
  if (!read.ok()) {
    look_again("the log cannot be read: " + read.error());
    return false;
  }
  if (entries.empty()) return false;
  users_reader_.reset();
  const Result<Record> header = parse_header(entries.front().header);
  if (entries.front().position != position || !header.ok() || header->type != RecordType::kUsers) {
    refuse("the log does not have the users at position " + std::to_string(position) +
           " where Redis's marker says that they are: the log was changed or truncated");
    return false;
  }
  users_ = {position, entries.front().value};
  return true;
}

// What was read before the claim may not have been the end of what counts: reads on, through the claim.
void Attach::on_leading() {
  if (stage_ == Stage::kRecording) line_->append_snapshot(snapshot_, snapshot_settled_);
  if (stage_ != Stage::kClaiming) return;
  target_ = line_->committed().position;
  stage_ = feeder_ ? Stage::kFeeding : Stage::kReading;
}

void Attach::resume_tap() {
  Replay& replay = source_->replay();
  const Settled& settled = replay.settled();
  const Marker& marker = *redis_.marker;
  if (settled.replid.empty() || settled.position < marker.settled.position ||
      settled.position > marker.applied.position) {
    start_rebuild("the log does not tell how far its effects are known");
    return;
  }
  stage_ = Stage::kTapping;
  connect_tap(settled.replid, settled.offset);
}

void Attach::connect_tap(const std::string& replid, int64_t offset) {
  tap_replid_ = replid;
  tap_offset_ = offset;
  tap_retry_ms_ = 0;
  world_->link_connect(Link::kTap);
}

void Attach::on_tap_continues() {
  tap_up_ = true;
  if (stage_ != Stage::kTapping) return;  // it was only the tap that had been lost
  // What an earlier attempt to attach has seen will be seen again.
  if (first_) settler_->drop_effects();
  if (first_ && source_) {
    Replay& replay = source_->replay();
    std::vector<ReplayPiece> applied;
    replay.take(&applied);
    settler_->restart({replay.settled().position, tap_->replid(), tap_offset_, replay.settled().db},
                      replay.settled_chain());
    Result<std::deque<Replay::Pending>> tail = take_tail(&replay);
    if (!tail.ok()) return refuse(tail.error());
    events_->on_tail(std::move(*tail), redis_.marker->applied.position);
    source_.reset();
  } else if (feeder_) {
    // Once it is no replica any more, Redis begins its stream with a SELECT.
    settler_->restart({feeder_->fed().position, tap_->replid(), tap_offset_, -1}, feeder_->fed());
    Replay& replay = feeder_->source().replay();
    if (first_) users_ = replay.users();
    marker_ = Marker{log_id_, feeder_->fed(), feeder_->fed()};
    if (first_) {
      Result<std::deque<Replay::Pending>> tail = take_tail(&replay);
      if (!tail.ok()) return refuse(tail.error());
      events_->on_tail(std::move(*tail), feeder_->fed().position);
    }
    feeder_.reset();
  }
  finish();
}

void Attach::on_tap_full_sync(const std::string& replid, int64_t offset) {
  if (stage_ == Stage::kAdopting) {
    settler_->drop_effects();
    snapshot_settled_ = {kNoPosition, replid, offset, -1};
    settler_->restart(snapshot_settled_, ChainState{});
    world_->snapshot_begin();
    return;
  }
  // Redis does not know any more what it did since. What the log says it knows.
  world_->link_close(Link::kTap);
  if (stage_ != Stage::kReady && stage_ != Stage::kTapping) return;
  if (first_) {
    start_rebuild("its effects cannot be followed from where they are known");
    return;
  }
  // The main link may still owe answers about a state that will be thrown away: begin with a new one.
  must_rebuild_ = true;
  events_->on_main_link_spoilt("its effects cannot be followed any more");
}

void Attach::on_tap_lost(const std::string& reason) {
  const bool streamed = std::exchange(tap_up_, false);
  if (stage_ == Stage::kAdopting) {
    retry("Redis ended the full sync: " + reason);
    return;
  }
  // In all other stages, the next probe decides how to go on.
  const bool wanted =
      stage_ == Stage::kReady || stage_ == Stage::kTapping || stage_ == Stage::kSaving || stage_ == Stage::kRecording;
  if (!wanted) return;
  if (reason != last_reason_) world_->note(World::Level::kWarn, "Redis's effects cannot be followed: " + reason);
  last_reason_ = reason;
  if (streamed) {
    tap_replid_ = tap_->replid();
    tap_offset_ = tap_->offset();
  }
  tap_retry_ms_ = world_->monotonic_ms() + kRetryMs;
}

void Attach::start_rebuild(const std::string& reason) {
  world_->note(World::Level::kInfo, "rebuilding Redis from the log: " + reason);
  world_->link_close(Link::kTap);
  tap_up_ = false;
  tap_retry_ms_ = 0;
  source_.reset();
  feeder_.reset();
  plan_ = Plan::kRebuild;
  must_rebuild_ = false;
  events_->on_rebuilding();
  stage_ = Stage::kRebuildDue;
}

void Attach::begin_feed() {
  const Position settled = first_ ? kNoPosition : settler_->header_settled().position;
  if (claimed_) target_ = line_->committed().position;
  feeder_ = std::make_unique<Feeder>(world_, &world_->log(), log_id_, redis_.reserved_db, settled);
  stage_ = Stage::kFeeding;
  // A connection from an earlier attempt is in the middle of a handshake that nobody goes on with.
  world_->feed_close();
  if (redis_.appends) {
    // Where it could not begin one anew behind a full sync, Redis would end itself.
    aof_rests_ = true;
    backend_->request(-1, {"CONFIG", "SET", "appendonly", "no"}, [](std::string_view) {});
  }
  backend_->request(-1, {"REPLICAOF", world_->feed_host(), std::to_string(world_->feed_port())},
                    [this](std::string_view reply) {
                      if (reply.starts_with('-'))
                        refuse("Redis refuses REPLICAOF (was it renamed?): " + error_text(reply));
                    });
}

void Attach::on_feed_connected() {
  if (stage_ != Stage::kFeeding && stage_ != Stage::kFed && stage_ != Stage::kClaiming) {
    world_->feed_close();
    return;
  }
  if (!feeder_) return;
  if (!feeder_->rdb_under_way() || stage_ == Stage::kClaiming) {
    // It begins anew, and so do we.
    const Position settled = first_ ? kNoPosition : settler_->header_settled().position;
    if (claimed_ && line_->leading()) target_ = line_->committed().position;
    feeder_ = std::make_unique<Feeder>(world_, &world_->log(), log_id_, redis_.reserved_db, settled);
    if (stage_ != Stage::kClaiming) stage_ = Stage::kFeeding;
  }
  feeder_->on_connected();
}

void Attach::on_feed_data(std::string_view data) {
  if (!feeder_ || !feeder_->on_data(data)) world_->feed_close();
}

void Attach::pump() {
  if (stage_ == Stage::kFeeding) {
    const Result<bool> fed = feeder_->pump(target_);
    if (!fed.ok()) {
      if (feeder_->spoilt()) {
        refuse(fed.error());
      } else {
        retry(fed.error());
      }
      return;
    }
    if (feeder_->pieces_fed() != pieces_seen_) {
      pieces_seen_ = feeder_->pieces_fed();
      progress_ms_ = world_->monotonic_ms();
    }
    if (!*fed) return;
    if (!claimed_ || (first_ && feeder_->source().position() < line_->committed().position)) {
      claim(feeder_->source().chain());
      return;
    }
    if (!line_->leading()) return;
    if (feeder_->source().log_id() != log_id_) {
      // An earlier start's claim came in late: it had given the log its id.
      log_id_ = feeder_->source().log_id();
      start_rebuild("the log has another id");
      return;
    }
    if (feeder_->outdated()) {
      start_rebuild("a base snapshot has come in late");
      return;
    }
    if (first_) feeder_->feed_unseen(redis_.table);
    feeder_->finish();
    stage_ = Stage::kFed;
  }
  if (feeder_->acknowledged()) promote();
}

void Attach::promote() {
  stage_ = Stage::kPromoting;
  backend_->request(-1, {"REPLICAOF", "NO", "ONE"}, [this](std::string_view reply) {
    if (stage_ != Stage::kPromoting) return;
    if (reply.starts_with('-')) {
      refuse("Redis refuses REPLICAOF NO ONE: " + error_text(reply));
      return;
    }
    world_->feed_close();
    stage_ = Stage::kTapping;
    connect_tap(feeder_->replid(), feeder_->offset());
  });
}

void Attach::finish() {
  stage_ = Stage::kReady;
  first_ = aof_rests_ = false;
  run_id_ = redis_.run_id;
  tap_replid_ = tap_->replid();
  // Also shows whether another proxy has come to lead while this one was away.
  line_->tell_again();
  events_->on_attached();
}

}  // namespace holdfast
