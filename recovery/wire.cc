#include "recovery/wire.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace holdfast {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kPieceBytes = 256 << 10;  // encrypted at a time

}  // namespace

Wire::Wire(Descriptor socket, const TlsContext* tls) : socket_(std::move(socket)) {
  if (tls == nullptr) return;
  tls_ = std::make_unique<TlsStream>(*tls);
  encrypted_ = tls_->take_output();
  flush();
}

Result<Wire> Wire::connect(const Address& address, std::chrono::milliseconds timeout, const TlsContext* tls) {
  const Clock::time_point deadline = Clock::now() + timeout;
  Result<Descriptor> socket = connect_to(address, timeout);
  if (!socket) return Error{socket.error()};
  Wire wire(std::move(*socket), tls);
  std::string early;
  while (!wire.ready() && !wire.failed()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    const Result<bool> come = wait_for(wire.socket(), POLLIN, std::max(left, std::chrono::milliseconds(0)));
    if (!come) return Error{come.error()};
    if (!*come) wire.failure_ = "no answer to TLS; is it a port for that?";
    if (*come && wire.receive(&early, kPieceBytes) == 0)
      wire.failure_ = "it ends the connection; is it a port for TLS?";
  }
  if (wire.failed()) return Error{"cannot connect to " + to_string(address) + ": " + wire.failure()};
  return wire;
}

// Remembers what is not for a next attempt.
ssize_t Wire::keep(ssize_t result) {
  if (result < 0 && errno != EAGAIN && errno != EINTR) failure_ = std::strerror(errno);
  return result;
}

ssize_t Wire::receive(std::string* to, size_t room) {
  if (failed()) return -1;
  if (tls_ != nullptr) return receive_encrypted(to, room);
  const size_t had = to->size();
  to->resize(had + room);
  const ssize_t got = keep(recv(socket_.get(), to->data() + had, room, 0));
  to->resize(had + static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return got;
}

ssize_t Wire::receive_encrypted(std::string* to, size_t room) {
  static thread_local std::string wire;
  wire.resize(room);
  const ssize_t got = keep(recv(socket_.get(), wire.data(), room, 0));
  if (got <= 0) return got;
  const std::string_view plain = tls_->receive(std::string_view(wire).substr(0, static_cast<size_t>(got)));
  encrypted_ += tls_->take_output();
  flush();
  to->append(plain);
  if (!plain.empty()) return static_cast<ssize_t>(plain.size());
  if (!tls_->failure().empty()) failure_ = "TLS failed: " + tls_->failure();
  return tls_->peer_ended() ? 0 : -1;
}

ssize_t Wire::send(std::string_view bytes) {
  if (failed() || !ready()) return -1;
  if (tls_ == nullptr) return keep(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
  flush();
  if (!encrypted_.empty()) return -1;
  const std::string_view piece = bytes.substr(0, kPieceBytes);
  tls_->send(piece);
  encrypted_ = tls_->take_output();
  flush();
  return static_cast<ssize_t>(piece.size());
}

void Wire::flush() {
  size_t sent = 0;
  while (sent < encrypted_.size()) {
    const ssize_t one = keep(::send(socket_.get(), encrypted_.data() + sent, encrypted_.size() - sent, MSG_NOSIGNAL));
    if (one < 0) break;
    sent += static_cast<size_t>(one);
  }
  encrypted_.erase(0, sent);
  if (failed()) look_for_reason();
}

// The other side has gone; what it had to say about that has mostly come by then.
void Wire::look_for_reason() {
  const std::string plain_reason = std::exchange(failure_, {});
  encrypted_.clear();
  std::string rest;
  receive_encrypted(&rest, kPieceBytes);
  if (!failed()) failure_ = plain_reason;
}

}  // namespace holdfast
