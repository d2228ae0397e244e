#include "core/shard/shard.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/deliberate_bug.h"
#include "core/resp/reply.h"
#include "core/resp/words.h"
#include "core/shard/denial.h"
#include "core/shard/effect_units.h"

namespace holdfast {
namespace {

constexpr int64_t kCheckMs = 50;
constexpr int64_t kAckMs = 1000;
constexpr int64_t kBusyGraceMs = 1000;
constexpr size_t kLarge = 1 << 20;
constexpr int64_t kIdleMs = 50;  // a leader idle for so long tells what is settled

std::string milliseconds(int64_t ms) { return std::to_string(ms) + " ms"; }

}  // namespace

Shard::Shard(World* world, const ShardOptions& options)
    : world_(world),
      options_(options),
      backend_(this, options.own_password),
      tap_(this),
      line_(world, this, options.batches_in_flight),
      users_(world, &backend_, &line_, options_, [this] { desk_.on_users_changed(); }),
      desk_(world, this, options.frontdesk, options.cluster),
      replies_(&desk_, &settler_),
      memory_(options.maxmemory),
      settings_(&memory_),
      key_events_(world, options_),
      script_lines_(world, options_),
      busy_(world, options_),
      attach_(world, this, options_, &backend_, &tap_, &settler_, &line_) {
  backend_.own_calls().set_table(&attach_.redis().table);
  settler_.set_follower([this](const Batch* batch, const EffectList& effects, int64_t end_offset) {
    if (desk_.replicas().active()) show_to_replicas(batch, effects, end_offset);
  });
}

void Shard::start() {
  down_since_ms_ = world_->monotonic_ms();
  attach_.start();
}

void Shard::on_client_connected(SessionId id, Peer peer) { desk_.on_connected(id, std::move(peer)); }

void Shard::on_client_data(SessionId id, std::string_view data) { desk_.on_data(id, data); }

void Shard::on_client_end(SessionId id) { desk_.on_end(id); }

void Shard::on_client_disconnected(SessionId id) { desk_.on_disconnected(id); }

void Shard::on_link_up(Link link) {
  if (link == Link::kEvents) return key_events_.on_link_up();
  if (link == Link::kMonitor) return script_lines_.on_link_up();
  if (link == Link::kAside) return busy_.on_link_up();
  if (link == Link::kCopy) return desk_.replicas().copy().on_link_up();
  attach_.on_link_up(link);
}

void Shard::on_link_data(Link link, std::string_view data) {
  desk_.statistics().time_passes();
  if (link == Link::kMain) {
    if (redis_lost_.empty()) backend_.on_data(data);
    busy_.on_main_data(world_->monotonic_ms());
    note_progress(backend_.incomplete());
    return;
  }
  if (link == Link::kAside) return busy_.on_data(data);
  if (link == Link::kCopy) return desk_.replicas().copy().on_link_data(data);
  if (link == Link::kEvents) return take_key_events(key_events_.on_data(data, attach_.redis().reserved_db));
  if (link == Link::kMonitor) return take_script_lines(script_lines_.on_data(data, attach_.redis().reserved_db));
  tap_.on_data(data);
  note_progress(tap_.incomplete());
  take_tap_progress();
}

// A large value takes its time. As long as more of it comes, nobody who waits for it, or behind it, is given up on.
void Shard::note_progress(size_t incomplete) {
  if (incomplete > kLarge) large_moved_ms_ = world_->monotonic_ms();
}

void Shard::on_link_down(Link link, const std::string& reason) {
  if (link == Link::kMain) {
    lose_redis(reason);
  } else if (link == Link::kEvents) {
    key_events_.on_link_down();
  } else if (link == Link::kMonitor) {
    script_lines_.on_link_down();
  } else if (link == Link::kAside) {
    busy_.on_link_down();
  } else if (link == Link::kCopy) {
    desk_.replicas().copy().on_link_down(reason);
  } else {
    attach_.on_tap_lost(reason);
  }
}

void Shard::on_feed_connected() { attach_.on_feed_connected(); }
void Shard::on_feed_data(std::string_view data) { attach_.on_feed_data(data); }
void Shard::on_feed_closed() {}  // Redis connects again by itself
void Shard::on_snapshot_saved(const Result<SnapshotRef>& saved) { attach_.on_snapshot_saved(saved); }

bool Shard::turn() {
  desk_.statistics().time_passes();
  world_->log().poll([this](const Delivery& delivery) { line_.on_delivery(delivery); });
  line_.work();
  if (!redis_lost_.empty()) {
    world_->link_close(Link::kMain);
    lose_redis(std::exchange(redis_lost_, std::string()));
  }
  attach_.work();
  try_again();
  apply_committed();  // before anything that comes after it
  desk_.resume();
  append_effects();
  cut_batch();
  apply_committed();
  replies_.release_held();
  check_time();
  watch_memory();
  users_.work(settler_.header_settled(), log_stalled() ? refuse_write() : "");
  if (serving()) down_since_ms_ = 0;
  watch_busy();
  key_events_.want(attach_.ready() && desk_.wants_key_events(), world_->monotonic_ms());
  script_lines_.want(attach_.ready() && desk_.wants_script_lines(), world_->monotonic_ms());
  tell_settled();
  // Clients first: what wakes Redis up goes out when this thread is about to wait for it. (The other way round the
  // two of them and the clients get in each other's way where there are few processors.)
  desk_.deliver(settler_.settled_offset(), settler_.removals_committed());
  desk_.flush();
  if (desk_.replicas().active()) {
    desk_.serve_replicas({attach_.ready(), tap_.replid(), settler_.settled_offset(), settler_.removals_committed(),
                          settler_.removal_of(kTouchesAnything), reserved_database(), options_.own_password});
  }
  std::string output = backend_.take_output();
  if (!output.empty()) world_->link_send(Link::kMain, std::move(output));
  drop_finished();
  return attach_.busy() || line_.reading();
}

void Shard::drain() { desk_.drain(); }

bool Shard::drained() const {
  const bool told = !attach_.ready() || (line_.idle() && line_.told().position == settler_.header_settled().position);
  return desk_.drained() && !gathering_ && batches_.empty() && told;
}

Shard::Status Shard::status() const {
  Status status;
  status.ready = serving();
  status.attaching = attach_.doing();
  status.epoch = line_.epoch();
  status.committed = line_.committed().position;
  status.settled = settler_.header_settled().position;
  status.batches_waiting = batches_.size();
  status.clients = desk_.count();
  status.commands = desk_.commands();
  status.batches = batch_count_;
  status.effects_records = effects_count_;
  return status;
}

// ---- what the front desk asks for

const char* Shard::must_wait() const {
  if (!serving() && refuse_read().empty()) return attach_.doing();
  if (gathering_ && gathering_->bytes.size() >= options_.max_batch_bytes) return "the log";
  if (denied_) return "Redis's disk";  // what comes now would overtake what is set aside
  if (attach_.ready() && memory_.in_doubt(world_->monotonic_ms())) return "used memory";
  return nullptr;
}

std::string Shard::refuse_read() const {
  if (serving() || world_->monotonic_ms() - down_since_ms_ < options_.read_timeout_ms) return {};
  return std::string("LOADING Holdfast is ") + attach_.doing();
}

std::string Shard::refuse_write() const {
  if (!refuse_read().empty()) return std::string("NOTWRITTEN Holdfast is ") + attach_.doing();
  if (!log_stalled()) return {};
  return "NOTWRITTEN the log has not confirmed anything for " +
         milliseconds(world_->monotonic_ms() - line_.waiting_since()) + ": this write was not tried";
}

bool Shard::log_stalled() const { return log_waiting_ms() > options_.write_timeout_ms; }

int64_t Shard::log_waiting_ms() const {
  const int64_t since = line_.waiting_since();
  return since == 0 ? 0 : world_->monotonic_ms() - since;
}

void Shard::read(Session* session, Waiter waiter, uint64_t touches, int db, std::string_view command) {
  const std::string user = session->restricted ? shadow_of(session->user) : std::string();
  // Behind a write of the same client that Redis has not got yet, it rides along in the same batch.
  if (Batch* batch = find_unsent(session)) {
    Op op;
    op.kind = Op::Kind::kRead;
    op.command = waiter.command;
    op.db = db;
    op.touches = touches;
    op.user = user;
    op.waiter = waiter;
    session->set_in_batch(waiter.slot, true);
    batch->add(std::move(op), command);
    return;
  }
  backend_.read(waiter, touches, db, command, user);
}

void Shard::reads_at_once(Session* session, std::unique_ptr<Unit> unit) {
  if (Batch* batch = find_unsent(session)) {
    session->set_in_batch(unit->ops.front().waiter.slot, true);
    for (const Op& op : unit->ops) batch->add(op, unit->bytes_of(op));
    return;
  }
  backend_.reads_at_once(std::move(unit));
}

void Shard::write(Session* session, Unit unit) {
  if (!gathering_) {
    gathering_ = std::make_unique<Batch>();
    gathering_->serial = next_serial_++;
  }
  // Those that Redis has got are of no interest any more.
  const auto unsent = std::upper_bound(session->batches.begin(), session->batches.end(), sent_serial_);
  session->batches.erase(session->batches.begin(), unsent);
  if (session->batches.empty() || session->batches.back() != gathering_->serial) {
    session->batches.push_back(gathering_->serial);
  }
  gathering_->append(std::move(unit));
}

void Shard::look(const Unit& reads, std::function<void(Result<std::string>)> then) {
  if (!attach_.ready()) return then(Error{std::string("LOADING Holdfast is ") + attach_.doing()});
  // One behind the other, but in no transaction: out of memory Redis does not queue, and CONFIG SET may be what helps.
  Waiter waiter = replies_.add_look(std::move(then));
  RequestParser parser(kNoRequestLimits);
  for (const Op& op : reads.ops) {
    const std::string_view command = reads.bytes_of(op);
    parser.parse(command);
    waiter.command = backend_.own_calls().number_of(parser.argv());
    backend_.read(waiter, kTouchesAnything, op.db, command);
  }
}

bool Shard::write_under_way(const std::vector<uint64_t>& keys) const {
  const auto one_of_them = [&](uint64_t hash) { return std::find(keys.begin(), keys.end(), hash) != keys.end(); };
  RequestParser parser(kNoRequestLimits);
  const Unit* unit = nullptr;
  const auto touches = [&](const Op& op) {
    if (op.kind != Op::Kind::kWrite) return false;
    if (op.touches != kTouchesAnything) return one_of_them(op.touches);
    parser.parse(unit->bytes_of(op));
    const CommandInfo* command = table().find(parser.argv());
    const Touched touched = touched_by(command, op.db, parser.argv(), databases());
    // No key's: FUNCTION LOAD changes what is done to any.
    const bool no_keys = touched.keys.empty() && command != nullptr && command->logged;
    return touched.anything || !touched.databases.empty() || no_keys ||
           std::any_of(touched.keys.begin(), touched.keys.end(),
                       [&](const Touched::Key& key) { return one_of_them(key_hash(key.db, key.name)); });
  };
  const auto unseen = [&](const std::unique_ptr<Batch>& batch) {
    unit = batch.get();
    return batch && batch->state != Batch::State::kSeen && std::any_of(batch->ops.begin(), batch->ops.end(), touches);
  };
  return unseen(gathering_) || std::any_of(batches_.begin(), batches_.end(), unseen);
}

bool Shard::at_rest() const {
  const auto seen = [](const std::unique_ptr<Batch>& batch) { return batch->state == Batch::State::kSeen; };
  return !gathering_ && retries_.empty() && orphans_.empty() && std::all_of(batches_.begin(), batches_.end(), seen) &&
         settler_.read_offset() <= settler_.settled_offset() &&
         settler_.removal_of(kTouchesAnything) <= settler_.removals_committed();
}

void Shard::release_when_settled(const Waiter& waiter) {
  replies_.hold_or_release(waiter, tap_.offset(), kTouchesAnything);
}

void Shard::check_password(const std::vector<std::string_view>& argv, std::function<void(std::string_view)> answer) {
  backend_.check_password(argv, std::move(answer));
}

// The newest batch that Redis has not got yet with a write of the session, begun before the one with the serial
// `before`; none if nothing in a batch is still to be answered.
Batch* Shard::find_unsent(Session* session, uint64_t before) {
  if (kDeliberateBug == 9) return nullptr;  // a read may overtake a write of the same client
  std::erase_if(session->batches, [this](uint64_t serial) { return serial <= sent_serial_; });
  if (!session->has_open_in_batch()) return nullptr;
  for (auto serial = session->batches.rbegin(); serial != session->batches.rend(); ++serial) {
    if (*serial >= before) continue;
    if (gathering_ && gathering_->serial == *serial) return gathering_.get();
    for (auto batch = batches_.rbegin(); batch != batches_.rend(); ++batch) {
      if ((*batch)->serial == *serial) return batch->get();
    }
  }
  return nullptr;
}

// ---- the way of a batch

void Shard::append_effects() {
  if (!line_.leading() || !settler_.has_effects() || !attach_.may_append()) return;
  line_.append_effects(settler_.take_effects());
  effects_count_++;
}

void Shard::cut_batch() {
  if (!gathering_) return;
  if (log_stalled()) {
    std::unique_ptr<Batch> dropped = std::move(gathering_);
    void_batch(dropped.get(), "the log has not confirmed anything for " + milliseconds(options_.write_timeout_ms));
    return;
  }
  if (!line_.has_room() || settler_.has_effects()) return;
  batch_count_++;
  Batch* batch = gathering_.get();
  batches_.push_back(std::move(gathering_));
  line_.append_batch(batch, settler_.header_settled(), settler_.settled_chain());
}

void Shard::apply_committed() {
  if (!serving() || denied_) return;
  for (const std::unique_ptr<Batch>& batch : batches_) {
    if (batch->state == Batch::State::kInFlight) break;
    if (batch->state == Batch::State::kCommitted) send_batch(batch.get());
  }
  send_orphans();
  if (marker_lost_ && !last_marker_.empty()) {
    marker_lost_ = false;
    backend_.request(attach_.redis().reserved_db, {"SET", kMarkerKey, last_marker_}, [this](std::string_view reply) {
      if (!is_denial(reply)) return;
      marker_lost_ = true;
      lift_denial(reply);
    });
  }
}

// Reads that rode along in a batch that became void: behind what their session has written before, and before what it
// has written since.
void Shard::send_orphans() {
  for (Orphan& orphan : std::exchange(orphans_, {})) {
    Session* session = desk_.find(orphan.op.waiter.session);
    if (session == nullptr) continue;
    if (Batch* batch = find_unsent(session, orphan.batch)) {
      batch->add(orphan.op, orphan.command);
    } else {
      session->set_in_batch(orphan.op.waiter.slot, false);
      backend_.read(orphan.op.waiter, orphan.op.touches, orphan.op.db, orphan.command, orphan.op.user);
    }
  }
}

void Shard::send_batch(Batch* batch) {
  Marker marker;
  marker.log_id = attach_.log_id();
  marker.applied = batch->chain;
  marker.settled = batch->settled;
  if (kDeliberateBug != 14) marker.users = users_.position();  // bug: the marker does not name the users
  batch->state = Batch::State::kSent;
  sent_serial_ = batch->serial;
  settler_.expect(batch);
  last_marker_ = encode_marker(marker);
  stop_scripts(batch);
  backend_.apply(batch, last_marker_);
}

void Shard::on_batch_committed(Batch*) {}  // sent at the end of the turn, in order

void Shard::void_batch(Batch* batch, const std::string& reason) {
  bool in_transaction = false;
  for (const Op& op : batch->ops) {
    const bool alone = !in_transaction && op.last_piece;
    in_transaction = !op.last_piece;
    if (op.kind == Op::Kind::kRead && alone && attach_.ready()) {
      orphans_.push_back(Orphan{op, std::string(batch->bytes_of(op)), batch->serial});
    } else {
      desk_.give_up(op.waiter, "NOTWRITTEN " + reason);
    }
  }
}

void Shard::on_batch_void(Batch* batch, const std::string& reason) {
  void_batch(batch, reason);
  const auto it =
      std::find_if(batches_.begin(), batches_.end(), [batch](const auto& owned) { return owned.get() == batch; });
  HOLDFAST_CHECK(it != batches_.end());
  batches_.erase(it);
}

void Shard::on_effects_committed() { settler_.on_effects_committed(); }
void Shard::on_effects_void() { settler_.effects_void(); }
void Shard::on_snapshot_committed() { attach_.on_snapshot_committed(); }
void Shard::on_leading() { attach_.on_leading(); }
void Shard::on_fenced(const std::string& reason) { world_->fatal(reason); }

// ---- replies

void Shard::on_reply(const Waiter& waiter, std::string_view reply, bool) { replies_.on_reply(waiter, reply); }

void Shard::on_reads_done(ReplyGroup group, int64_t offset) {
  replies_.on_reads_done(std::move(group), offset);
  take_tap_progress();
}

void Shard::on_batch_replied(Batch* batch) {
  if (batch->refused() && set_aside(batch)) return;
  batch->replied = true;
  if (batch->refused()) answer_refused(batch);
  if (batch->state == Batch::State::kSeen) {
    batch_finished(batch);
  } else if (batch->refused()) {
    take_tap_progress();
  }
}

void Shard::on_backend_error(const std::string& reason) { redis_lost_ = reason; }

// The tap has moved on, or it became known that it need not.
void Shard::take_tap_progress() {
  std::vector<Batch*> seen;
  settler_.settle_refused(&seen);
  for (Batch* batch : seen) {
    if (batch->replied) batch_finished(batch);
  }
  replies_.take_tap_progress();
}

void Shard::batch_finished(Batch* batch) {
  bool in_transaction = false;
  for (const Op& op : batch->ops) {
    const bool alone = !in_transaction && op.last_piece;
    in_transaction = !op.last_piece;
    if (op.again) {
      retries_.push_back(Retry{op, std::string(batch->bytes_of(op)), batch->serial, batch->effects_record,
                               is_denial(batch->refusal) ? kDenied : kOverMaxmemory});
    } else if (op.last_piece) {
      replies_.hold_or_release(op.waiter, batch->seen_offset, alone ? op.touches : kTouchesAnything,
                               batch->refused() ? batch->effects_record : 0);
    }
  }
}

void Shard::drop_finished() {
  while (!batches_.empty() && batches_.front()->state == Batch::State::kSeen && batches_.front()->replied) {
    batches_.pop_front();
  }
}

// ---- the tap

void Shard::on_tap_send(std::string bytes) { world_->link_send(Link::kTap, std::move(bytes)); }

void Shard::on_tap_continues(const std::string&) { attach_.on_tap_continues(); }

void Shard::on_tap_full_sync(const std::string& replid, int64_t offset) { attach_.on_tap_full_sync(replid, offset); }

void Shard::on_tap_rdb(std::string_view piece, bool last) { attach_.on_tap_rdb(piece, last); }

void Shard::on_tap_command(const std::vector<std::string_view>& argv, std::string_view raw, int64_t end_offset) {
  std::vector<Batch*> seen;
  settler_.on_command(argv, raw, end_offset, world_->unix_ms(), &seen);
  if (desk_.wants_published() && argv.size() == 3) {
    const bool sharded = same_word(argv[0], "SPUBLISH");
    const bool comes_twice = key_events_.up() && is_key_event_channel(argv[1]);
    if ((sharded || same_word(argv[0], "PUBLISH")) && !comes_twice) {
      desk_.on_published({sharded, std::string(argv[1]), std::string(argv[2]), end_offset});
    }
  }
  if (!watches_.empty() || desk_.wants_touched()) {
    const CommandInfo* command = table().find(argv);
    Touched touched = touched_by(command, settler_.stream_db(), argv, databases());
    // The marker is nobody's business.
    std::erase_if(touched.keys, [&](const Touched::Key& key) { return key.db == reserved_database(); });
    watches_.on_touched(touched, command);
    desk_.on_touched(touched);
  }
  if (!settler_.in_unit()) {
    desk_.on_unit_end(seen.empty() ? nullptr : seen.back(), end_offset, settler_.removal_of(kTouchesAnything));
  }
  if (settler_.take_marker_lost()) marker_lost_ = true;
  for (Batch* batch : seen) {
    if (batch->replied) batch_finished(batch);
  }
}

void Shard::show_to_replicas(const Batch* batch, const EffectList& effects, int64_t end_offset) {
  ReplicaStream::Effects shown = for_replicas(batch, effects, reserved_database(), world_->unix_ms());
  if (shown.units.empty()) return;
  shown.offset = end_offset;
  shown.removal = settler_.removal_of(kTouchesAnything);
  desk_.replicas().add(std::move(shown));
}

void Shard::on_tap_error(const std::string& reason) {
  world_->link_close(Link::kTap);
  attach_.on_tap_lost(reason);
}

// ---- time

std::string Shard::too_late(const Session&, const Session::Oldest& oldest) const {
  // A script may take as long as it likes, once Redis has said that there is one: by default as late as we give up.
  // What waits for the log does not wait for it.
  if (!busy_.error().empty() && !log_stalled()) return {};
  int64_t since = std::max(oldest.since_ms, line_.part_delivered_ms());
  if (!log_stalled()) since = std::max(since, large_moved_ms_);
  const int64_t age = world_->monotonic_ms() - since - (busy_.suspects() ? kBusyGraceMs : 0);
  if (oldest.write && age > options_.write_timeout_ms) {
    return "UNKNOWN no confirmation within " + milliseconds(options_.write_timeout_ms) +
           ": the write may or may not have happened";
  }
  if (!oldest.write && age > options_.read_timeout_ms) {
    return "UNAVAILABLE no answer within " + milliseconds(options_.read_timeout_ms);
  }
  return {};
}

void Shard::check_time() {
  const int64_t now = world_->monotonic_ms();
  desk_.check_deadlines(now);
  if (now >= next_check_ms_) {
    next_check_ms_ = now + kCheckMs;
    desk_.check_blocked(now, options_.write_timeout_ms);
    answer_loaded_anew();
    if (denied_ && now - denied_ms_ > options_.read_timeout_ms)
      redis_lost_ = "it does not answer while it denies writes";
    desk_.check_time(
        now, [this](const Session& session, const Session::Oldest& oldest) { return too_late(session, oldest); });
  }
  if (now >= next_ack_ms_ && tap_.streaming()) {
    next_ack_ms_ = now + kAckMs;
    world_->link_send(Link::kTap, tap_.ack());
  }
}

void Shard::watch_busy() {
  if (!attach_.ready() || !busy_.work(backend_.owed() > 0, world_->monotonic_ms())) return;
  for (const Waiter& waiter : backend_.reads_behind()) desk_.refuse_busy(waiter);
}

// What Redis tells of something that it has done goes to the clients once the log holds that. It is no part of the
// stream, so Redis is asked how far the stream was by then.
void Shard::once_seen(std::function<void(int64_t offset, uint64_t removal)> then) {
  Unit question;
  question.add_question(0, {"PING"});
  look(question, [this, then = std::move(then)](const Result<std::string>& seen) {
    if (!seen.ok()) return;  // it is lost with Redis, as it would be with any
    then(settler_.read_offset(), settler_.removal_of(kTouchesAnything));
  });
}

void Shard::take_key_events(std::vector<KeyEvents::Event> events) {
  if (events.empty()) return;
  once_seen([this, events = std::move(events)](int64_t offset, uint64_t removal) {
    for (const KeyEvents::Event& event : events) {
      desk_.on_published({false, event.channel, event.text, offset, removal});
    }
  });
}

void Shard::take_script_lines(std::vector<std::string> lines) {
  if (lines.empty()) return;
  once_seen([this, lines = std::move(lines)](int64_t offset, uint64_t removal) {
    for (const std::string& line : lines) desk_.on_script_line({line, offset, removal});
  });
}

void Shard::tell_settled() {
  const int64_t now = world_->monotonic_ms();
  const Settled& settled = settler_.header_settled();
  const Settled& told = line_.told();
  const bool news = settled.position != told.position || settled.replid != told.replid;
  if (!attach_.ready() || !line_.idle() || settler_.effects_due() || gathering_ || !news) {
    idle_since_ms_ = now;
  } else if (now - idle_since_ms_ >= kIdleMs) {
    line_.append_settled(settled);
  }
}

}  // namespace holdfast
