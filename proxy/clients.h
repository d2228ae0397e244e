// All clients: accepts them, knows them by their id, and keeps what they take in memory within its limit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"
#include "core/shard/world.h"
#include "proxy/client_connection.h"
#include "proxy/listener.h"

namespace holdfast {

class Shard;

class Clients : Listener::Events {
 public:
  Clients(uv_loop_t* loop, const LimitSettings& limits, Shard* shard);

  Result<Done> listen(const Address& address, const std::string& flag);
  const Address& address() const { return listener_.address(); }
  void stop_accepting() { listener_.close(); }

  void send(SessionId id, std::string bytes);
  void hold(SessionId id, bool on);
  size_t unsent(SessionId id) const;
  void finish(SessionId id);
  void cut(SessionId id);  // at once: what waits for it is dropped
  void finish_all();
  void close_all();
  // To be called now and then: ends what has been finishing for too long.
  void check_time();

  size_t count() const { return slots_.size() - free_.size(); }

  // For the connections.
  void on_data(SessionId id, std::string_view data);
  void on_end(SessionId id);
  void on_closed(SessionId id, int why);
  void count_unsent(size_t before, size_t now) { unsent_ += now - before; }
  size_t output_limit() const { return limits_.client_output_bytes; }

 private:
  void on_connection(uv_stream_t* server) override;
  ClientConnection* find(SessionId id) const;
  void shed();

  uv_loop_t* loop_;
  const LimitSettings limits_;
  Shard* shard_;
  Listener listener_;
  ReadBuffer buffer_;

  // An id is the place in `slots_` and, above it, a number that is never used twice.
  std::vector<ClientConnection*> slots_;
  std::vector<uint32_t> free_;
  uint64_t next_serial_ = 1;
  std::vector<SessionId> finishing_;
  size_t unsent_ = 0;  // of all clients
};

}  // namespace holdfast
