#include "proxy/listener.h"

#include <netinet/in.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "core/check.h"

namespace holdfast {
namespace {

std::string way_out(int error, const std::string& flag) {
  switch (error) {
    case UV_EADDRINUSE: return "the port is in use; stop what listens there, or choose another one with " + flag;
    case UV_EACCES: return "not permitted; choose a port from 1024 on with " + flag;
    case UV_EADDRNOTAVAIL: return "this machine has no such address; choose one that it has with " + flag;
    default: return std::string(uv_strerror(error)) + "; choose another address with " + flag;
  }
}

int port_of(const uv_tcp_t* handle) {
  sockaddr_storage name{};
  int bytes = sizeof name;
  if (uv_tcp_getsockname(handle, reinterpret_cast<sockaddr*>(&name), &bytes) != 0) return 0;
  // The port is in the same place in both families.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&name)->sin_port);
}

}  // namespace

Result<Done> Listener::listen(const Address& address, const std::string& flag, int backlog) {
  const auto refuse = [&](const std::string& why) {
    return Error{"cannot listen on " + to_string(address) + ": " + why};
  };
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  uv_getaddrinfo_t lookup;
  const std::string port = std::to_string(address.port);
  int failed = uv_getaddrinfo(loop_, &lookup, nullptr, address.host.c_str(), port.c_str(), &hints);
  if (failed != 0) {
    return refuse(std::string("its host cannot be found (") + uv_strerror(failed) + "); give another with " + flag);
  }
  HOLDFAST_CHECK(handle_ == nullptr);
  handle_ = new uv_tcp_t();
  HOLDFAST_CHECK(uv_tcp_init(loop_, handle_) == 0);
  handle_->data = this;
  failed = uv_tcp_bind(handle_, lookup.addrinfo->ai_addr, 0);
  uv_freeaddrinfo(lookup.addrinfo);
  if (failed == 0) {
    failed = uv_listen(reinterpret_cast<uv_stream_t*>(handle_), backlog, [](uv_stream_t* server, int status) {
      if (status != 0) {
        spdlog::warn("a connection could not be accepted: {}", uv_strerror(status));
      } else {
        const auto* self = static_cast<Listener*>(server->data);
        self->events_->on_connection(*self, server);
      }
    });
  }
  if (failed != 0) {
    close();
    return refuse(way_out(failed, flag));
  }
  address_ = address;
  address_.port = port_of(handle_);
  return Done{};
}

void Listener::close() {
  if (handle_ == nullptr) return;
  uv_close(reinterpret_cast<uv_handle_t*>(std::exchange(handle_, nullptr)),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_tcp_t*>(handle); });
}

}  // namespace holdfast
