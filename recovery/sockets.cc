#include "recovery/sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "recovery/interrupt.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// A signal may come just before a wait begins: no wait is longer than this.
constexpr milliseconds kLongestSleep{100};

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Result<AddressList> resolve(const Address& address, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int failed = getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
  if (failed != 0) return Error{address.host + ": " + gai_strerror(failed)};
  return AddressList(list, freeaddrinfo);
}

Result<Done> connect_within(const Descriptor& fd, const sockaddr* where, socklen_t length, Clock::time_point deadline) {
  if (connect(fd.get(), where, length) == 0) return Done{};
  if (errno != EINPROGRESS) return Error{std::strerror(errno)};
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
  const Result<bool> connected = wait_for(fd, POLLOUT, std::max(left, milliseconds(0)));
  if (!connected) return Error{connected.error()};
  if (!*connected) return Error{"no answer"};
  int failed = 0;
  socklen_t size = sizeof failed;
  getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failed, &size);
  if (failed != 0) return Error{std::strerror(failed)};
  return Done{};
}

std::string host_of(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  } else if (address.ss_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text, sizeof text);
  } else {
    return "127.0.0.1";
  }
  return text;
}

}  // namespace

void Descriptor::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<Descriptor> connect_to(const Address& address, milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  const auto refuse = [&](const std::string& why) {
    return Error{"cannot connect to " + to_string(address) + ": " + why};
  };
  if (address.is_unix()) {
    Descriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    address.unix_path.copy(where.sun_path, sizeof where.sun_path - 1);
    if (auto done = connect_within(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where, deadline); !done) {
      return refuse(done.error());
    }
    return fd;
  }
  const Result<AddressList> list = resolve(address, 0);
  if (!list) return refuse(list.error());
  std::string why = "no address";
  for (const addrinfo* one = list->get(); one != nullptr; one = one->ai_next) {
    Descriptor fd(socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const Result<Done> done = connect_within(fd, one->ai_addr, one->ai_addrlen, deadline);
    if (done.ok()) {
      const int on = 1;
      setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return fd;
    }
    why = done.error();
  }
  return refuse(why);
}

Result<Descriptor> listen_at(const Address& address, Address* bound) {
  const Result<AddressList> list = resolve(address, AI_PASSIVE);
  if (!list) return Error{list.error()};
  const addrinfo* one = list->get();
  Descriptor fd(socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd.get(), one->ai_addr, one->ai_addrlen) != 0 || listen(fd.get(), 4) != 0) {
    return Error{"cannot listen at " + to_string(address) + ": " + std::strerror(errno)};
  }
  sockaddr_storage where{};
  socklen_t length = sizeof where;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&where), &length);
  *bound = address;
  bound->port = ntohs(where.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(where).sin6_port
                                                  : reinterpret_cast<const sockaddr_in&>(where).sin_port);
  return fd;
}

std::string local_host(const Descriptor& socket) {
  sockaddr_storage where{};
  socklen_t length = sizeof where;
  getsockname(socket.get(), reinterpret_cast<sockaddr*>(&where), &length);
  return host_of(where);
}

Result<bool> wait_for(const Descriptor& socket, short events, milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  while (!interrupted()) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    pollfd one{socket.get(), events, 0};
    const int ready = poll(&one, 1, static_cast<int>(std::clamp(left, milliseconds(0), kLongestSleep).count()));
    if (ready < 0 && errno != EINTR) return Error{std::strerror(errno)};
    if (ready > 0) return true;
    if (left.count() <= 0) return false;
  }
  return interrupted_error();
}

}  // namespace holdfast
