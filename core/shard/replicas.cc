#include "core/shard/replicas.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/resp/reply.h"
#include "core/resp/request.h"
#include "core/resp/words.h"

namespace holdfast {
namespace {

constexpr size_t kReplidDigits = 40;
constexpr size_t kPieceBytes = 256 << 10;
constexpr size_t kMostUnsent = 1 << 20;  // the rest waits in the stream, which all share, or in the file
constexpr int64_t kTickMs = 1000;
constexpr size_t kLongestAddress = 255;
constexpr std::string_view kOk = "+OK\r\n";

bool parse_number(std::string_view text, int64_t* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

std::string error_reply(std::string_view text) {
  std::string reply;
  append_error(&reply, text);
  return reply;
}

}  // namespace

std::string Replicas::configure(SessionId id, const std::vector<std::string_view>& argv) {
  if (argv.size() % 2 == 0) return error_reply("ERR syntax error");
  for (size_t i = 1; i + 1 < argv.size(); i += 2) {
    const std::string_view option = argv[i], value = argv[i + 1];
    int64_t number = 0;
    if (same_word(option, "ACK")) {
      const auto replica = replicas_.find(id);
      if (replica != replicas_.end() && parse_number(value, &number)) {
        replica->second.confirmed = std::max(replica->second.confirmed, std::min(number, stream_.offset()));
      }
      return {};
    }
    if (same_word(option, "GETACK")) return {};
    const auto is_flag = [&] { return parse_number(value, &number) && (number == 0 || number == 1); };
    if (same_word(option, "LISTENING-PORT")) {
      if (!parse_number(value, &number)) return error_reply("ERR value is not an integer or out of range");
      announced_[id].port = static_cast<int>(number);
    } else if (same_word(option, "IP-ADDRESS")) {
      if (value.size() > kLongestAddress) {
        return error_reply("ERR REPLCONF ip-address provided by replica instance is too long: " +
                           std::to_string(value.size()) + " bytes");
      }
      announced_[id].address = value;
    } else if (same_word(option, "CAPA")) {
      if (same_word(value, "PSYNC2")) announced_[id].psync2 = true;
    } else if (same_word(option, "RDB-ONLY")) {
      if (!is_flag()) return error_reply("ERR value is out of range, must be between 0 and 1");
      announced_[id].only_copy = number == 1;
    } else if (!same_word(option, "VERSION")) {
      return error_reply("ERR Unrecognized REPLCONF option: " + std::string(option));
    }
  }
  return std::string(kOk);
}

void Replicas::follow(SessionId id, const std::vector<std::string_view>& argv, std::string_view address) {
  if (empty()) pinged_ms_ = world_->monotonic_ms();
  if (!active()) stream_.begin(world_->random_hex(kReplidDigits));
  Announced& announced = announced_[id];
  if (announced.address.empty()) announced.address = address;
  Replica replica;
  replica.confirms = same_word(argv[0], "PSYNC");
  replica.heard_ms = world_->monotonic_ms();
  replica.sent = stream_.offset();
  const bool resumed = replica.confirms && resume(id, &replica, argv[1], argv[2]);
  // What it has to be shown from on is known when there is a copy: until then all is kept.
  if (!resumed && !copy_.idle()) {
    for (const auto& [other, one] : replicas_) {
      if (one.state != Replica::State::kOnline) replica.sent = std::min(replica.sent, one.sent);
    }
  }
  replicas_.insert_or_assign(id, replica);
}

bool Replicas::resume(SessionId id, Replica* replica, std::string_view replid, std::string_view offset) {
  int64_t wanted = 0;
  if (replid != stream_.replid() || !parse_number(offset, &wanted)) return false;
  if (wanted < 1 || wanted - 1 < stream_.kept_from() || wanted - 1 > stream_.offset()) return false;
  const std::string name = announced_[id].psync2 ? " " + stream_.replid() : std::string();
  world_->client_send(id, "+CONTINUE" + name + "\r\n");
  replica->state = Replica::State::kOnline;
  replica->sent = wanted - 1;
  replica->confirmed = wanted - 1;
  return true;
}

void Replicas::on_heard(SessionId id) {
  const auto replica = replicas_.find(id);
  if (replica != replicas_.end()) replica->second.heard_ms = world_->monotonic_ms();
}

void Replicas::forget(SessionId id) {
  announced_.erase(id);
  if (replicas_.erase(id) > 0 && replicas_.empty()) alone_since_ms_ = world_->monotonic_ms();
}

void Replicas::restart() {
  if (!active()) return;
  copy_.drop();
  for (const auto& [id, replica] : replicas_) world_->client_cut(id);
  replicas_.clear();
  stream_.end();
}

void Replicas::work(const RedisView& redis, const OutputLimit& limit, int64_t ping_ms) {
  if (!active()) return;
  stream_.settle(redis.settled_offset, redis.removals_committed);
  tick(ping_ms);
  serve_copy(redis);
  int64_t needed = stream_.offset();
  for (auto& [id, replica] : replicas_) {
    pump(id, &replica);
    if (too_slow(id, &replica, limit)) {
      leaving_.push_back(id);
    } else {
      needed = std::min(needed, replica.sent);
    }
  }
  for (const SessionId id : std::exchange(leaving_, {})) {
    forget(id);
    world_->client_cut(id);
  }
  stream_.keep(needed, kBacklogBytes);
  if (replicas_.empty() && world_->monotonic_ms() - alone_since_ms_ > kKeptMs) restart();
}

void Replicas::tick(int64_t ping_ms) {
  const int64_t now = world_->monotonic_ms();
  if (replicas_.empty()) pinged_ms_ = now;
  if (now - pinged_ms_ >= ping_ms) {
    pinged_ms_ = now;
    stream_.ping();
  }
  if (now < next_tick_ms_) return;
  next_tick_ms_ = now + kTickMs;
  for (const auto& [id, replica] : replicas_) {
    if (replica.state == Replica::State::kWaiting) world_->client_send(id, "\n");
  }
}

// One copy at a time, for all that wait when it is asked for, and who comes while others get it.
void Replicas::serve_copy(const RedisView& redis) {
  const auto in = [this](Replica::State state) {
    return std::any_of(replicas_.begin(), replicas_.end(),
                       [state](const auto& entry) { return entry.second.state == state; });
  };
  const int64_t now = world_->monotonic_ms();
  copy_.work(redis);
  if (copy_.failed()) {
    world_->note(World::Level::kWarn, "no copy of the data for replicas: " + copy_.reason());
    copy_.drop();
    retry_copy_ms_ = now + kTickMs;
  }
  const bool waiting = in(Replica::State::kWaiting);
  if (!waiting && !in(Replica::State::kCopying)) return copy_.drop();
  if (waiting && copy_.idle() && redis.ready && now >= retry_copy_ms_) {
    for (auto& [id, replica] : replicas_) {
      if (replica.state == Replica::State::kWaiting) replica.sent = stream_.offset();
    }
    copy_.begin(redis.password);
  }
  if (!copy_.ready()) return;
  for (auto& [id, replica] : replicas_) {
    if (replica.state != Replica::State::kWaiting || copy_.place() < stream_.kept_from()) continue;
    replica.state = Replica::State::kCopying;
    replica.sent = copy_.place();
    std::string header;
    if (replica.confirms) header = "+FULLRESYNC " + stream_.replid() + " " + std::to_string(replica.sent) + "\r\n";
    world_->client_send(id, header + "$" + std::to_string(copy_.size()) + "\r\n");
  }
  if (!in(Replica::State::kCopying)) copy_.drop();  // it is too old for those that wait
}

void Replicas::send_copy(SessionId id, Replica* replica) {
  while (replica->copied < copy_.size() && world_->client_unsent(id) < kMostUnsent) {
    Result<std::string> piece = copy_.read(replica->copied, kPieceBytes);
    if (!piece || piece->empty()) {
      world_->note(World::Level::kWarn, "a copy of the data for a replica cannot be read");
      leaving_.push_back(id);
      return;
    }
    replica->copied += static_cast<int64_t>(piece->size());
    world_->client_send(id, std::move(*piece));
  }
  if (replica->copied < copy_.size()) return;
  replica->state = Replica::State::kOnline;
  replica->heard_ms = world_->monotonic_ms();
  if (announced_[id].only_copy) world_->client_close(id);
}

void Replicas::pump(SessionId id, Replica* replica) {
  if (replica->state == Replica::State::kCopying) send_copy(id, replica);
  if (replica->state != Replica::State::kOnline) return;
  if (announced_[id].only_copy) {
    replica->sent = stream_.offset();
    return;
  }
  while (replica->sent < stream_.offset() && world_->client_unsent(id) < kMostUnsent) {
    const std::string_view piece = stream_.read(replica->sent).substr(0, kPieceBytes);
    world_->client_send(id, std::string(piece));
    replica->sent += static_cast<int64_t>(piece.size());
  }
}

// Also who does not take anything, or does not confirm what it took, as Redis lets it go.
bool Replicas::too_slow(SessionId id, Replica* replica, const OutputLimit& limit) {
  const int64_t now = world_->monotonic_ms();
  const size_t unsent = world_->client_unsent(id);
  const bool moves = unsent == 0 || unsent != replica->unsent;
  replica->unsent = unsent;
  const bool waits_for_us = replica->state == Replica::State::kWaiting;
  const bool confirming = replica->confirms && replica->state == Replica::State::kOnline;
  if (waits_for_us || (moves && !confirming)) replica->heard_ms = now;
  const size_t bytes =
      static_cast<size_t>(stream_.offset() - replica->sent) + (replica->state == Replica::State::kOnline ? unsent : 0);
  const bool over = replica->output.over(limit, bytes, now);
  std::string reason;
  if (now - replica->heard_ms > kTimeoutMs) {
    reason = "nothing was heard of it for " + std::to_string(kTimeoutMs / 1000) + " s";
  } else if (over) {
    reason = std::to_string(bytes) + " bytes wait for it, over its client-output-buffer-limit";
  }
  if (reason.empty()) return false;
  world_->note(World::Level::kWarn, "closing replica " + announced_[id].address + ": " + reason);
  return true;
}

int64_t Replicas::confirmed(int64_t offset) const {
  return std::count_if(replicas_.begin(), replicas_.end(), [offset](const auto& entry) {
    return entry.second.state == Replica::State::kOnline && entry.second.confirms && entry.second.confirmed >= offset;
  });
}

void Replicas::ask_confirmation() {
  if (!empty()) stream_.ask_confirmation();
}

std::vector<Replicas::Line> Replicas::lines() const {
  std::vector<SessionId> order;
  for (const auto& [id, replica] : replicas_) order.push_back(id);
  std::sort(order.begin(), order.end());
  std::vector<Line> lines;
  for (const SessionId id : order) {
    const Replica& replica = replicas_.at(id);
    const Announced& announced = announced_.at(id);
    const bool online = replica.state == Replica::State::kOnline;
    lines.push_back({announced.address, announced.port, online, std::max<int64_t>(replica.confirmed, 0),
                     online ? lag_seconds(replica) : 0});
  }
  return lines;
}

int64_t Replicas::lag_seconds(const Replica& replica) const {
  return (world_->monotonic_ms() - replica.heard_ms) / 1000;
}

int64_t Replicas::good(int64_t max_lag_seconds) const {
  return std::count_if(replicas_.begin(), replicas_.end(), [&](const auto& entry) {
    return entry.second.state == Replica::State::kOnline && lag_seconds(entry.second) <= max_lag_seconds;
  });
}

}  // namespace holdfast
