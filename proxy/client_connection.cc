#include "proxy/client_connection.h"

#include <sys/ioctl.h>

#include "proxy/clients.h"

namespace holdfast {
namespace {

constexpr int64_t kStalledMs = 10'000;  // how long a finishing client may take nothing of its replies
constexpr int64_t kLingerMs = 1'000;

bool has_unread_bytes(uv_stream_t* stream) {
  uv_os_fd_t fd = -1;
  int unread = 0;
  return uv_fileno(reinterpret_cast<uv_handle_t*>(stream), &fd) == 0 && ioctl(fd, FIONREAD, &unread) == 0 && unread > 0;
}

}  // namespace

void ClientConnection::open(SessionId id) {
  id_ = id;
  known_ = true;
  state_ = State::kOpen;
  choose_reading();
}

void ClientConnection::shake_hands(SessionId id, const TlsContext& context) {
  id_ = id;
  state_ = State::kShakingHands;
  secure(context);
  choose_reading();
}

void ClientConnection::on_secured() { clients_->on_secured(this); }

void ClientConnection::on_tls_failed() { clients_->on_tls_failed(this); }

void ClientConnection::on_plain(std::string_view data) {
  if (state_ == State::kOpen) clients_->on_data(id_, data);
}

// What it sent before is still answered; the core has the connection closed then.
void ClientConnection::on_end() {
  if (state_ != State::kOpen) return close(UV_EOF);
  ended_ = true;
  choose_reading();
  clients_->on_end(id_);
}

void ClientConnection::choose_reading() {
  const bool wanted = state_ == State::kOpen ? !held_ && !flooded_ : state_ != State::kFlushing;
  set_reading(wanted && !ended_);
}

void ClientConnection::hold(bool on) {
  held_ = on;
  choose_reading();
}

void ClientConnection::on_unsent() {
  if (closing()) return;
  const size_t now = unsent();
  const size_t limit = clients_->output_limit();
  if (flooded_ ? now <= limit / 2 : now > limit) {
    flooded_ = !flooded_;
    choose_reading();
  }
  if (state_ == State::kFlushing && now == 0) shut();
}

void ClientConnection::finish(int64_t now_ms) {
  if (finishing() || closing()) return;
  state_ = State::kFlushing;
  moved_ms_ = now_ms;
  choose_reading();
  send_end();
  if (state_ == State::kFlushing && !closing() && unsent() == 0) shut();
}

// A socket that is closed with unread bytes resets the connection, and replies on their way are lost with it.
void ClientConnection::shut() {
  if (!has_unread_bytes(stream())) return close(0);
  state_ = State::kLingering;
  moved_ms_ = static_cast<int64_t>(uv_now(loop()));
  auto* request = new uv_shutdown_t;
  const int failed = uv_shutdown(request, stream(), [](uv_shutdown_t* done, int /*status*/) { delete done; });
  if (failed != 0) {
    delete request;
    return close(failed);
  }
  choose_reading();
}

void ClientConnection::check_time(int64_t now_ms) {
  if (closing()) return;
  if (state_ == State::kFlushing && left() != left_seen_) {
    left_seen_ = left();
    moved_ms_ = now_ms;
  }
  if (now_ms - moved_ms_ > (state_ == State::kFlushing ? kStalledMs : kLingerMs)) close(UV_ETIMEDOUT);
}

void ClientConnection::on_closed(int why) { clients_->on_closed(*this, why); }

}  // namespace holdfast
