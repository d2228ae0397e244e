#include "proxy/tls_socket.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>

#include "tests/unit/tls_authority.h"

namespace holdfast {
namespace {

std::shared_ptr<const TlsContext> context_of(TlsOptions::Side side) {
  static TlsAuthority authority("the CA");
  static const TlsAuthority::Files files = authority.issue("server");
  TlsOptions options;
  options.side = side;
  options.ca_cert_file = authority.ca_file();
  options.peer = TlsOptions::PeerCertificate::kNone;
  options.peer_host = "127.0.0.1";
  if (side == TlsOptions::Side::kServer) {
    options.cert_file = files.cert;
    options.key_file = files.key;
  }
  auto context = TlsContext::load(options);
  REQUIRE_MESSAGE(context.ok(), context.error());
  return *context;
}

struct Server : TlsSocket {
  Server(uv_loop_t* loop, ReadBuffer* buffer) : TlsSocket(loop, buffer, Kind::kUnix) {}

  void on_plain(std::string_view data) override { received += data; }
  void on_secured() override { secured = true; }
  void on_unsent() override { told = unsent(); }
  void on_closed(int /*why*/) override { *closed = true; }

  std::string received;
  bool secured = false;
  size_t told = 0;
  bool* closed = nullptr;
};

// A TlsSocket at one end of a wire, at the other a client that reads only when it is told to.
struct Wire {
  Wire() {
    REQUIRE(uv_loop_init(&loop) == 0);
    std::array<uv_os_sock_t, 2> ends;
    REQUIRE(uv_socketpair(SOCK_STREAM, 0, ends.data(), UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE) == 0);
    client_end = ends[1];
    server = new Server(&loop, &buffer);
    server->closed = &closed;
    REQUIRE(uv_pipe_open(reinterpret_cast<uv_pipe_t*>(server->stream()), ends[0]) == 0);
    server->set_reading(true);
    server->secure(*context_of(TlsOptions::Side::kServer));
    run_until([this] { return server->secured && client.open(); });
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  ~Wire() {
    if (!server->closing()) server->close(0);
    while (!closed) uv_run(&loop, UV_RUN_ONCE);
    uv_loop_close(&loop);
    close(client_end);
  }

  // The server's end alone, until it has nothing to do.
  void run_server() {
    for (int i = 0; i < 10; i++) uv_run(&loop, UV_RUN_NOWAIT);
  }
  void run_client() {
    const std::string out = client.take_output();
    REQUIRE(write(client_end, out.data(), out.size()) == static_cast<ssize_t>(out.size()));
    std::array<char, 65536> piece;
    const ssize_t bytes = read(client_end, piece.data(), piece.size());
    if (bytes > 0) received += client.receive({piece.data(), static_cast<size_t>(bytes)});
  }
  void run_until(const std::function<bool()>& done) {
    for (int i = 0; i < 100'000 && !done(); i++) {
      run_client();
      uv_run(&loop, UV_RUN_NOWAIT);
    }
    REQUIRE(done());
  }
  size_t encrypted() const { return uv_stream_get_write_queue_size(server->stream()); }

  uv_loop_t loop;
  ReadBuffer buffer{65536};
  int client_end = -1;
  bool closed = false;
  Server* server = nullptr;
  TlsStream client{*context_of(TlsOptions::Side::kClient)};
  std::string received;
};

TEST_CASE("what a client does not read is not encrypted ahead") {
  constexpr size_t kBytes = 16 << 20;
  constexpr size_t kMost = 520 << 10;  // a piece of 256 KB on top of less than 256 KB, with TLS around them
  Wire wire;
  SUBCASE("one large reply") { wire.server->send(std::string(kBytes, 'x')); }
  SUBCASE("many small ones") {
    for (size_t sent = 0; sent < kBytes; sent += 1024) wire.server->send(std::string(1024, 'x'));
  }
  SUBCASE("large ones that come while the first is under way") {
    for (size_t sent = 0; sent < kBytes; sent += 1 << 20) {
      wire.server->send(std::string(1 << 20, 'x'));
      wire.run_server();
    }
  }
  wire.run_server();
  CHECK(wire.encrypted() > 0);
  CHECK(wire.encrypted() <= kMost);
  CHECK(wire.server->left() > kBytes - (1 << 20));
  CHECK(wire.server->told == wire.server->unsent());

  size_t most = 0;
  wire.run_until([&] {
    most = std::max(most, wire.encrypted());
    return wire.received.size() >= kBytes;
  });
  CHECK(most <= kMost);
  CHECK(wire.received.size() == kBytes);
  CHECK(wire.received.find_first_not_of('x') == std::string::npos);
  CHECK(wire.server->unsent() == 0);
  CHECK(wire.server->told == 0);
}

}  // namespace
}  // namespace holdfast
