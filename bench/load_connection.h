// One connection of the load generator: sends a burst of commands, and the next one when all replies are there.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tls/stream.h"

namespace holdfast::bench {

// Makes the bytes of commands: the same text each time, with another key.
class CommandMaker {
 public:
  // `name`: "set", "incr" or "get".
  CommandMaker(std::string_view name, size_t value_bytes);

  void append(uint64_t key, std::string* out) const;

 private:
  std::string before_key_;  // up to the digits of the key
  std::string after_key_;
};

// Counts replies in a stream of them: simple strings, errors, integers and bulk strings.
class ReplyCounter {
 public:
  // Returns how many replies ended in `data`.
  uint64_t feed(std::string_view data);

  uint64_t errors() const { return errors_; }
  const std::string& first_error() const { return first_error_; }

 private:
  void end_line();

  std::string line_;   // the beginning of a line whose end is not there yet
  uint64_t skip_ = 0;  // bytes of a bulk string, and its line end, that are still to come
  uint64_t errors_ = 0;
  uint64_t replies_ = 0;
  std::string first_error_;
};

class Connection {
 public:
  // Connects, and waits until it is done. Not connected: error() says why. `tls`: nullptr for a plain one.
  Connection(const std::string& host, int port, const TlsContext* tls);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return fd_; }
  const std::string& error() const { return error_; }

  // A burst of `count` commands, whose bytes were put into buffer().
  std::string* buffer() { return &out_; }
  void send(uint64_t count, int64_t now);
  // Sends what the socket did not take; false if there is still more.
  bool flush();
  // Reads what is there and returns how many replies that were.
  uint64_t receive();

  uint64_t outstanding() const { return outstanding_; }
  int64_t sent_at() const { return sent_at_; }
  const ReplyCounter& replies() const { return replies_; }

 private:
  void shake_hands();
  void fail(const std::string& what);

  int fd_ = -1;
  std::unique_ptr<TlsStream> tls_;
  std::string error_;
  std::string out_;
  size_t written_ = 0;
  uint64_t outstanding_ = 0;
  int64_t sent_at_ = 0;
  ReplyCounter replies_;
};

}  // namespace holdfast::bench
