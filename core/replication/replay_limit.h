// Time travel: how far a replay goes. The state at a position is that after the last batch at or before it, with the
// effects between batches that records at or before it tell; likewise for a time.
#pragma once

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "core/replication/replay.h"

namespace holdfast {

class ReplayLimit {
 public:
  ReplayLimit() = default;
  ReplayLimit(Position to_position, int64_t to_time_ms) : to_position_(to_position), to_time_ms_(to_time_ms) {}

  // Of the pieces that come next, those to apply.
  std::vector<ReplayPiece> admit(std::vector<ReplayPiece> pieces) {
    std::vector<ReplayPiece> admitted;
    for (ReplayPiece& piece : pieces) {
      if (reached_) break;
      const bool within = piece.recorded <= to_position_ && piece.time_ms <= to_time_ms_;
      if (piece.is_batch && !within) {
        reached_ = true;
      } else if (!within) {
        // Told later than the limit: it counts only if a batch behind it does.
        late_.push_back(std::move(piece));
      } else {
        for (ReplayPiece& late : late_) admitted.push_back(std::move(late));
        late_.clear();
        admitted.push_back(std::move(piece));
      }
    }
    return admitted;
  }

  bool reached() const { return reached_; }
  // Whether nothing at or behind `position` is wanted.
  bool ends_before(Position position) const { return to_position_ < position; }

 private:
  Position to_position_ = std::numeric_limits<Position>::max();
  int64_t to_time_ms_ = std::numeric_limits<int64_t>::max();
  bool reached_ = false;
  std::vector<ReplayPiece> late_;
};

}  // namespace holdfast
