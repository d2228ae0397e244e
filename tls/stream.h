// One TLS connection as a pure transformation: bytes of the wire in, plain bytes out, and the other way round. No
// sockets, no clocks: what has to go to the wire is taken by the caller.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "tls/context.h"

struct ssl_st;

namespace holdfast {

class TlsStream {
 public:
  // The client's side begins with output.
  explicit TlsStream(const TlsContext& context);
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // Takes all of what came from the wire, and returns the plain bytes in it: good until the next receive() of any
  // stream on this thread. All that the states below tell may change.
  std::string_view receive(std::string_view wire);
  // Only while open().
  void send(std::string_view plain);
  // Tells the other side that nothing more is sent. It may still send.
  void end();
  // For the wire; what is here after a failure tells the other side why.
  std::string take_output() { return std::exchange(output_, {}); }

  bool open() const { return open_ && failure_.empty(); }  // both sides have agreed, and nothing has failed
  bool peer_ended() const { return peer_ended_; }          // the other side sends no more
  // Why it cannot go on; empty while it can.
  const std::string& failure() const { return failure_; }

  // For people: protocol and cipher.
  std::string describe() const;
  // The CN of the other side's certificate; empty if it has shown none, or none with exactly one CN.
  std::string peer_common_name() const;

 private:
  friend struct WireBio;  // gives OpenSSL `input_` and `output_`

  struct Free {
    void operator()(ssl_st* handle) const;
  };

  bool shake_hands();
  void fail();

  std::string_view input_;  // while receive() runs
  std::string output_;
  std::string failure_;
  bool open_ = false;
  bool peer_ended_ = false;
  bool ended_ = false;
  std::unique_ptr<ssl_st, Free> ssl_;
};

}  // namespace holdfast
