#include "core/shard/wanted_link.h"

#include <utility>

#include "core/resp/request.h"
#include "core/shard/users.h"

namespace holdfast {
namespace {

constexpr int64_t kRetryMs = 100;

}  // namespace

WantedLink::WantedLink(World* world, const ShardOptions& options, Link link, std::string what,
                       const std::vector<std::string_view>& request, int confirmations)
    : world_(world), options_(options), link_(link), what_(std::move(what)), confirmations_(confirmations) {
  append_request(&request_, request);
}

void WantedLink::want(bool wanted, int64_t now_ms) {
  if (!wanted && state_ != State::kDown) {
    world_->link_close(link_);
    state_ = State::kDown;
  } else if (wanted && state_ == State::kDown && now_ms >= retry_ms_) {
    retry_ms_ = now_ms + kRetryMs;
    state_ = State::kConnecting;
    world_->link_connect(link_);
  }
}

void WantedLink::on_link_up() {
  if (state_ != State::kConnecting) return;
  stream_.clear();
  std::string out;
  append_request(&out, {"AUTH", kOwnUser, options_.own_password});
  confirmations_due_ = 1 + confirmations_;
  world_->link_send(link_, out + request_);
}

std::vector<ReplyValue> WantedLink::on_data(std::string_view data) {
  std::vector<ReplyValue> told;
  stream_.add(data);
  std::string problem;
  for (std::string_view bytes = stream_.next(); !bytes.empty() && problem.empty(); bytes = stream_.next()) {
    Result<ReplyValue> reply = parse_reply(bytes);
    if (!reply.ok()) {
      problem = reply.error();
    } else if (confirmations_due_ > 0) {
      on_confirmation(*reply);
    } else {
      told.push_back(std::move(*reply));
    }
  }
  if (problem.empty()) problem = stream_.error();
  if (!problem.empty()) {
    world_->note(World::Level::kWarn, what_ + ": Redis sent what is no reply: " + problem);
    world_->link_close(link_);
    state_ = State::kDown;
  }
  return told;
}

void WantedLink::on_confirmation(const ReplyValue& reply) {
  if (reply.is_error()) {
    world_->note(World::Level::kWarn, "no " + what_ + ": Redis refuses to tell them: " + reply.text);
    confirmations_due_ = 0;
  } else {
    confirmations_due_--;
  }
  if (confirmations_due_ == 0) state_ = State::kUp;
}

}  // namespace holdfast
