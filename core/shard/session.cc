#include "core/shard/session.h"

#include <algorithm>

#include "core/check.h"

namespace holdfast {

uint64_t Session::open_slot(bool write, int64_t now_ms, std::string_view header) {
  line_.push_back(Slot{std::string(header), header.size(), now_ms, write, write, false, mute});
  line_bytes_ += header.size();
  if (write) open_in_batch_++;
  return first_slot_ + line_.size() - 1;
}

Session::Slot* Session::find(uint64_t slot) {
  if (slot < first_slot_) return nullptr;  // given up on
  HOLDFAST_CHECK(slot - first_slot_ < line_.size());
  return &line_[slot - first_slot_];
}

bool Session::is_open(uint64_t slot) const { return slot >= first_slot_ && !line_[slot - first_slot_].released; }

void Session::add_reply(uint64_t slot, std::string_view reply) {
  Slot* found = find(slot);
  if (found == nullptr || found->released) return;
  found->reply.append(reply);
  line_bytes_ += reply.size();
}

void Session::close(Slot* slot) {
  if (slot->released) return;
  slot->released = true;
  if (slot->in_batch) open_in_batch_--;
}

void Session::set_in_batch(uint64_t slot, bool in_batch) {
  Slot* found = find(slot);
  if (found == nullptr || found->released || found->in_batch == in_batch) return;
  found->in_batch = in_batch;
  open_in_batch_ += in_batch ? 1 : -1;
}

void Session::release(uint64_t slot) {
  if (Slot* found = find(slot)) close(found);
}

void Session::restart_reply(uint64_t slot) {
  Slot* found = find(slot);
  if (found == nullptr || found->released) return;
  line_bytes_ -= found->reply.size() - found->header_bytes;
  found->reply.resize(found->header_bytes);
}

void Session::answer(std::string_view reply, int64_t now_ms) {
  if (line_.empty()) {
    if (!mute) outgoing.append(reply);
    return;
  }
  const uint64_t slot = open_slot(false, now_ms);
  add_reply(slot, reply);
  release(slot);
}

void Session::push(std::string_view bytes) {
  collect();
  outgoing.append(bytes);
}

void Session::give_up(uint64_t slot, std::string_view error) {
  Slot* found = find(slot);
  if (found == nullptr || found->released) return;
  line_bytes_ += error.size();
  line_bytes_ -= found->reply.size();
  found->reply = error;
  close(found);
}

void Session::collect() {
  size_t bytes = outgoing.size();
  size_t count = 0;
  for (; count < line_.size() && line_[count].released; count++) {
    Slot& slot = line_[count];
    if (slot.mute) {
      line_bytes_ -= slot.reply.size();
      slot.reply.clear();
    }
    bytes += slot.reply.size();
  }
  if (count == 0) return;
  if (count > 1) outgoing.reserve(bytes);
  for (; count > 0; count--) {
    std::string& reply = line_.front().reply;
    line_bytes_ -= reply.size();
    usual_reply_ = std::max(reply.size(), usual_reply_ - usual_reply_ / 64);
    if (outgoing.capacity() < reply.size()) {
      outgoing = outgoing.empty() ? std::move(reply) : outgoing + reply;
    } else {
      outgoing.append(reply);
    }
    line_.pop_front();
    first_slot_++;
  }
}

bool Session::has_left(uint64_t slot) const {
  const auto oldest_open = oldest();
  return !oldest_open || oldest_open->slot > slot;
}

std::optional<Session::Oldest> Session::oldest() const {
  for (size_t i = 0; i < line_.size(); i++) {
    if (!line_[i].released) return Oldest{first_slot_ + i, line_[i].since_ms, line_[i].write};
  }
  return std::nullopt;
}

}  // namespace holdfast
