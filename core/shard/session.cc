#include "core/shard/session.h"

#include <algorithm>

#include "core/check.h"

namespace holdfast {

uint64_t Session::open_slot(bool write, int64_t now_ms, std::string_view header) {
  if (request_.open) keep_request();
  line_.push_back(Slot{std::string(header), header.size(), at_hand, now_ms, write, write, false, mute, request_});
  request_ = {};
  line_bytes_ += header.size();
  line_requests_ += at_hand;
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
  if (found->parts) found->parts->add_reply(reply);
}

void Session::close(Slot* slot) {
  if (slot->released) return;
  slot->released = true;
  line_requests_ -= slot->request_bytes;
  if (slot->in_batch) open_in_batch_--;
  if (slot->parts) {
    for (const TransactionPart& part : slot->parts->list) statistics_->part_done(slot->request, part, shown(part.text));
  }
  if (!slot->request.open) return;
  slot->request.rejected = slot->request.rejected || refused_unexecuted(slot->reply);
  statistics_->done(slot->request, slot->reply, shown(slot->request.text));
}

// ---- for the statistics

void Session::begin_request(const CommandInfo* info) { request_ = statistics_->begin(info, parser.canonical().size()); }

void Session::keep_request() {
  if (request_.kept) return;
  request_.kept = true;
  if (statistics_->keeps_requests()) request_.text = kept_.keep(parser.argv(), parser.canonical());
}

void Session::add_part(uint64_t slot, const CommandInfo* info, const RequestParser& command) {
  std::unique_ptr<TransactionParts>& parts = find(slot)->parts;
  if (!parts) parts = std::make_unique<TransactionParts>();
  TransactionPart part{statistics_->stat_of(info), command.canonical().size()};
  if (statistics_->keeps_requests()) part.text = kept_.keep(command.argv(), command.canonical());
  parts->list.push_back(std::move(part));
}

void Session::abandon() {
  for (Slot& slot : line_) {
    if (!slot.released && slot.request.open) statistics_->done(slot.request, {}, shown(slot.request.text));
  }
  if (blocked && request_.open) statistics_->done(request_, {}, shown(request_.text));
}

Shown Session::shown(const KeptRequests::Text& text) const {
  return {address(), name, text.bytes == 0 ? std::string_view() : kept_.of(text)};
}

// Texts of what has left.
void Session::drop_kept() {
  if (kept_.bytes() == 0) return;
  for (const Slot& slot : line_) {
    if (slot.request.text.bytes > 0) return kept_.drop_before(slot.request.text.at);
  }
  if (request_.text.bytes > 0) return kept_.drop_before(request_.text.at);
  kept_.drop_all();
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
  if (found->parts) found->parts->answered = 0;
  found->reply.resize(found->header_bytes);
}

void Session::answer(std::string_view reply, int64_t now_ms) {
  statistics_->time_passes();
  if (line_.empty()) {
    if (!mute) outgoing.append(reply);
    Shown whose = shown(request_.text);
    if (request_.open && !request_.kept) whose.parser = &parser;
    statistics_->done(request_, reply, whose);
    request_ = {};
    drop_kept();
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
  found->parts.reset();  // what they did is not known, or nothing
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
  drop_kept();
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
