// One connected stream socket on the loop: a client's, Redis's, or the feed's. Reads into a buffer shared by all
// sockets of its kind, so that an idle one costs no buffer; writes in order and never blocks; ends exactly once.
#pragma once

#include <uv.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace holdfast {

// Holds what was read only while on_data() runs.
struct ReadBuffer {
  explicit ReadBuffer(size_t bytes) : data(new char[bytes]), size(bytes) {}
  const std::unique_ptr<char[]> data;
  const size_t size;
};

// Lives on the heap and deletes itself behind on_closed(). All that is called on it takes effect without calling back:
// on_data(), on_unsent_changed() of what goes out later, and on_closed() come from the loop.
class Socket {
 public:
  enum class Kind { kTcp, kUnix };

  Socket(uv_loop_t* loop, ReadBuffer* buffer, Kind kind);
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  uv_stream_t* stream() { return &handle_.stream; }
  const uv_stream_t* stream() const { return &handle_.stream; }
  uv_loop_t* loop() const { return handle_.stream.loop; }

  // Connected sockets begin with reading off.
  void set_reading(bool on);
  void send(std::string bytes);
  // Bytes given to send() that the kernel has not taken; a piece counts until all of it is gone.
  size_t unsent() const { return unsent_; }
  // No delay for small writes; notices a peer that has vanished.
  void tune_tcp();

  // Drops what is unsent. `why`: an error of libuv, or 0, for on_closed(); the first one counts.
  void close(int why);
  bool closing() const { return closing_; }

 protected:
  virtual ~Socket() = default;

  virtual void on_data(std::string_view data) = 0;
  // The peer sends no more, but may still read.
  virtual void on_end() { close(UV_EOF); }
  virtual void on_unsent_changed() {}
  // The last call. UV_EOF: the peer has closed.
  virtual void on_closed(int why) = 0;

 private:
  struct Write;

  union Handle {
    uv_handle_t any;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  };

  static void allocate(uv_handle_t* handle, size_t suggested, uv_buf_t* buffer);
  static void read(uv_stream_t* stream, ssize_t bytes, const uv_buf_t* buffer);
  static void written(uv_write_t* request, int status);

  Handle handle_;
  ReadBuffer* buffer_;
  size_t unsent_ = 0;
  int why_ = 0;
  bool closing_ = false;
  bool reading_ = false;
};

}  // namespace holdfast
