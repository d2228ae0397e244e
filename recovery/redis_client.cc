#include "recovery/redis_client.h"

#include <poll.h>

#include <charconv>

#include "core/resp/request.h"
#include "recovery/interrupt.h"

namespace holdfast {
namespace {

constexpr std::chrono::milliseconds kConnectTime{10000};
constexpr size_t kReadBytes = 256 << 10;

template <class Number>
Number to_number(std::string_view text) {
  Number number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Result<RedisClient> RedisClient::connect(const Address& address, const Login& login) {
  Result<Wire> wire = Wire::connect(address, kConnectTime, login.tls.get());
  if (!wire) return Error{wire.error()};
  RedisClient client(address, std::move(*wire));
  if (!login.password.empty()) {
    const Argv auth =
        login.username.empty() ? Argv{"AUTH", login.password} : Argv{"AUTH", login.username, login.password};
    if (auto done = client.ask(auth); !done) return Error{done.error()};
  }
  const Result<ReplyValue> named = client.ask({"CLIENT", "SETNAME", "holdfast-recover"});
  if (!named) return Error{named.error() + (login.password.empty() ? " (is --redis-password needed?)" : "")};
  return client;
}

Error RedisClient::lost(const std::string& why) const {
  return Error{"the connection to Redis at " + to_string(address_) + " is lost: " + why};
}

Result<ReplyValue> RedisClient::ask(const Argv& argv, std::chrono::milliseconds patience) {
  queue(argv);
  if (auto done = flush(); !done) return Error{done.error()};
  Result<ReplyValue> value = reply(patience);
  if (value.ok() && value->is_error()) {
    return Error{"Redis at " + to_string(address_) + " answers " + std::string(argv[0]) + " with: " + value->text};
  }
  return value;
}

void RedisClient::queue(const Argv& argv) { append_request(&out_, argv); }

Result<Done> RedisClient::flush() {
  size_t sent = 0;
  while (sent < out_.size() || wire_.waiting() > 0) {
    const ssize_t one = sent < out_.size() ? wire_.send(std::string_view(out_).substr(sent)) : -1;
    if (one > 0) {
      sent += static_cast<size_t>(one);
      continue;
    }
    wire_.flush();
    if (wire_.failed()) return lost(wire_.failure());
    if (sent == out_.size() && wire_.waiting() == 0) break;
    const Result<bool> ready = wait_for(wire_.socket(), POLLOUT, kPatience);
    if (!ready) return Error{ready.error()};
    if (!*ready) return lost("it does not take what is sent");
  }
  out_.clear();
  return Done{};
}

Result<ReplyValue> RedisClient::reply(std::chrono::milliseconds patience) {
  for (;;) {
    const std::string_view rest = std::string_view(in_).substr(taken_);
    switch (rest.empty() ? ReplyFramer::Status::kIncomplete : framer_.next(rest)) {
      case ReplyFramer::Status::kComplete: {
        Result<ReplyValue> value = parse_reply(rest.substr(0, framer_.consumed()));
        taken_ += framer_.consumed();
        if (!value) return lost(value.error());
        return value;
      }
      case ReplyFramer::Status::kError: return lost(framer_.error());
      case ReplyFramer::Status::kIncomplete: break;
    }
    in_.erase(0, taken_);
    taken_ = 0;
    const ssize_t got = wire_.receive(&in_, kReadBytes);
    if (got == 0) return lost("it has closed it");
    if (got > 0) continue;
    if (wire_.failed()) return lost(wire_.failure());
    const Result<bool> ready = wait_for(wire_.socket(), POLLIN, patience);
    if (!ready) return Error{ready.error()};
    if (!*ready) return lost("no answer for " + std::to_string(patience.count() / 1000) + " s");
  }
}

Result<std::string> RedisClient::info() {
  Result<ReplyValue> value = ask({"INFO"});
  if (!value) return Error{value.error()};
  return std::move(value->text);
}

Result<int> RedisClient::databases() {
  const Result<ReplyValue> value = ask({"CONFIG", "GET", "databases"});
  if (!value) return Error{value.error()};
  if (value->elements.size() != 2) {
    return Error{"Redis at " + to_string(address_) + " does not say how many databases it has"};
  }
  return to_number<int>(value->elements[1].text);
}

Result<CommandTable> RedisClient::commands() {
  const Result<ReplyValue> value = ask({"COMMAND"});
  if (!value) return Error{value.error()};
  return CommandTable::from_command_reply(*value);
}

std::string info_value(std::string_view info, std::string_view name) {
  size_t at = 0;
  while (at < info.size()) {
    const size_t end = std::min(info.find('\n', at), info.size());
    std::string_view line = info.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ':') continue;
    line.remove_prefix(name.size() + 1);
    return std::string(line.substr(0, line.find('\r')));
  }
  return {};
}

std::vector<std::pair<int, int64_t>> keys_by_database(std::string_view info) {
  std::vector<std::pair<int, int64_t>> found;
  constexpr std::string_view kKeys = ":keys=";
  for (size_t at = info.find("\ndb"); at != std::string_view::npos; at = info.find("\ndb", at + 1)) {
    const size_t keys = info.find(kKeys, at);
    if (keys == std::string_view::npos) break;
    found.emplace_back(to_number<int>(info.substr(at + 3)), to_number<int64_t>(info.substr(keys + kKeys.size())));
  }
  return found;
}

}  // namespace holdfast
