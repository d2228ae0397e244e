// The tap: the leader proxy's connection to its own Redis as a replica. It carries the effects: what Redis really did.
// Protocol only: bytes in, events out. Source:
// https://redis.io/docs/latest/operate/oss_and_stack/management/replication/ and replication.c of Redis
// (slaveTryPartialResynchronization, syncCommand).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/incoming.h"
#include "core/resp/request.h"

namespace holdfast {

class TapEvents {
 public:
  virtual ~TapEvents() = default;
  virtual void on_tap_send(std::string bytes) = 0;
  // The stream goes on behind the offset asked for; `replid` is its name from here on.
  virtual void on_tap_continues(const std::string& replid) = 0;
  // The stream begins anew at `offset`, with an RDB of `bytes` bytes before it. Handed on in pieces.
  virtual void on_tap_full_sync(const std::string& replid, int64_t offset) = 0;
  virtual void on_tap_rdb(std::string_view piece, bool last) = 0;
  // One command of the stream; `end_offset` is the replication offset behind it.
  virtual void on_tap_command(const std::vector<std::string_view>& argv, std::string_view raw, int64_t end_offset) = 0;
  virtual void on_tap_error(const std::string& reason) = 0;
};

class Tap {
 public:
  explicit Tap(TapEvents* events) : events_(events) {}

  // Connected: asks for the stream behind `offset` of `replid`, or (empty) for a full sync.
  void start(const std::string& username, const std::string& password, const std::string& replid, int64_t offset);
  void on_data(std::string_view data);
  // Tells Redis how far we have read; also keeps the connection alive. Empty while there is no stream.
  std::string ack() const;

  // Bytes that have come of a command that is not whole yet.
  size_t incomplete() const { return incoming_.size(); }
  bool streaming() const { return state_ == State::kStream; }
  int64_t offset() const { return offset_; }
  const std::string& replid() const { return replid_; }

 private:
  enum class State { kClosed, kHandshake, kRdbLength, kRdb, kStream };

  void ask();
  bool on_line(std::string_view line);  // false: the rest of the buffer is not to be looked at
  size_t consume_lines(std::string_view data);
  size_t consume_rdb(std::string_view data);
  size_t consume_stream(std::string_view data);
  bool fail(const std::string& reason);

  TapEvents* events_;
  State state_ = State::kClosed;
  int answers_due_ = 0;  // of the handshake, before the one to PSYNC
  std::string replid_;
  int64_t offset_ = 0;
  int64_t rdb_left_ = 0;
  Incoming incoming_;
  RequestParser parser_;
};

}  // namespace holdfast
