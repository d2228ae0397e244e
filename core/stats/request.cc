#include "core/stats/request.h"

#include "core/stats/command_log.h"

namespace holdfast {
namespace {

// What a client keeps that has nothing under way.
constexpr size_t kMostSpare = 512;
constexpr size_t kErrorBytes = 256;

}  // namespace

KeptRequests::Text KeptRequests::keep(const std::vector<std::string_view>& argv, std::string_view canonical) {
  Text text{first_ + bytes_.size(), bytes_.size()};
  append_trimmed(&bytes_, argv, canonical);
  text.bytes = bytes_.size() - text.bytes;
  return text;
}

void KeptRequests::drop_before(uint64_t at) {
  const size_t dead = at - first_;
  // Not more is moved than is dropped.
  if (dead == 0 || dead < bytes_.size() - dead) return;
  bytes_.erase(0, dead);
  first_ = at;
  if (bytes_.empty() && bytes_.capacity() > kMostSpare) std::string().swap(bytes_);
}

void TransactionParts::add_reply(std::string_view reply) {
  if (answered == list.size()) return;
  TransactionPart& part = list[answered++];
  part.reply_bytes = reply.size();
  part.error = reply.starts_with('-') ? reply.substr(0, kErrorBytes) : "";
}

}  // namespace holdfast
