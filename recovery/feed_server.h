// The socket of the feed: listens, takes one Redis, and sends it what it is given. No threads: turn() does what can be
// done and waits for more.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string>

#include "core/result.h"
#include "recovery/sockets.h"

namespace holdfast {

class FeedServer {
 public:
  static Result<std::unique_ptr<FeedServer>> listen(const Address& address);

  // What Redis must be told to connect to.
  const Address& address() const { return address_; }
  bool connected() const { return bool(connection_); }

  struct Turn {
    bool connected = false;  // Redis has connected
    bool closed = false;     // … or gone
    std::string data;        // what it sent
  };
  // Waits at most `wait` for something to happen.
  Result<Turn> turn(std::chrono::milliseconds wait);

  void send(std::string bytes);
  size_t unsent() const { return unsent_; }

 private:
  FeedServer(Address address, Descriptor listener) : address_(std::move(address)), listener_(std::move(listener)) {}

  void accept_one(Turn* turn);
  void write_out();
  void read_in(Turn* turn);
  void drop();

  Address address_;
  Descriptor listener_;
  Descriptor connection_;
  std::deque<std::string> queue_;
  size_t front_sent_ = 0;  // of queue_.front()
  size_t unsent_ = 0;
  bool broken_ = false;  // writing failed; turn() tells
};

}  // namespace holdfast
