#include "core/resp/incoming.h"

#include "core/check.h"

namespace holdfast {
namespace {

constexpr size_t kSmall = 64 << 10;  // so much may be held for nothing

}  // namespace

std::string_view Incoming::with(std::string_view fresh, size_t wanted) {
  if (kept_.empty()) return fresh;
  // Growing by doubling would take up to twice as much, and copy all of it again and again.
  if (wanted > kept_.capacity()) kept_.reserve(wanted);
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
