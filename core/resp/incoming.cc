#include "core/resp/incoming.h"

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace holdfast {
namespace {

constexpr size_t kKeptBytes = 1 << 20;   // for what comes next; more is given back at once
constexpr size_t kSmallBytes = 4 << 10;  // not worth making smaller while it is used

}  // namespace

std::string_view Incoming::with(std::string_view fresh) {
  if (kept_.empty()) return fresh;
  make_room(kept_.size() + fresh.size());
  kept_.append(fresh);
  peak_ = std::max(peak_, kept_.size());
  return kept_;
}

void Incoming::keep(std::string_view rest, size_t wanted) {
  wanted_ = rest.empty() ? 0 : wanted;
  if (kept_.empty()) {
    if (rest.empty()) return;
    if (const size_t room = std::max(rest.size(), room_for(rest.size())); room > kept_.capacity()) give_room(room, {});
    kept_.append(rest);
  } else if (capacity() > kKeptBytes && rest.size() + wanted_ < capacity() / 2) {
    give_room(rest.size(), rest);
  } else {
    HOLDFAST_CHECK(rest.size() <= kept_.size());
    kept_.erase(0, kept_.size() - rest.size());
  }
  peak_ = std::max(peak_, kept_.size());
}

void Incoming::clear() {
  wanted_ = 0;
  give_room(0, {});
}

void Incoming::trim(bool idle) {
  const size_t peak = std::exchange(peak_, kept_.size());
  if (idle && room() > 2 * kInside) {
    wanted_ = 0;
    give_room(kept_.size(), kept_);
  } else if (capacity() > kSmallBytes && capacity() / 2 >= std::max(peak, std::min(wanted_, capacity()))) {
    give_room(capacity() / 2, kept_);
  }
}

// What is wanted, as far as room is made for it now that there are so many bytes.
size_t Incoming::room_for(size_t bytes) const { return std::min(wanted_, std::max(bytes + ahead_, 2 * bytes)); }

void Incoming::make_room(size_t needed) {
  if (needed <= kept_.capacity()) return;
  const size_t wanted = room_for(needed);
  give_room(wanted >= needed ? wanted : std::max(needed, 2 * kept_.capacity()), kept_);
}

// A string that is told to reserve takes more than that, or gives nothing back; nor does one that is assigned.
void Incoming::give_room(size_t capacity, std::string_view bytes) {
  std::string roomy;
  roomy.reserve(capacity);
  roomy.append(bytes);
  kept_.swap(roomy);
}

}  // namespace holdfast
