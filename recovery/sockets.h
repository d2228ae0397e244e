// Descriptors and stream sockets.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "config/address.h"
#include "core/result.h"

namespace holdfast {

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }

  void reset(int fd = -1);
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

// Both give a socket that does not block.
Result<Descriptor> connect_to(const Address& address, std::chrono::milliseconds timeout);
// `bound` gets the address with the port that was taken.
Result<Descriptor> listen_at(const Address& address, Address* bound);

// The address of this machine that the connected socket uses; a Unix socket's is 127.0.0.1.
std::string local_host(const Descriptor& socket);

// Waits until `events` (poll.h) are there; false: not within the time. Gives up when interrupted.
Result<bool> wait_for(const Descriptor& socket, short events, std::chrono::milliseconds timeout);

}  // namespace holdfast
