// All clients: accepts them, and knows them by their id.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"
#include "core/shard/world.h"
#include "proxy/client_connection.h"
#include "proxy/connection_rate.h"
#include "proxy/failure_log.h"
#include "proxy/listener.h"

namespace holdfast {

class Certificates;
class Shard;

class Clients : Listener::Events {
 public:
  Clients(uv_loop_t* loop, const Settings& settings, const Certificates* certificates, Shard* shard);

  // Where the settings say: without TLS, with it, or both.
  Result<Done> listen();
  std::string addresses() const;  // for people
  void stop_accepting();
  // Without TLS: there from now on, and nowhere else; 0: not at all.
  Result<Done> accept_on(int port);
  Result<Done> accept_tls_on(int port);
  int accepts_on() const { return listener_->listens() ? listener_->address().port : 0; }
  int accepts_tls_on() const { return tls_listener_->listens() ? tls_listener_->address().port : 0; }

  void send(SessionId id, std::string bytes);
  void hold(SessionId id, bool on);
  size_t unsent(SessionId id) const;
  void finish(SessionId id);
  void cut(SessionId id);  // at once: what waits for it is dropped
  void finish_all();
  void close_all();
  // To be called every tick: lets those in who had to wait for another second (limits.connections-per-second).
  void accept_waiting();
  // To be called now and then: ends what has been finishing for too long.
  void check_time();

  size_t count() const { return slots_.size() - free_.size(); }

  // For the connections.
  void on_data(SessionId id, std::string_view data);
  void on_end(SessionId id);
  void on_secured(ClientConnection* connection);
  void on_tls_failed(ClientConnection* connection);
  void on_closed(const ClientConnection& connection, int why);
  size_t output_limit() const { return limits_.client_output_bytes; }

 private:
  void on_connection(const Listener& listener, uv_stream_t* server) override;
  Result<Done> move(std::unique_ptr<Listener>* listener, Address address, int port, const std::string& setting);
  SessionId give_id(ClientConnection* connection);
  void introduce(ClientConnection* connection, SessionId id, bool tls);
  ClientConnection* find(SessionId id) const;
  std::string certificate_user(const ClientConnection& connection) const;
  ClientConnection* oldest_stranger();
  bool make_room();
  void note_failure(const ClientConnection& connection, const std::string& why);

  uv_loop_t* loop_;
  const ListenSettings listen_;
  const TlsSettings tls_;
  const LimitSettings limits_;
  const int64_t handshake_ms_;
  const Certificates* certificates_;
  Shard* shard_;
  std::unique_ptr<Listener> listener_, tls_listener_;
  ConnectionRate rate_;
  // Where somebody waits for the next second.
  struct Waiting {
    const Listener* listener;
    uv_stream_t* server;
  };
  std::vector<Waiting> waiting_;
  ReadBuffer buffer_;

  // An id is the place in `slots_` and, above it, a number that is never used twice.
  std::vector<ClientConnection*> slots_;
  std::vector<uint32_t> free_;
  uint64_t next_serial_ = 1;
  std::vector<SessionId> finishing_;

  // Those that are not known yet, because TLS is not agreed on. Some in the queue may be known by now, or gone.
  struct Stranger {
    SessionId id;
    int64_t since_ms;
  };
  std::deque<Stranger> strangers_;
  size_t strangers_count_ = 0;
  FailureLog failures_;
};

}  // namespace holdfast
