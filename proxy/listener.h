// A TCP socket that listens.
#pragma once

#include <uv.h>

#include <string>

#include "config/address.h"
#include "core/result.h"

namespace holdfast {

class Listener {
 public:
  // Someone wants to connect to `listener`: must uv_accept() from `server`, now or later. Until then others wait in the
  // kernel's queue, and it is not told of them.
  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_connection(const Listener& listener, uv_stream_t* server) = 0;
  };

  Listener(uv_loop_t* loop, Events* events) : loop_(loop), events_(events) {}
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Blocks while a host name is looked up. An error names the address and what `flag` could change about it.
  Result<Done> listen(const Address& address, const std::string& flag, int backlog);
  void close();
  bool listens() const { return handle_ != nullptr; }

  // Where it listens, with the port that was taken when any free one was asked for.
  const Address& address() const { return address_; }

 private:
  uv_loop_t* loop_;
  Events* events_;
  uv_tcp_t* handle_ = nullptr;  // nullptr: closed
  Address address_;
};

}  // namespace holdfast
