// One of the connections to our own Redis.
#pragma once

#include <uv.h>

#include <string>
#include <vector>

#include "config/address.h"
#include "core/shard/world.h"
#include "proxy/socket.h"

namespace holdfast {

class Shard;

class RedisLink {
 public:
  RedisLink(uv_loop_t* loop, Link which, Address address, Shard* shard);
  RedisLink(const RedisLink&) = delete;
  RedisLink& operator=(const RedisLink&) = delete;

  // See World. What an earlier connection would still have told is never told.
  void connect();
  void send(std::string bytes);
  void close();
  // Stops or resumes reading; ends with the connection.
  void hold(bool on);

 private:
  class Connection;
  struct Lookup;

  void look_up();
  void try_next();
  void failed(int why);
  void on_closed(bool was_up, int why);

  uv_loop_t* loop_;
  const Link which_;
  const Address address_;
  Shard* shard_;
  ReadBuffer buffer_;

  // At most one of these: what is not pointed to any more ends by itself, silently.
  Lookup* lookup_ = nullptr;
  Connection* connection_ = nullptr;
  std::vector<sockaddr_storage> addresses_;  // to be tried, the next one last
  std::string lookup_error_;
};

}  // namespace holdfast
