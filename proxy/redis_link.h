// One of the connections to our own Redis.
#pragma once

#include <uv.h>

#include <string>
#include <vector>

#include "config/settings.h"
#include "core/shard/world.h"
#include "proxy/tls_socket.h"

namespace holdfast {

class Certificates;
class Shard;

class RedisLink {
 public:
  RedisLink(uv_loop_t* loop, Link which, const Settings& settings, const Certificates* certificates, Shard* shard);
  RedisLink(const RedisLink&) = delete;
  RedisLink& operator=(const RedisLink&) = delete;

  // See World. What an earlier connection would still have told is never told.
  void connect();
  void send(std::string bytes);
  void close();
  // Stops or resumes reading; ends with the connection.
  void hold(bool on);
  // To be called now and then: ends a handshake of TLS that takes too long.
  void check_time();

 private:
  class Connection;
  struct Lookup;

  void look_up();
  void try_next();
  void failed(int why);
  void on_closed(const Connection& connection, int why);

  uv_loop_t* loop_;
  const Link which_;
  const Address address_;
  const int64_t handshake_ms_;
  const Certificates* certificates_;
  Shard* shard_;
  ReadBuffer buffer_;

  // At most one of these: what is not pointed to any more ends by itself, silently.
  Lookup* lookup_ = nullptr;
  Connection* connection_ = nullptr;
  std::vector<sockaddr_storage> addresses_;  // to be tried, the next one last
  std::string lookup_error_;
};

}  // namespace holdfast
