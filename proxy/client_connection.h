// One client's connection.
#pragma once

#include "core/shard/world.h"
#include "proxy/tls_socket.h"

namespace holdfast {

class Clients;

class ClientConnection final : public TlsSocket {
 public:
  ClientConnection(uv_loop_t* loop, ReadBuffer* buffer, Clients* clients)
      : TlsSocket(loop, buffer, Kind::kTcp), clients_(clients) {}

  SessionId id() const { return id_; }
  // Accepted and known: begins to read.
  void open(SessionId id);
  // Accepted, but to be known only when Clients::on_secured() has told so.
  void shake_hands(SessionId id, const TlsContext& context);
  bool shaking_hands() const { return state_ == State::kShakingHands && !closing(); }
  bool known() const { return known_; }

  // Stops or resumes reading, as the core wants it. A client that does not take its replies is not read from either.
  void hold(bool on);
  // Closes once all that was sent has gone out and the client has taken notice, or stays away for too long.
  void finish(int64_t now_ms);
  bool finishing() const { return state_ == State::kFlushing || state_ == State::kLingering; }
  // For a connection that is finishing: closes it if it has not moved for too long.
  void check_time(int64_t now_ms);

 private:
  enum class State : uint8_t {
    kShakingHands,  // until TLS is agreed on
    kOpen,
    kFlushing,   // finish() was called: what is unsent goes out, nothing is read
    kLingering,  // our side is shut; what the client still sends is dropped until it closes its side
  };

  void on_plain(std::string_view data) override;
  void on_secured() override;
  void on_tls_failed() override;
  void on_end() override;
  void on_unsent() override;
  void on_closed(int why) override;
  void choose_reading();
  void shut();

  Clients* clients_;
  SessionId id_ = 0;
  size_t left_seen_ = 0;  // by check_time()
  int64_t moved_ms_ = 0;  // when it last made progress with finishing
  State state_ = State::kOpen;
  bool known_ = false;
  bool held_ = false;
  bool ended_ = false;    // the client sends no more
  bool flooded_ = false;  // has more replies unsent than it may
};

}  // namespace holdfast
