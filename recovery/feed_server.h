// The socket of the feed: listens, takes one Redis, and sends it what it is given. No threads: turn() does what can be
// done and waits for more.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string>

#include "core/result.h"
#include "recovery/wire.h"

namespace holdfast {

class FeedServer {
 public:
  // `tls`: nullptr for a plain one.
  static Result<std::unique_ptr<FeedServer>> listen(const Address& address, std::shared_ptr<const TlsContext> tls);

  // What Redis must be told to connect to.
  const Address& address() const { return address_; }
  bool connected() const { return bool(connection_) && connection_.ready(); }

  struct Turn {
    bool connected = false;  // Redis has connected, and agreed on TLS where there is to be some
    bool closed = false;     // … or gone
    std::string data;        // what it sent
  };
  // Waits at most `wait` for something to happen.
  Result<Turn> turn(std::chrono::milliseconds wait);

  void send(std::string bytes);
  size_t unsent() const { return unsent_; }
  // Of a connection; empty: none has failed.
  const std::string& last_failure() const { return last_failure_; }

 private:
  FeedServer(Address address, Descriptor listener, std::shared_ptr<const TlsContext> tls)
      : address_(std::move(address)), listener_(std::move(listener)), tls_(std::move(tls)) {}

  void accept_one();
  void write_out();
  void read_in(Turn* turn);
  void drop();

  Address address_;
  Descriptor listener_;
  const std::shared_ptr<const TlsContext> tls_;
  Wire connection_;
  bool announced_ = false;  // turn() has told that it is connected
  std::deque<std::string> queue_;
  size_t front_sent_ = 0;  // of queue_.front()
  size_t unsent_ = 0;
  bool broken_ = false;  // turn() tells
  std::string last_failure_;
};

}  // namespace holdfast
