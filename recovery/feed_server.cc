#include "recovery/feed_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace holdfast {
namespace {

constexpr int kSocketBuffer = 4 << 20;
constexpr size_t kReadBytes = 16 << 10;

}  // namespace

Result<std::unique_ptr<FeedServer>> FeedServer::listen(const Address& address, std::shared_ptr<const TlsContext> tls) {
  Address bound;
  Result<Descriptor> listener = listen_at(address, &bound);
  if (!listener) return Error{listener.error()};
  return std::unique_ptr<FeedServer>(new FeedServer(bound, std::move(*listener), std::move(tls)));
}

Result<FeedServer::Turn> FeedServer::turn(std::chrono::milliseconds wait) {
  Turn turn;
  pollfd watched{listener_.get(), POLLIN, 0};
  if (connection_) {
    watched.fd = connection_.socket().get();
    if (unsent_ > 0 || connection_.waiting() > 0) watched.events |= POLLOUT;
  }
  const int ready = broken_ ? 0 : poll(&watched, 1, static_cast<int>(wait.count()));
  if (ready < 0 && errno != EINTR) return Error{std::string("poll: ") + std::strerror(errno)};
  if (ready > 0 && !connection_) {
    accept_one();
  } else if (ready > 0) {
    if ((watched.revents & POLLOUT) != 0) write_out();
    if ((watched.revents & ~POLLOUT) != 0) read_in(&turn);
  }
  if (connected() && !announced_) turn.connected = announced_ = true;
  if (broken_) {
    turn.closed = announced_;
    drop();
  }
  return turn;
}

void FeedServer::accept_one() {
  Descriptor socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) return;
  const int on = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &kSocketBuffer, sizeof kSocketBuffer);
  connection_ = Wire(std::move(socket), tls_.get());
}

void FeedServer::send(std::string bytes) {
  if (bytes.empty() || !connection_) return;
  unsent_ += bytes.size();
  queue_.push_back(std::move(bytes));
  write_out();
}

void FeedServer::write_out() {
  connection_.flush();
  while (!queue_.empty()) {
    const ssize_t sent = connection_.send(std::string_view(queue_.front()).substr(front_sent_));
    if (sent < 0) break;
    unsent_ -= static_cast<size_t>(sent);
    front_sent_ += static_cast<size_t>(sent);
    if (front_sent_ < queue_.front().size()) continue;
    front_sent_ = 0;
    queue_.pop_front();
  }
  broken_ = broken_ || connection_.failed();
}

void FeedServer::read_in(Turn* turn) {
  const ssize_t got = connection_.receive(&turn->data, kReadBytes);
  if (connection_.failed()) last_failure_ = connection_.failure();
  broken_ = broken_ || got == 0 || connection_.failed();
}

void FeedServer::drop() {
  connection_ = Wire();
  announced_ = false;
  queue_.clear();
  front_sent_ = 0;
  unsent_ = 0;
  broken_ = false;
}

}  // namespace holdfast
