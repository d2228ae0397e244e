#include "core/shard/key_events.h"

#include <algorithm>

#include "core/resp/request.h"
#include "core/shard/users.h"

namespace holdfast {
namespace {

constexpr int64_t kRetryMs = 100;
constexpr std::string_view kPrefixes[] = {"__keyspace@", "__keyevent@"};

}  // namespace

bool is_key_event_channel(std::string_view channel) {
  return std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                     [&](std::string_view prefix) { return channel.starts_with(prefix); });
}

bool may_match_key_events(std::string_view pattern) {
  const std::string_view literal = pattern.substr(0, pattern.find_first_of("*?[\\"));
  return is_key_event_channel(literal) ||
         (literal.size() < pattern.size() &&
          std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                      [&](std::string_view prefix) { return prefix.starts_with(literal); }));
}

void KeyEvents::want(bool wanted, int64_t now_ms) {
  if (!wanted && state_ != State::kDown) {
    world_->link_close(Link::kEvents);
    state_ = State::kDown;
  } else if (wanted && state_ == State::kDown && now_ms >= retry_ms_) {
    retry_ms_ = now_ms + kRetryMs;
    state_ = State::kConnecting;
    world_->link_connect(Link::kEvents);
  }
}

void KeyEvents::on_link_up() {
  if (state_ != State::kConnecting) return;
  stream_.clear();
  confirmations_due_ = 0;
  std::string out;
  append_request(&out, {"AUTH", kOwnUser, options_.own_password});
  confirmations_due_++;
  append_request(&out, {"PSUBSCRIBE", std::string(kPrefixes[0]) + "*", std::string(kPrefixes[1]) + "*"});
  confirmations_due_ += 2;
  world_->link_send(Link::kEvents, std::move(out));
}

void KeyEvents::on_link_down() { state_ = State::kDown; }

std::vector<KeyEvents::Event> KeyEvents::on_data(std::string_view data, int hidden_db) {
  std::vector<Event> events;
  stream_.add(data);
  std::string problem;
  for (std::string_view bytes = stream_.next(); !bytes.empty() && problem.empty(); bytes = stream_.next()) {
    const Result<ReplyValue> reply = parse_reply(bytes);
    if (reply.ok()) {
      on_reply(*reply, hidden_db, &events);
    } else {
      problem = reply.error();
    }
  }
  if (problem.empty()) problem = stream_.error();
  if (!problem.empty()) {
    world_->note(World::Level::kWarn, "keyspace notifications: Redis sent what is no reply: " + problem);
    world_->link_close(Link::kEvents);
    state_ = State::kDown;
  }
  return events;
}

void KeyEvents::on_reply(const ReplyValue& reply, int hidden_db, std::vector<Event>* events) {
  if (confirmations_due_ > 0) {
    if (reply.is_error()) {
      world_->note(World::Level::kWarn, "no keyspace notifications: Redis refuses to tell them: " + reply.text);
      confirmations_due_ = 0;
    } else {
      confirmations_due_--;
    }
    if (confirmations_due_ == 0) state_ = State::kUp;
    return;
  }
  if (reply.elements.size() != 4) return;
  const std::string& channel = reply.elements[2].text;
  const std::string hidden = std::to_string(hidden_db) + "__:";
  if (std::string_view(channel).substr(kPrefixes[0].size()).starts_with(hidden)) return;
  events->push_back({channel, reply.elements[3].text});
}

}  // namespace holdfast
