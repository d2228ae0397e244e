#include "proxy/socket.h"

#include "core/check.h"

namespace holdfast {
namespace {

constexpr unsigned kKeepaliveSeconds = 300;  // as Redis's tcp-keepalive

// uv_buf_init() takes no more than 4 GiB.
uv_buf_t buffer_of(char* data, size_t bytes) {
  uv_buf_t buffer;
  buffer.base = data;
  buffer.len = bytes;
  return buffer;
}

}  // namespace

struct Socket::Write {
  uv_write_t request;
  Socket* socket;
  std::string bytes;
  size_t counted;
};

Socket::Socket(uv_loop_t* loop, ReadBuffer* buffer, Kind kind) : buffer_(buffer) {
  const int failed = kind == Kind::kUnix ? uv_pipe_init(loop, &handle_.pipe, 0) : uv_tcp_init(loop, &handle_.tcp);
  HOLDFAST_CHECK(failed == 0);  // neither opens a socket yet
  handle_.any.data = this;
}

void Socket::allocate(uv_handle_t* handle, size_t /*suggested*/, uv_buf_t* buffer) {
  const ReadBuffer* own = static_cast<Socket*>(handle->data)->buffer_;
  *buffer = buffer_of(own->data.get(), own->size);
}

void Socket::read(uv_stream_t* stream, ssize_t bytes, const uv_buf_t* buffer) {
  auto* self = static_cast<Socket*>(stream->data);
  if (bytes > 0) {
    self->on_data({buffer->base, static_cast<size_t>(bytes)});
  } else if (bytes == UV_EOF) {
    self->on_end();
  } else if (bytes < 0) {
    self->close(static_cast<int>(bytes));
  }
}

void Socket::set_reading(bool on) {
  if (closing_ || on == reading_) return;
  reading_ = on;
  if (!on) {
    uv_read_stop(stream());
  } else if (const int failed = uv_read_start(stream(), allocate, read); failed != 0) {
    close(failed);
  }
}

void Socket::send(std::string bytes) {
  if (closing_ || bytes.empty()) return;
  size_t sent = 0;
  if (unsent_ == 0) {
    const uv_buf_t all = buffer_of(bytes.data(), bytes.size());
    const int result = uv_try_write(stream(), &all, 1);
    if (result < 0 && result != UV_EAGAIN) return close(result);
    if (result > 0) sent = static_cast<size_t>(result);
    if (sent == bytes.size()) return;
  }
  auto* write = new Write{{}, this, std::move(bytes), 0};
  write->counted = write->bytes.size() - sent;
  const uv_buf_t rest = buffer_of(write->bytes.data() + sent, write->counted);
  if (const int failed = uv_write(&write->request, stream(), &rest, 1, written); failed != 0) {
    delete write;
    return close(failed);
  }
  unsent_ += write->counted;
  on_unsent_changed();
}

void Socket::written(uv_write_t* request, int status) {
  std::unique_ptr<Write> write(reinterpret_cast<Write*>(request));
  Socket* self = write->socket;
  self->unsent_ -= write->counted;
  if (status < 0) self->close(status);
  self->on_unsent_changed();
}

void Socket::tune_tcp() {
  // These fail on a connection that is gone already; reading will tell.
  uv_tcp_nodelay(&handle_.tcp, 1);
  uv_tcp_keepalive(&handle_.tcp, 1, kKeepaliveSeconds);
}

void Socket::close(int why) {
  if (closing_) return;
  closing_ = true;
  why_ = why;
  uv_close(&handle_.any, [](uv_handle_t* handle) {
    auto* self = static_cast<Socket*>(handle->data);
    self->on_closed(self->why_);
    delete self;
  });
  on_unsent_changed();
}

}  // namespace holdfast
