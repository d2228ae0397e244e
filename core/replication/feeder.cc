#include "core/replication/feeder.h"

#include <iterator>

#include "core/check.h"
#include "core/resp/request.h"
#include "core/resp/words.h"
#include "core/shard/batch.h"
#include "core/shard/effects_match.h"

namespace holdfast {
namespace {

constexpr size_t kReadBytes = 1 << 20;
constexpr size_t kUnsentBytes = 8 << 20;
constexpr size_t kRdbPiece = 1 << 20;

// Whether a replica may execute all of a batch although its effects were never seen.
bool may_replay_batch(const CommandTable& table, std::string_view commands) {
  RequestParser parser(kNoRequestLimits);
  while (!commands.empty()) {
    if (parser.parse(commands) != RequestParser::Status::kComplete) return false;
    const CommandInfo* info = table.find(parser.argv());
    const bool select = info != nullptr && info->name == "select";
    if (!select && !may_replay_unseen(effect_of(info, parser.argv()))) return false;
    commands.remove_prefix(parser.consumed());
  }
  return true;
}

// Redis 8.2 lets a replica refuse its master's HPERSIST for a field whose time has passed meanwhile, and so loses it. A
// time far ahead, given first, is taken; HPERSIST then takes it away again.
std::string with_live_fields(std::string_view commands) {
  std::string out;
  RequestParser parser(kNoRequestLimits);
  while (!commands.empty() && parser.parse(commands) == RequestParser::Status::kComplete) {
    const std::vector<std::string_view>& argv = parser.argv();
    if (argv.size() > 4 && same_word(argv[0], "HPERSIST")) {
      std::vector<std::string_view> ahead = {"HPEXPIREAT", argv[1], "33177117420000"};
      ahead.insert(ahead.end(), argv.begin() + 2, argv.end());
      append_request(&out, ahead);
    }
    out.append(commands.substr(0, parser.consumed()));
    commands.remove_prefix(parser.consumed());
  }
  return out;
}

}  // namespace

std::string replid_prefix(const std::string& log_id) {
  std::string prefix = log_id.substr(0, kReplidPrefix);
  prefix.resize(kReplidPrefix, '0');
  return prefix;
}

Feeder::Feeder(FeedPort* port, Log* log, std::string log_id, int reserved_db, Position settled, ReplayLimit limit)
    : port_(port),
      log_id_(std::move(log_id)),
      reserved_db_(reserved_db),
      settled_(settled),
      source_(log),
      limit_(limit) {}

void Feeder::on_connected() {
  feed_ = std::make_unique<Feed>(replid_prefix(log_id_) + port_->random_hex(40 - kReplidPrefix), 1);
}

bool Feeder::may_send() const { return port_->feed_unsent() < kUnsentBytes; }

bool Feeder::on_data(std::string_view data) {
  if (!feed_) return false;
  std::string answer;
  const bool good = feed_->on_data(data, &answer);
  if (!answer.empty()) port_->feed_send(std::move(answer));
  // It may ask only once: the stream that it missed would be gone.
  return good && !(rdb_bytes_ >= 0 && feed_->wants_rdb());
}

Result<bool> Feeder::send_rdb() {
  if (rdb_done_) return true;
  if (!feed_ || (!feed_->wants_rdb() && rdb_bytes_ < 0)) return false;
  const std::optional<SnapshotRef>& base = source_.replay().base();
  if (rdb_bytes_ < 0) {
    base_sent_ = base ? base->file : "";
    rdb_bytes_ = static_cast<int64_t>(kEmptyRdb.size());
    if (base) {
      const Result<int64_t> size = port_->snapshot_size(*base);
      if (!size.ok()) return Error{size.error()};
      rdb_bytes_ = *size;
    }
    port_->feed_send(feed_->rdb_header(rdb_bytes_));
  }
  while (rdb_sent_ < rdb_bytes_ && may_send()) {
    std::string piece(kEmptyRdb);
    if (base) {
      Result<std::string> read = port_->snapshot_read(*base, rdb_sent_, kRdbPiece);
      if (!read.ok()) return Error{read.error()};
      if (read->empty()) return Error{"the base snapshot " + base->file + " is shorter than it was"};
      piece = std::move(*read);
    }
    rdb_sent_ += static_cast<int64_t>(piece.size());
    port_->feed_send(std::move(piece));
  }
  if (rdb_sent_ < rdb_bytes_) return false;
  rdb_done_ = true;
  // From the first moment on this Redis says whose it is.
  send_marker();
  return true;
}

Result<bool> Feeder::pump(Position target) {
  // The base snapshot is known once the first batch has been read.
  while (!source_.replay().has_batches() && !at_end(target)) {
    if (const Result<bool> read = read_on(); !read.ok() || !*read) return read;
  }
  const Result<bool> rdb = send_rdb();
  no_snapshot_ = !rdb.ok();
  if (!rdb.ok() || !*rdb) return rdb;

  while (may_send()) {
    std::vector<ReplayPiece> pieces;
    source_.replay().take(&pieces);
    for (const ReplayPiece& piece : limit_.admit(std::move(pieces))) feed(piece);
    // No record says so yet, but these are known to be settled.
    while (at_end(target) && !source_.replay().pending().empty() &&
           source_.replay().pending().front().position <= settled_) {
      feed_pending(source_.replay().take_pending_front());
    }
    if (marker_due_) send_marker();
    if (at_end(target) || limit_.reached()) return true;
    if (const Result<bool> read = read_on(); !read.ok() || !*read) return read;
  }
  return false;
}

Result<bool> Feeder::read_on() {
  const Result<size_t> read = source_.read(kReadBytes);
  if (!read.ok() && !cut_short()) return Error{read.error()};
  return !read.ok() || *read > 0;
}

void Feeder::feed_unseen(const CommandTable& table) {
  Replay& replay = source_.replay();
  while (!limit_.reached() && !replay.pending().empty()) {
    const Replay::Pending& front = replay.pending().front();
    if (!front.replaced && !may_replay_batch(table, front.commands)) break;
    feed_pending(replay.take_pending_front());
  }
  if (marker_due_) send_marker();
}

void Feeder::feed_pending(Replay::Pending pending) {
  std::vector<ReplayPiece> pieces;
  pieces.push_back(pending.as_piece());
  pieces.insert(pieces.end(), std::make_move_iterator(pending.after.begin()),
                std::make_move_iterator(pending.after.end()));
  for (const ReplayPiece& piece : limit_.admit(std::move(pieces))) feed(piece);
}

void Feeder::feed(const ReplayPiece& piece) {
  // Every piece begins with its SELECT.
  if (piece.commands.find("HPERSIST") == std::string::npos && piece.commands.find("hpersist") == std::string::npos) {
    feed_->stream(piece.commands, &out_);
  } else {
    feed_->stream(with_live_fields(piece.commands), &out_);
  }
  stream_db_ = -1;
  if (piece.is_batch) fed_ = piece.chain;
  pieces_fed_++;
  marker_due_ = true;
  if (out_.size() >= kReadBytes) port_->feed_send(std::exchange(out_, std::string()));
}

void Feeder::send_marker() {
  Marker marker;
  marker.log_id = log_id_;
  marker.applied = fed_;
  marker.settled = fed_;
  marker.users = source_.replay().users().position;
  std::string commands;
  append_select(&commands, reserved_db_, &stream_db_);
  append_request(&commands, {"SET", kMarkerKey, encode_marker(marker)});
  feed_->stream(commands, &out_);
  marker_due_ = false;
  port_->feed_send(std::exchange(out_, std::string()));
}

bool Feeder::outdated() const {
  const std::optional<SnapshotRef>& base = source_.replay().base();
  return base && base->file != base_sent_;
}

void Feeder::finish() {
  HOLDFAST_CHECK(rdb_done_);
  if (finished_) return;
  finished_ = true;
  // Redis answers the question with the offset before it.
  awaited_ = feed_->offset();
  std::string out;
  feed_->ask_ack(&out);
  port_->feed_send(std::move(out));
}

}  // namespace holdfast
