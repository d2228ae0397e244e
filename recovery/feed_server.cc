#include "recovery/feed_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace holdfast {
namespace {

constexpr int kSocketBuffer = 4 << 20;
constexpr size_t kPiecesAtOnce = 64;
constexpr size_t kReadBytes = 16 << 10;

}  // namespace

Result<std::unique_ptr<FeedServer>> FeedServer::listen(const Address& address) {
  Address bound;
  Result<Descriptor> listener = listen_at(address, &bound);
  if (!listener) return Error{listener.error()};
  return std::unique_ptr<FeedServer>(new FeedServer(bound, std::move(*listener)));
}

Result<FeedServer::Turn> FeedServer::turn(std::chrono::milliseconds wait) {
  Turn turn;
  pollfd watched{listener_.get(), POLLIN, 0};
  if (connection_) {
    watched.fd = connection_.get();
    if (unsent_ > 0) watched.events |= POLLOUT;
  }
  const int ready = broken_ ? 0 : poll(&watched, 1, static_cast<int>(wait.count()));
  if (ready < 0 && errno != EINTR) return Error{std::string("poll: ") + std::strerror(errno)};
  if (ready > 0 && !connection_) {
    accept_one(&turn);
  } else if (ready > 0) {
    if ((watched.revents & POLLOUT) != 0) write_out();
    if ((watched.revents & ~POLLOUT) != 0) read_in(&turn);
  }
  if (broken_) {
    drop();
    turn.closed = true;
  }
  return turn;
}

void FeedServer::accept_one(Turn* turn) {
  connection_.reset(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!connection_) return;
  const int on = 1;
  setsockopt(connection_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(connection_.get(), SOL_SOCKET, SO_SNDBUF, &kSocketBuffer, sizeof kSocketBuffer);
  turn->connected = true;
}

void FeedServer::send(std::string bytes) {
  if (bytes.empty() || !connection_) return;
  unsent_ += bytes.size();
  queue_.push_back(std::move(bytes));
  write_out();
}

void FeedServer::write_out() {
  while (!queue_.empty()) {
    iovec pieces[kPiecesAtOnce];
    int count = 0;
    for (std::string& piece : queue_) {
      if (count == static_cast<int>(kPiecesAtOnce)) break;
      const size_t skip = count == 0 ? front_sent_ : 0;
      pieces[count++] = {piece.data() + skip, piece.size() - skip};
    }
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = static_cast<size_t>(count);
    const ssize_t sent = sendmsg(connection_.get(), &message, MSG_NOSIGNAL);
    if (sent < 0) {
      broken_ = broken_ || (errno != EAGAIN && errno != EINTR);
      return;
    }
    unsent_ -= static_cast<size_t>(sent);
    front_sent_ += static_cast<size_t>(sent);
    while (!queue_.empty() && front_sent_ >= queue_.front().size()) {
      front_sent_ -= queue_.front().size();
      queue_.pop_front();
    }
  }
}

void FeedServer::read_in(Turn* turn) {
  turn->data.resize(kReadBytes);
  const ssize_t got = recv(connection_.get(), turn->data.data(), kReadBytes, 0);
  broken_ = broken_ || got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
  turn->data.resize(got > 0 ? static_cast<size_t>(got) : 0);
}

void FeedServer::drop() {
  connection_.reset();
  queue_.clear();
  front_sent_ = 0;
  unsent_ = 0;
  broken_ = false;
}

}  // namespace holdfast
