// A connected stream socket that does not block: plain, or with TLS.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "config/address.h"
#include "core/result.h"
#include "recovery/sockets.h"
#include "tls/stream.h"

namespace holdfast {

class Wire {
 public:
  Wire() = default;
  // `tls`: nullptr for a plain one.
  Wire(Descriptor socket, const TlsContext* tls);

  // Blocks until it is connected, and until TLS is agreed on.
  static Result<Wire> connect(const Address& address, std::chrono::milliseconds timeout, const TlsContext* tls);

  // Appends what has come, about `room` bytes at most. Returns as recv() does; -1: failed() or nothing has come.
  ssize_t receive(std::string* to, size_t room);
  // Takes all of the bytes, or some. Returns as send() does; -1: failed() or not now.
  ssize_t send(std::string_view bytes);
  // Bytes taken by send() that are still here; flush() goes on with them, as far as that goes.
  size_t waiting() const { return encrypted_.size(); }
  void flush();

  // False until TLS is agreed on, for which receive() has to be called.
  bool ready() const { return tls_ == nullptr || tls_->open(); }
  bool failed() const { return !failure_.empty(); }
  const std::string& failure() const { return failure_; }

  explicit operator bool() const { return bool(socket_); }
  const Descriptor& socket() const { return socket_; }

 private:
  ssize_t keep(ssize_t result);
  ssize_t receive_encrypted(std::string* to, size_t room);
  void look_for_reason();

  Descriptor socket_;
  std::unique_ptr<TlsStream> tls_;
  std::string encrypted_;
  std::string failure_;
};

}  // namespace holdfast
