#include "core/shard/reply_gate.h"

#include <algorithm>
#include <utility>

#include "core/deliberate_bug.h"

namespace holdfast {
namespace {

constexpr SessionId kLook = ~SessionId{0};

}  // namespace

Waiter ReplyGate::add_look(std::function<void(Result<std::string>)> then) {
  const uint64_t number = next_look_++;
  looks_[number].then = std::move(then);
  return Waiter{kLook, number};
}

void ReplyGate::on_reply(const Waiter& waiter, std::string_view reply) {
  if (waiter.session == kLook) {
    looks_.at(waiter.slot).replies.append(reply);
  } else {
    desk_->on_reply(waiter, reply);
  }
}

void ReplyGate::take_tap_progress() {
  while (!reads_done_.empty() && reads_done_.front().offset <= settler_->read_offset()) {
    const ReadsDone done = std::move(reads_done_.front());
    reads_done_.pop_front();
    for (const ReplyGroup::Member& member : done.group.members) {
      if (member.waiter.session == kLook) {
        end_look(member.waiter, {});
      } else {
        hold_or_release(member.waiter, done.offset, member.touches);
      }
    }
  }
}

void ReplyGate::hold_or_release(const Waiter& waiter, int64_t offset, uint64_t touches, uint64_t record) {
  const uint64_t removal = std::max(settler_->removal_of(touches), record);
  const bool settled = offset <= settler_->settled_offset() && removal <= settler_->removals_committed();
  if (settled || kDeliberateBug == 11) {  // bug: replies leave before they are settled
    desk_->release(waiter);
  } else {
    held_.push_back(Held{waiter, offset, removal});
  }
}

void ReplyGate::release_held() {
  if (held_.empty()) return;
  const int64_t offset = settler_->settled_offset();
  const uint64_t removal = settler_->removals_committed();
  if (offset == released_offset_ && removal == released_removal_) return;
  released_offset_ = offset;
  released_removal_ = removal;
  std::erase_if(held_, [&](const Held& held) {
    if (held.offset > offset || held.removal > removal) return false;
    desk_->release(held.waiter);
    return true;
  });
}

void ReplyGate::give_up_reads(const std::string& error) {
  for (const ReadsDone& done : std::exchange(reads_done_, {})) {
    for (const ReplyGroup::Member& member : done.group.members) give_up_read(member.waiter, error);
  }
}

void ReplyGate::give_up_read(const Waiter& waiter, const std::string& error) {
  if (waiter.session != kLook) return desk_->give_up(waiter, error);
  end_look(waiter, error);
}

// Each read of a look is in its group: the first ends it.
void ReplyGate::end_look(const Waiter& waiter, const std::string& error) {
  const auto look = looks_.extract(waiter.slot);
  if (look.empty()) return;
  look.mapped().then(error.empty() ? Result<std::string>(std::move(look.mapped().replies)) : Error{error});
}

}  // namespace holdfast
