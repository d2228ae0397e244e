#include "core/shard/data_copy.h"

#include <algorithm>
#include <utility>

#include "core/shard/users.h"

namespace holdfast {
namespace {

// In how much of the end the reserved database is looked for: scripts may stand behind it (6.2).
constexpr int64_t kTailBytes[] = {64 << 10, 64 << 20};

}  // namespace

void DataCopy::begin(std::string password) {
  drop();
  stage_ = Stage::kAsked;
  password_ = std::move(password);
  received_ = 0;
  placed_ = whole_ = cut_done_ = false;
  stream_->mark();
  if (const Result<Done> begun = world_->copy_begin(); !begun) return fail(begun.error());
  world_->link_connect(Link::kCopy);
}

void DataCopy::drop() {
  if (stage_ == Stage::kAsked || stage_ == Stage::kComing) world_->link_close(Link::kCopy);
  if (stage_ != Stage::kNone) world_->copy_end();
  stage_ = Stage::kNone;
  stream_->unmark();
  tail_ = std::string();
}

void DataCopy::fail(const std::string& reason) {
  drop();
  stage_ = Stage::kFailed;
  reason_ = reason;
}

void DataCopy::on_link_up() { tap_.start(std::string(kOwnUser), password_, "", 0); }

void DataCopy::on_tap_full_sync(const std::string& replid, int64_t offset) {
  stage_ = Stage::kComing;
  replid_ = replid;
  redis_offset_ = offset;
}

void DataCopy::on_tap_rdb(std::string_view piece, bool last) {
  if (stage_ != Stage::kComing) return;
  if (const Result<Done> written = world_->copy_write(piece); !written) return fail(written.error());
  received_ += static_cast<int64_t>(piece.size());
  if (!last) return;
  whole_ = true;
  stage_ = Stage::kUnsettled;
  world_->link_close(Link::kCopy);
}

void DataCopy::work(const RedisView& redis) {
  if (stage_ != Stage::kComing && stage_ != Stage::kUnsettled) return;
  if (redis.replid != replid_) return fail("Redis has a new history");
  if (!placed_) {
    // Its removals may be seen before they are in the log, see Settler.
    if (redis.settled_offset < redis_offset_ || !stream_->passed(redis_offset_)) return;
    placed_ = true;
    place_ = stream_->place_of(redis_offset_);
    removal_ = redis.newest_removal;
  }
  if (!whole_) return;
  if (!cut_done_) cut(redis.reserved_db);
  if (stage_ == Stage::kUnsettled && redis.removals_committed >= removal_) stage_ = Stage::kReady;
}

void DataCopy::cut(int reserved_db) {
  cut_done_ = true;
  head_ = received_;
  for (const int64_t most : kTailBytes) {
    const int64_t bytes = std::min(most, received_);
    const Result<std::string> end = world_->copy_read(received_ - bytes, static_cast<size_t>(bytes));
    if (!end) return fail(end.error());
    if (const std::optional<RdbCut> cut = find_reserved_database(*end, reserved_db)) {
      head_ = received_ - bytes + static_cast<int64_t>(cut->begin);
      tail_ = end->substr(cut->end, cut->eof + 1 - cut->end) + std::string(kNoChecksum);
      break;
    }
    if (bytes == received_) break;
  }
  size_ = head_ + static_cast<int64_t>(tail_.size());
}

Result<std::string> DataCopy::read(int64_t offset, size_t bytes) const {
  if (offset < head_) return world_->copy_read(offset, std::min(bytes, static_cast<size_t>(head_ - offset)));
  return tail_.substr(static_cast<size_t>(offset - head_), bytes);
}

}  // namespace holdfast
