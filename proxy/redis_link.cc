#include "proxy/redis_link.h"

#include <algorithm>
#include <cstring>

#include "core/shard/shard.h"
#include "proxy/certificates.h"

namespace holdfast {
namespace {

constexpr size_t kReadBytes = 256 << 10;

}  // namespace

class RedisLink::Connection final : public TlsSocket {
 public:
  Connection(RedisLink* link, Kind kind) : TlsSocket(link->loop_, &link->buffer_, kind), link_(link) {
    request_.data = this;
  }

  void connect_tcp(const sockaddr_storage& address) {
    const int failed = uv_tcp_connect(&request_, reinterpret_cast<uv_tcp_t*>(stream()),
                                      reinterpret_cast<const sockaddr*>(&address), connected);
    if (failed != 0) close(failed);
    tcp_ = true;
  }
  void connect_unix(const std::string& path) {
    uv_pipe_connect(&request_, reinterpret_cast<uv_pipe_t*>(stream()), path.c_str(), connected);
  }
  void leave() {
    link_ = nullptr;
    close(0);
  }
  bool connected() const { return connected_ms_ != 0; }
  bool up() const { return up_; }
  // 0: it is not waiting for TLS to be agreed on.
  int64_t shaking_hands_since_ms() const { return up_ || closing() ? 0 : connected_ms_; }

 private:
  static void connected(uv_connect_t* request, int status) {
    auto* self = static_cast<Connection*>(request->data);
    if (self->closing()) return;
    if (status != 0) return self->close(status);
    if (self->tcp_) self->tune_tcp();
    self->connected_ms_ = static_cast<int64_t>(uv_now(self->loop()));
    const TlsContext* tls = self->link_->certificates_->for_redis();
    if (tls != nullptr) self->secure(*tls);
    self->set_reading(true);
    if (tls == nullptr) self->on_secured();
  }
  void on_secured() override {
    if (closing()) return;
    up_ = true;
    link_->shard_->on_link_up(link_->which_);
  }
  void on_plain(std::string_view data) override { link_->shard_->on_link_data(link_->which_, data); }
  void on_closed(int why) override {
    if (link_ != nullptr) link_->on_closed(*this, why);
  }

  RedisLink* link_;  // nullptr: nobody wants to hear of it any more
  uv_connect_t request_;
  int64_t connected_ms_ = 0;
  bool tcp_ = false;
  bool up_ = false;
};

struct RedisLink::Lookup {
  uv_getaddrinfo_t request;
  RedisLink* link;
};

RedisLink::RedisLink(uv_loop_t* loop, Link which, const Settings& settings, const Certificates* certificates,
                     Shard* shard)
    : loop_(loop),
      which_(which),
      address_(settings.redis.address),
      handshake_ms_(settings.timeouts.handshake.count()),
      certificates_(certificates),
      shard_(shard),
      buffer_(kReadBytes) {}

void RedisLink::connect() {
  close();
  lookup_error_.clear();
  if (address_.is_unix()) {
    connection_ = new Connection(this, Socket::Kind::kUnix);
    connection_->connect_unix(address_.unix_path);
  } else {
    look_up();
  }
}

void RedisLink::look_up() {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  lookup_ = new Lookup{{}, this};
  const std::string port = std::to_string(address_.port);
  const int failure = uv_getaddrinfo(
      loop_, &lookup_->request,
      [](uv_getaddrinfo_t* request, int status, addrinfo* found) {
        RedisLink* link = reinterpret_cast<Lookup*>(request)->link;
        delete reinterpret_cast<Lookup*>(request);
        if (link != nullptr) {
          link->lookup_ = nullptr;
          for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
            sockaddr_storage address{};
            std::memcpy(&address, one->ai_addr, one->ai_addrlen);
            link->addresses_.push_back(address);
          }
          std::reverse(link->addresses_.begin(), link->addresses_.end());
          status == 0 ? link->try_next() : link->failed(status);
        }
        uv_freeaddrinfo(found);
      },
      address_.host.c_str(), port.c_str(), &hints);
  if (failure == 0) return;
  delete lookup_;
  lookup_ = nullptr;
  failed(failure);
}

// The host could not be looked up. Told from the loop, like all else.
void RedisLink::failed(int why) {
  lookup_error_ = "the host " + address_.host + " cannot be found: " + uv_strerror(why);
  connection_ = new Connection(this, Socket::Kind::kTcp);
  connection_->close(why);
}

void RedisLink::try_next() {
  const sockaddr_storage address = addresses_.back();
  addresses_.pop_back();
  connection_ = new Connection(this, Socket::Kind::kTcp);
  connection_->connect_tcp(address);
}

void RedisLink::on_closed(const Connection& connection, int why) {
  const bool was_up = connection.up();
  connection_ = nullptr;
  if (!was_up && !addresses_.empty()) return try_next();
  addresses_.clear();
  std::string reason = "Redis at " + to_string(address_);
  if (!lookup_error_.empty()) {
    reason += ": " + lookup_error_;
  } else if (!connection.tls_failure().empty()) {
    reason += ": TLS failed: " + connection.tls_failure();
  } else if (!was_up && connection.connected()) {
    reason += std::string(": no TLS is agreed on (") + uv_strerror(why) + "); is redis.address its tls-port?";
  } else if (!was_up) {
    reason += " cannot be reached: " + std::string(uv_strerror(why));
  } else if (why == UV_EOF) {
    reason += " closed the connection";
  } else {
    reason += ": the connection broke: " + std::string(uv_strerror(why));
  }
  shard_->on_link_down(which_, reason);
}

void RedisLink::check_time() {
  const int64_t since = connection_ != nullptr ? connection_->shaking_hands_since_ms() : 0;
  if (since != 0 && static_cast<int64_t>(uv_now(loop_)) - since > handshake_ms_) connection_->close(UV_ETIMEDOUT);
}

void RedisLink::send(std::string bytes) {
  if (connection_ != nullptr) connection_->send(std::move(bytes));
}

void RedisLink::hold(bool on) {
  if (connection_ != nullptr && connection_->up()) connection_->set_reading(!on);
}

void RedisLink::close() {
  addresses_.clear();
  if (lookup_ != nullptr) {
    lookup_->link = nullptr;
    uv_cancel(reinterpret_cast<uv_req_t*>(&lookup_->request));
    lookup_ = nullptr;
  }
  if (connection_ != nullptr) {
    connection_->leave();
    connection_ = nullptr;
  }
}

}  // namespace holdfast
