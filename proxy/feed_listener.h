// Where our own Redis connects when it is fed: it takes us for its replication master.
#pragma once

#include <string>

#include "config/address.h"
#include "proxy/failure_log.h"
#include "proxy/listener.h"
#include "proxy/tls_socket.h"

namespace holdfast {

class Certificates;
class Shard;

class FeedListener : Listener::Events {
 public:
  FeedListener(uv_loop_t* loop, const Certificates* certificates, Shard* shard);

  Result<Done> listen(const Address& address, const std::string& flag);

  // What Redis must be told to connect to.
  const Address& address() const { return listener_.address(); }

  // About the connection that was opened last; see World.
  void send(std::string bytes);
  void close();
  size_t unsent() const;

  void stop_accepting() { listener_.close(); }

 private:
  class Connection;

  void on_connection(const Listener& listener, uv_stream_t* server) override;
  void take(Connection* connection);

  uv_loop_t* loop_;
  const Certificates* certificates_;
  Shard* shard_;
  Listener listener_;
  ReadBuffer buffer_;
  FailureLog failures_;
  Connection* connection_ = nullptr;
  Connection* shaking_hands_ = nullptr;  // the one that came last, while TLS is not agreed on
};

}  // namespace holdfast
