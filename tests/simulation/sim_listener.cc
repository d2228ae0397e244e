#include "tests/simulation/sim_listener.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/record/record.h"
#include "core/resp/integer.h"
#include "core/resp/request.h"

namespace holdfast::simulation {
namespace {

std::string as_bulk(std::string_view text) {
  std::string bulk;
  append_bulk(&bulk, text);
  return bulk;
}

bool is_unique(std::string_view value) {
  bool unique = false;
  for_each_token(value, [&](std::string_view token) { unique = unique || token == value; });
  return unique;
}

}  // namespace

SimListener::SimListener(SimClock* clock, Rng* rng, Coverage* coverage, SimWorld* world, int clients,
                         bool look_into_log)
    : clock_(clock), rng_(rng), coverage_(coverage), world_(world), look_into_log_(look_into_log) {
  for (int client = 1; client <= clients; client++) {
    for (const char* name : {".c", ".a", ".s", ".x", ".x", ".y"}) keys_.push_back("a" + std::to_string(client) + name);
  }
  for (const char* key : {"shared", "w0", "w1", "w2", "w3"}) keys_.emplace_back(key);
}

void SimListener::start() {
  clock_->in(rng_->between(0, 20 * kMs), [this] { work(); });
}

void SimListener::work() {
  if (!stream_) connect();
  if (stopped_) return;
  if (stream_ && reading_.size() < 5) {
    const std::string& key = keys_[static_cast<size_t>(rng_->below(static_cast<int64_t>(keys_.size())))];
    const std::vector<LogEntry>& entries = world_->sim_log().entries();
    const Counter* counter = world_->shard();
    if (counter != nullptr && counter->at_rest() && !entries.empty()) settled_ = entries.back().position;
    // What was changed while a reply was due may be told behind that reply only.
    reading_.push_back({key, reading_.empty() ? settled_ : kNoPosition});
    std::string bytes;
    append_request(&bytes, {"GET", key});
    stream_->send(0, std::move(bytes));
  }
  clock_->in(rng_->between(0, 20 * kMs), [this] { work(); });
}

void SimListener::connect() {
  if (session_ != 0 && world_->session_alive(session_)) return;
  stream_ = world_->connect_client(false, &session_);
  if (!stream_) return;
  input_.clear();
  framer_ = ReplyFramer();
  stream_->attach(0, {[this, session = session_](std::string_view data) {
                        if (session == session_) on_data(data);
                      },
                      [this, session = session_] {
                        if (session == session_) on_closed();
                      }});
  std::string bytes;
  append_request(&bytes, {"HELLO", "3"});
  append_request(&bytes, {"CLIENT", "TRACKING", "ON"});
  append_request(&bytes, {"SUBSCRIBE", kChannel});
  greetings_due_ = 2;  // a subscription is confirmed by a push
  stream_->send(0, std::move(bytes));
}

void SimListener::on_closed() {
  stream_.reset();
  reading_.clear();
  cache_.clear();
}

void SimListener::on_data(std::string_view data) {
  input_.append(data);
  while (stream_ && !input_.empty()) {
    const ReplyFramer::Status status = framer_.next(input_);
    if (status == ReplyFramer::Status::kIncomplete) return;
    if (status == ReplyFramer::Status::kError) return world_->fail("a listener got what is no reply");
    const bool push = input_[0] == '>';
    const Result<ReplyValue> reply = parse_reply(std::string_view(input_).substr(0, framer_.consumed()));
    input_.erase(0, framer_.consumed());
    if (!reply.ok()) return world_->fail("a listener got what is no reply: " + reply.error());
    if (push) {
      on_push(*reply);
    } else if (greetings_due_ > 0) {
      // It comes again for what it was refused.
      if (reply->is_error()) return stream_->close(0), on_closed();
      greetings_due_--;
    } else if (reading_.empty()) {
      return world_->fail("a listener got a reply that it did not ask for: " + reply->text);
    } else {
      const Reading read = std::move(reading_.front());
      reading_.pop_front();
      if (reply->is_error()) continue;
      Cached now;
      if (reply->kind != ReplyValue::Kind::kNull) now.value = reply->text;
      now.certain = look_into_log_ && now.value && is_unique(*now.value) && set_in_log(*now.value) <= read.settled;
      cache_[read.key] = now;
    }
  }
}

void SimListener::on_push(const ReplyValue& push) {
  const std::string& kind = push.elements[0].text;
  if (kind == "message" && push.elements.size() == 3) {
    on_message(push.elements[2].text);
  } else if (kind == "invalidate" && push.elements.size() == 2) {
    if (push.elements[1].kind == ReplyValue::Kind::kNull) cache_.clear();
    for (const ReplyValue& key : push.elements[1].elements) on_invalidated(key.text);
  } else if (kind != "subscribe") {
    world_->fail("a listener was told " + kind);
  }
}

// Clients number what they publish: v<client>.n.<number>.
void SimListener::on_message(const std::string& text) {
  coverage_->count("listener: message");
  const size_t dot = text.rfind('.');
  if (dot == std::string::npos) {
    if (!drawn_.insert(text).second) world_->fail("the message " + text + " came twice");
    return;
  }
  int64_t& newest = newest_[text.substr(0, dot)];
  const int64_t number = parse_integer(text.substr(dot + 1)).value_or(-1);
  if (number <= newest) world_->fail("the message " + text + " came behind number " + std::to_string(newest));
  newest = number;
}

void SimListener::on_invalidated(const std::string& key) {
  const auto cached = cache_.find(key);
  if (cached == cache_.end()) return;
  coverage_->count("listener: invalidated");
  const Cached& was = cached->second;
  if (was.certain) {
    coverage_->count("listener: invalidated, and looked up");
    if (!changed_in_log(key, *was.value)) {
      world_->fail("the key " + key + " was told to have changed, of which the log does not know");
    }
  }
  cache_.erase(cached);
}

// The last record that sets something to it.
Position SimListener::set_in_log(const std::string& value) const {
  const std::string bulk = as_bulk(value);
  const std::vector<LogEntry>& entries = world_->sim_log().entries();
  const auto found = std::find_if(entries.rbegin(), entries.rend(),
                                  [&](const LogEntry& entry) { return entry.value.find(bulk) != std::string::npos; });
  return found == entries.rend() ? std::numeric_limits<Position>::max() : found->position;
}

// Whether something about the key stands behind the record that has set it to what it was.
bool SimListener::changed_in_log(const std::string& key, const std::string& value) const {
  const std::string key_bulk = as_bulk(key), value_bulk = as_bulk(value);
  bool set = false;
  for (const LogEntry& entry : world_->sim_log().entries()) {
    if (entry.value.find(value_bulk) != std::string::npos) {
      set = true;
    } else if (set && entry.value.find(key_bulk) != std::string::npos) {
      return true;
    }
  }
  return false;
}

void SimListener::check(const Dataset& data) {
  for (const auto& [key, cached] : cache_) {
    const auto found = data[0].find(key);
    const bool there = found != data[0].end();
    // One that has expired may not have been removed yet.
    if (there && found->second.expires_ms != kNoExpiry && found->second.expires_ms <= clock_->unix_ms()) continue;
    if (there == cached.value.has_value() && (!there || found->second.text == *cached.value)) continue;
    world_->fail("a listener still has " + key + " as " + cached.value.value_or("absent") + ", it is " +
                 (there ? found->second.text : "absent"));
  }
  coverage_->count("listener: still cached in the end", cache_.size());
}

}  // namespace holdfast::simulation
