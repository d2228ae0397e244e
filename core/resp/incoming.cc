#include "core/resp/incoming.h"

#include <algorithm>

#include "core/check.h"

namespace holdfast {
namespace {

constexpr size_t kSmall = 64 << 10;  // so much may be held for nothing

}  // namespace

std::string_view Incoming::with(std::string_view fresh, size_t wanted) {
  if (kept_.empty()) return fresh;
  // Twice as much, but no more than is wanted. Not all of that at once: the peer may only say so.
  const size_t needed = kept_.size() + fresh.size();
  if (needed > kept_.capacity()) kept_.reserve(std::max(needed, std::min(wanted, 2 * needed)));
  kept_.append(fresh);
  return kept_;
}

void Incoming::keep(std::string_view rest) {
  if (kept_.empty() || (rest.size() <= kSmall && kept_.capacity() > kSmall)) {
    std::string(rest).swap(kept_);  // an assignment would keep the memory
    return;
  }
  HOLDFAST_CHECK(rest.size() <= kept_.size());
  kept_.erase(0, kept_.size() - rest.size());
}

}  // namespace holdfast
