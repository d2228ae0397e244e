#include "proxy/tls_socket.h"

#include "core/check.h"

namespace holdfast {
namespace {

constexpr size_t kPieceBytes = 256 << 10;  // encrypted at a time
constexpr size_t kAheadBytes = 256 << 10;  // encrypted bytes that may wait for the kernel before more are made

}  // namespace

void TlsSocket::secure(const TlsContext& context) {
  HOLDFAST_CHECK(tls_ == nullptr);
  tls_ = std::make_unique<Tls>(context);
  Socket::send(tls_->stream.take_output());
}

void TlsSocket::send(std::string bytes) {
  if (tls_ == nullptr) return Socket::send(std::move(bytes));
  if (closing() || bytes.empty() || tls_->ending || !tls_->stream.failure().empty()) return;
  tls_->waiting += bytes.size();
  tls_->queue.push_back(std::move(bytes));
  pump();
  tell_unsent();
}

void TlsSocket::send_end() {
  if (tls_ == nullptr) return;
  tls_->ending = true;
  pump();
  tell_unsent();
}

// As much as fits: a large reply is not encrypted in one go, nor all of it held a second time.
void TlsSocket::pump() {
  if (closing() || tls_->pumping || !tls_->stream.open()) return;
  tls_->pumping = true;
  while (tls_->waiting > 0 && Socket::unsent() < kAheadBytes && tls_->stream.open() && !closing()) {
    encrypt_some();
    Socket::send(tls_->stream.take_output());
  }
  if (tls_->ending && tls_->waiting == 0) {
    tls_->stream.end();
    Socket::send(tls_->stream.take_output());
  }
  if (!tls_->stream.open()) close(UV_EPROTO);  // it could not encrypt
  tls_->pumping = false;
}

void TlsSocket::encrypt_some() {
  for (size_t room = kPieceBytes; room > 0 && !tls_->queue.empty();) {
    const std::string& front = tls_->queue.front();
    const std::string_view piece = std::string_view(front).substr(tls_->front_taken, room);
    tls_->stream.send(piece);
    room -= piece.size();
    tls_->waiting -= piece.size();
    tls_->front_taken += piece.size();
    if (tls_->front_taken < front.size()) return;
    tls_->queue.pop_front();
    tls_->front_taken = 0;
  }
}

void TlsSocket::on_data(std::string_view wire) {
  if (tls_ == nullptr) return on_plain(wire);
  TlsStream& stream = tls_->stream;
  if (!stream.failure().empty() || stream.peer_ended()) return;
  const bool was_open = stream.open();
  const std::string_view plain = stream.receive(wire);
  Socket::send(stream.take_output());
  if (!was_open && stream.open() && !closing()) {
    on_secured();
    pump();
    tell_unsent();
  }
  if (!plain.empty() && !closing()) on_plain(plain);
  if (closing()) return;
  if (!stream.failure().empty()) {
    tls_->queue.clear();
    tls_->waiting = tls_->front_taken = 0;
    tell_unsent();
    if (!closing()) on_tls_failed();
  } else if (stream.peer_ended()) {
    on_end();
  }
}

void TlsSocket::on_unsent_changed() {
  if (tls_ == nullptr) return on_unsent();
  if (tls_->pumping) return;  // told when all is done
  pump();
  tell_unsent();
}

void TlsSocket::tell_unsent() {
  const size_t now = closing() ? 0 : unsent();
  if (now == tls_->told) return;
  tls_->told = now;
  on_unsent();
}

}  // namespace holdfast
