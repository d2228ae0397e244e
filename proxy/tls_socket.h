// A socket whose owner's end is plain bytes; on the wire they are the same, or TLS.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/socket.h"
#include "tls/stream.h"

namespace holdfast {

// Lives and ends as Socket does.
class TlsSocket : private Socket {
 public:
  using Kind = Socket::Kind;
  TlsSocket(uv_loop_t* loop, ReadBuffer* buffer, Kind kind) : Socket(loop, buffer, kind) {}

  using Socket::close;
  using Socket::closing;
  using Socket::loop;
  using Socket::set_reading;
  using Socket::stream;
  using Socket::tune_tcp;

  // Once, on a connected socket that nothing was sent on: TLS from here on. on_secured() or on_tls_failed() follow.
  void secure(const TlsContext& context);
  // With TLS, bytes are encrypted only as the kernel takes them; those that come before on_secured() wait for it.
  void send(std::string bytes);
  // Says in TLS's words that nothing more is sent, behind all that was. send() does nothing from here on.
  void send_end();
  // Bytes that the kernel has not taken.
  size_t unsent() const { return Socket::unsent() + (tls_ ? tls_->waiting : 0); }
  // The same, but told in finer steps: for seeing that something moves.
  size_t left() const { return uv_stream_get_write_queue_size(stream()) + (tls_ ? tls_->waiting : 0); }

  // Empty without TLS; see TlsStream.
  std::string tls_failure() const { return tls_ ? tls_->stream.failure() : std::string(); }
  std::string describe_tls() const { return tls_ ? tls_->stream.describe() : std::string(); }
  std::string peer_common_name() const { return tls_ ? tls_->stream.peer_common_name() : std::string(); }

 protected:
  ~TlsSocket() override = default;

  virtual void on_plain(std::string_view data) = 0;
  virtual void on_secured() {}
  // Nothing is read or sent any more, but for what tells the other side why.
  virtual void on_tls_failed() { close(UV_EPROTO); }
  virtual void on_unsent() {}  // unsent() has changed

 private:
  struct Tls {
    explicit Tls(const TlsContext& context) : stream(context) {}

    TlsStream stream;
    std::deque<std::string> queue;  // plain
    size_t front_taken = 0;         // of its first piece
    size_t waiting = 0;             // bytes in it
    size_t told = 0;                // of unsent(), by on_unsent()
    bool ending = false;
    bool pumping = false;
  };

  void on_data(std::string_view wire) final;
  void on_unsent_changed() final;
  void pump();
  void tell_unsent();
  void encrypt_some();

  std::unique_ptr<Tls> tls_;
};

}  // namespace holdfast
