// The feed: a proxy (or the recovery tool) acting as the replication master of a Redis. A replica never expires or
// evicts on its own, so replay is exact at any later time.
// Protocol only: bytes in, bytes out. Source: replication.c of Redis (syncWithMaster).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/resp/request.h"

namespace holdfast {

// An RDB without keys, for a log that begins with nothing. Version 9 is read by every Redis since 5.0; the eight zero
// bytes say that there is no checksum.
inline constexpr std::string_view kEmptyRdb("REDIS0009\xff\0\0\0\0\0\0\0\0", 18);

class Feed {
 public:
  // `replid`: 40 hex digits, new for each feed. The stream begins at offset `start`.
  Feed(std::string replid, int64_t start) : replid_(std::move(replid)), offset_(start) {}

  // What the replica sent; what to answer is appended to `out`. False: it does not behave like a replica.
  bool on_data(std::string_view data, std::string* out);

  // True once the replica waits for the RDB. Next: rdb_header(), the RDB itself, then the stream.
  bool wants_rdb() const { return wants_rdb_; }
  std::string rdb_header(int64_t bytes);

  // Appends commands (arrays of bulk strings) to the stream in `out`.
  void stream(std::string_view commands, std::string* out);
  // Asks the replica to say how far it has come.
  void ask_ack(std::string* out);

  int64_t offset() const { return offset_; }       // of the stream, as sent
  int64_t acknowledged() const { return acked_; }  // by the replica; -1: nothing yet
  const std::string& replid() const { return replid_; }

 private:
  std::string replid_;
  int64_t offset_;
  int64_t acked_ = -1;
  bool wants_rdb_ = false;
  std::string buffer_;
  RequestParser parser_;
};

}  // namespace holdfast
