#include "tests/simulation/sim_stream.h"

#include <algorithm>

namespace holdfast::simulation {

int64_t SimStream::arrival(End* from) {
  const int64_t latency = rng_->chance(0.02) ? rng_->between(0, 20 * latency_us_) : rng_->between(10, latency_us_);
  from->busy_until_us = std::max(from->busy_until_us, clock_->now_us() + latency);
  return from->busy_until_us;
}

void SimStream::send(int end, std::string bytes) {
  End& from = ends_[end];
  if (!from.open || bytes.empty()) return;
  int64_t pieces = rng_->chance(0.3) ? rng_->between(1, 4) : 1;
  std::string_view rest = bytes;
  for (; pieces > 0 && !rest.empty(); pieces--) {
    const size_t size =
        pieces == 1 ? rest.size() : static_cast<size_t>(rng_->between(1, static_cast<int64_t>(rest.size())));
    clock_->at(arrival(&from), [self = shared_from_this(), end, piece = std::string(rest.substr(0, size)), this] {
      // What was under way when its sender died may arrive much later.
      if (const int64_t extra = ends_[end].extra_us; extra > 0) {
        clock_->in(extra, [self, this, end, piece] { deliver(1 - end, piece); });
      } else {
        deliver(1 - end, piece);
      }
    });
    rest.remove_prefix(size);
  }
}

void SimStream::deliver(int to, const std::string& piece) {
  if (clock_->now_us() >= ends_[1 - to].lost_from_us) return;
  if (ends_[to].open && ends_[to].handlers.on_data) ends_[to].handlers.on_data(piece);
}

void SimStream::hear_of_end(int end) {
  if (!ends_[end].open) return;
  ends_[end].open = false;
  if (ends_[end].handlers.on_closed) ends_[end].handlers.on_closed();
}

void SimStream::end(int end) {
  clock_->at(arrival(&ends_[end]) + 1, [self = shared_from_this(), end, this] {
    if (ends_[1 - end].open && ends_[1 - end].handlers.on_end) ends_[1 - end].handlers.on_end();
  });
}

void SimStream::close(int end) {
  if (!ends_[end].open) return;
  ends_[end].open = false;
  clock_->at(arrival(&ends_[end]) + ends_[end].extra_us + 1,
             [self = shared_from_this(), end, this] { hear_of_end(1 - end); });
}

void SimStream::cut() {
  for (int end : {0, 1}) {
    ends_[end].lost_from_us = clock_->now_us() + rng_->between(0, latency_us_);
    clock_->in(rng_->between(0, 5 * kMs), [self = shared_from_this(), end, this] { hear_of_end(end); });
  }
}

void SimStream::abandon(int end, int64_t late_us) {
  End& dead = ends_[end];
  if (!dead.open) return;
  if (rng_->chance(0.3)) dead.lost_from_us = clock_->now_us() + rng_->between(0, latency_us_) + late_us;
  dead.extra_us = late_us;
  close(end);
}

}  // namespace holdfast::simulation
