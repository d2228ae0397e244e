// The shard when Redis comes and goes: who is told what, and which batches it gets once more.
#include <charconv>
#include <utility>

#include "core/check.h"
#include "core/deliberate_bug.h"
#include "core/shard/shard.h"

namespace holdfast {
namespace {

constexpr int64_t kAofPatienceMs = 1000;

}  // namespace

void Shard::lose_redis(const std::string& reason) {
  const std::string error = "LOADING Redis was lost (" + reason + "); it comes back with all its data";
  for (const Waiter& waiter : backend_.owed_reads()) replies_.give_up_read(waiter, error);
  replies_.give_up_reads(error);
  desk_.on_asked_lost(error);
  for (const Orphan& orphan : std::exchange(orphans_, {})) desk_.give_up(orphan.op.waiter, error);
  backend_.reset();
  memory_.on_redis_lost();
  users_.on_redis_lost();
  busy_.reset();
  denied_ = false;
  if (down_since_ms_ == 0) down_since_ms_ = world_->monotonic_ms();
  attach_.on_main_lost(reason);
}

void Shard::load_anew(const Waiter& waiter) {
  loads_anew_.push_back(waiter);
  attach_.rebuild_next();
  redis_lost_ = "a client wants its data to be loaded anew";
}

void Shard::digest(std::string_view command, std::function<void(const std::string& reply)> then) {
  HOLDFAST_CHECK(at_rest());  // so that Redis's marker is the last one
  backend_.without_marker(command, last_marker_, std::move(then));
}

// Where Redis writes an AOF it begins one anew: clients expect that to be over, but not for ever.
void Shard::answer_loaded_anew() {
  if (loads_anew_.empty() || !serving()) return;
  backend_.request(-1, {"INFO", "persistence"}, [this](std::string_view reply) {
    const Result<ReplyValue> info = parse_reply(reply);
    const bool begins =
        info.ok() &&
        info_number(info->text, "aof_rewrite_in_progress") + info_number(info->text, "aof_rewrite_scheduled") > 0;
    if (begins && world_->monotonic_ms() - loaded_ms_ < kAofPatienceMs) return;
    for (const Waiter& waiter : std::exchange(loads_anew_, {})) {
      desk_.on_reply(waiter, "+OK\r\n");
      desk_.release(waiter);
    }
  });
}

void Shard::on_attached() {
  if (users_.position() == kNoPosition) users_.learn_recorded(attach_.recorded_users());
  Marker marker = attach_.marker();
  marker.users = users_.position();
  last_marker_ = encode_marker(marker);
  users_.attach();
  settings_.learn(attach_.redis().maxmemory_policy, attach_.redis().maxmemory);
  if (attach_.redis().appends && !settings_.kept().contains("appendonly")) {
    backend_.request(-1, {"CONFIG", "SET", "appendonly", "yes"}, [](std::string_view) {});
  }
  for (const auto& [name, value] : settings_.kept()) {
    backend_.request(-1, {"CONFIG", "SET", name, value}, [this, setting = name](std::string_view reply) {
      if (!reply.starts_with('-')) return;
      world_->note(World::Level::kWarn, "Redis does not take '" + setting + "' back, which a client had set");
    });
  }
  for (const char* pattern : {"slowlog*", "commandlog*", "latency-tracking*"}) follow_settings(pattern);
  for (const std::string& script : desk_.script_cache().scripts()) {
    backend_.request(-1, {"SCRIPT", "LOAD", script}, [](std::string_view) {});
  }
  const bool valkey = words().cluster_dialect == ClusterDialect::kValkey;
  desk_.statistics().errors.set_beyond(valkey ? ErrorCounts::Beyond::kOverflow : ErrorCounts::Beyond::kDisabled);
  // From here on it is known what Redis executes for Holdfast, and what besides.
  backend_.request(-1, {"INFO", "all"}, [this](std::string_view reply) {
    const Result<ReplyValue> info = parse_reply(reply);
    if (info.ok()) backend_.own_calls().begin(info->text);
  });
  loaded_ms_ = world_->monotonic_ms();
  world_->note(World::Level::kInfo, "Redis " + attach_.redis().version + " holds what the log says; epoch " +
                                        std::to_string(line_.epoch()) + ", position " +
                                        std::to_string(line_.committed().position));
}

// The statistics go by Redis's own settings.
void Shard::follow_settings(const std::string& pattern) {
  backend_.request(-1, {"CONFIG", "GET", pattern}, [this](std::string_view reply) {
    const Result<ReplyValue> settings = parse_reply(reply);
    for (size_t i = 0; settings.ok() && i + 1 < settings->elements.size(); i += 2) {
      desk_.statistics().set(settings->elements[i].text, settings->elements[i + 1].text);
    }
  });
}

void Shard::give_up_unanswered(Batch* batch, std::string_view error) {
  for (const Op& op : batch->ops) {
    if (op.last_piece && !op.answered) desk_.give_up(op.waiter, error);
  }
  batch->replied = true;
  if (batch->state == Batch::State::kSeen) batch_finished(batch);
}

void Shard::on_redis_executed_through(Position marker) {
  settler_.forget_behind(marker);
  for (const std::unique_ptr<Batch>& batch : batches_) {
    if (batch->position > marker && batch->state == Batch::State::kSent) {
      batch->state = Batch::State::kCommitted;  // also one that it refused: nobody has been told yet
    } else if (!batch->replied && batch->state >= Batch::State::kSent && !end_set_aside(batch.get())) {
      give_up_unanswered(batch.get(), "UNKNOWN the write is in the log and was executed, but its reply was lost");
    }
  }
  on_sent_again();
}

void Shard::on_rebuilding() {
  // What Redis had still to tell is lost.
  watches_.touch_all();
  desk_.on_redis_rebuilt(settler_.settled_offset(), settler_.removals_committed());
  settler_.forget_behind(kNoPosition);
  for (const std::unique_ptr<Batch>& batch : batches_) {
    if (batch->state == Batch::State::kSeen && !batch->replied && !end_set_aside(batch.get())) {
      give_up_unanswered(batch.get(), "UNKNOWN the write is in the log and was executed, but its reply was lost");
    } else if (batch->state == Batch::State::kSent) {
      batch->state = Batch::State::kCommitted;
    }
  }
  on_sent_again();
}

// Batches that Redis will get once more: nothing of what it answered counts.
void Shard::on_sent_again() {
  sent_serial_ = next_serial_ - 1;
  if (gathering_) sent_serial_ = gathering_->serial - 1;
  for (auto it = batches_.rbegin(); it != batches_.rend(); ++it) {
    Batch* batch = it->get();
    if (batch->state >= Batch::State::kSent) break;
    sent_serial_ = batch->serial - 1;
    batch->replied = batch->set_aside = false;
    batch->refusal.clear();
    for (Op& op : batch->ops) {
      op.answered = op.again = false;
      if (op.kind != Op::Kind::kLocal) op.reply.clear();
      desk_.restart_reply(op.waiter);
    }
  }
}

void Shard::on_tail(std::deque<Replay::Pending> tail, Position executed) {
  for (const Replay::Pending& pending : tail) {
    auto batch = std::make_unique<Batch>();
    batch->serial = next_serial_++;
    batch->position = pending.position;
    batch->chain = pending.chain;
    batch->settled = settler_.settled_chain();
    int db = 0;
    std::string user;  // in whose name the next command is to be executed
    std::string_view commands = pending.commands;
    RequestParser parser(kNoRequestLimits);
    while (!commands.empty()) {
      HOLDFAST_CHECK(parser.parse(commands) == RequestParser::Status::kComplete);
      const CommandInfo* info = table().find(parser.argv());
      if (info != nullptr && info->name == "select") {
        const std::string_view number = parser.argv()[1];
        std::from_chars(number.data(), number.data() + number.size(), db);
      } else if (parser.argv()[0] == kActAs && parser.argv().size() == 2) {
        user = shadow_of(parser.argv()[1]);
        users_.expect_shadow(user);
      } else {
        Op op = desk_.make_op(info, db, parser.argv());
        op.user = std::exchange(user, std::string());
        if (!op.user.empty()) op.effect = Effect::kUnknown;
        batch->add(std::move(op), parser.canonical());
      }
      commands.remove_prefix(parser.consumed());
    }
    batch->state = Batch::State::kCommitted;
    if (batch->position <= executed && kDeliberateBug != 6) {  // bug: the marker is not looked at
      batch->state = Batch::State::kSent;
      batch->replied = true;
      sent_serial_ = batch->serial;
      settler_.expect(batch.get());
    }
    batches_.push_back(std::move(batch));
  }
}

}  // namespace holdfast
