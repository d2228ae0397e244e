#include "proxy/clients.h"

#include <netinet/in.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "core/shard/shard.h"
#include "proxy/certificates.h"

namespace holdfast {
namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr int kBacklog = 511;       // as Redis's tcp-backlog
constexpr unsigned kSlotBits = 24;  // more than limits.clients can be
constexpr size_t kMostStrangers = 2000;
constexpr char kTooMany[] = "-ERR max number of clients reached\r\n";

uint64_t slot_of(SessionId id) { return id & ((uint64_t{1} << kSlotBits) - 1); }

// As CLIENT LIST of Redis writes it.
std::string text_of(const sockaddr_storage& name) {
  char host[INET6_ADDRSTRLEN] = "?";
  int port = 0;
  if (name.ss_family == AF_INET6) {
    const auto* address = reinterpret_cast<const sockaddr_in6*>(&name);
    uv_ip6_name(address, host, sizeof host);
    port = ntohs(address->sin6_port);
  } else if (name.ss_family == AF_INET) {
    const auto* address = reinterpret_cast<const sockaddr_in*>(&name);
    uv_ip4_name(address, host, sizeof host);
    port = ntohs(address->sin_port);
  }
  return to_string(Address{host, port, ""});
}

using NameOf = int(const uv_tcp_t*, sockaddr*, int*);
std::string name_by(NameOf* name_of, const uv_stream_t* stream) {
  sockaddr_storage name{};
  int bytes = sizeof name;
  name_of(reinterpret_cast<const uv_tcp_t*>(stream), reinterpret_cast<sockaddr*>(&name), &bytes);
  return text_of(name);
}

}  // namespace

Clients::Clients(uv_loop_t* loop, const Settings& settings, const Certificates* certificates, Shard* shard)
    : loop_(loop),
      listen_(settings.listen),
      tls_(settings.tls),
      limits_(settings.limits),
      handshake_ms_(settings.timeouts.handshake.count()),
      certificates_(certificates),
      shard_(shard),
      listener_(new Listener(loop, this)),
      tls_listener_(new Listener(loop, this)),
      rate_(settings.limits.connections_per_second),
      buffer_(kReadBytes) {}

Result<Done> Clients::listen() {
  if (!listen_.address.is_off()) {
    if (auto done = listener_->listen(listen_.address, "--listen", kBacklog); !done) return done;
  }
  if (tls_.listen.is_off()) return Done{};
  return tls_listener_->listen(tls_.listen, "--tls-listen", kBacklog);
}

std::string Clients::addresses() const {
  std::string all = listener_->listens() ? to_string(listener_->address()) : "";
  if (tls_listener_->listens()) all += (all.empty() ? "" : " and ") + to_string(tls_listener_->address()) + " (TLS)";
  return all;
}

Result<Done> Clients::accept_on(int port) {
  return move(&listener_, listen_.address.is_off() ? tls_.listen : listen_.address, port, "CONFIG SET port");
}

Result<Done> Clients::accept_tls_on(int port) {
  return move(&tls_listener_, tls_.listen.is_off() ? listen_.address : tls_.listen, port, "CONFIG SET tls-port");
}

Result<Done> Clients::move(std::unique_ptr<Listener>* listener, Address address, int port, const std::string& setting) {
  std::unique_ptr<Listener> next(new Listener(loop_, this));
  if (port != 0) {
    address.port = port;
    if (auto done = next->listen(address, setting, kBacklog); !done) return done;
  }
  std::erase_if(waiting_, [&](const Waiting& one) { return one.listener == listener->get(); });
  (*listener)->close();
  *listener = std::move(next);
  spdlog::info("clients are served on {}", addresses());
  return Done{};
}

void Clients::stop_accepting() {
  listener_->close();
  tls_listener_->close();
  waiting_.clear();
  while (ClientConnection* stranger = oldest_stranger()) stranger->close(0);
}

ClientConnection* Clients::find(SessionId id) const {
  const uint64_t slot = slot_of(id);
  ClientConnection* connection = slot < slots_.size() ? slots_[slot] : nullptr;
  return connection != nullptr && connection->id() == id ? connection : nullptr;
}

void Clients::on_connection(const Listener& listener, uv_stream_t* server) {
  if (!rate_.take(static_cast<int64_t>(uv_now(loop_)))) return waiting_.push_back({&listener, server});
  auto* connection = new ClientConnection(loop_, &buffer_, this);
  if (const int failed = uv_accept(server, connection->stream()); failed != 0) return connection->close(failed);
  const bool secure = &listener == tls_listener_.get();
  if (!make_room()) {
    if (!secure) connection->send(kTooMany);
    return connection->close(0);
  }
  connection->tune_tcp();
  const SessionId id = give_id(connection);
  if (!secure) return introduce(connection, id, false);
  strangers_.push_back({id, static_cast<int64_t>(uv_now(loop_))});
  strangers_count_++;
  connection->shake_hands(id, *certificates_->for_clients());
}

void Clients::accept_waiting() {
  for (const Waiting& one : std::exchange(waiting_, {})) on_connection(*one.listener, one.server);
}

// Strangers give way, so that they cannot keep out anybody who would have something to say.
bool Clients::make_room() {
  const bool full = count() >= shard_->max_clients();
  if (!full && strangers_count_ < kMostStrangers) return true;
  ClientConnection* stranger = oldest_stranger();
  if (stranger == nullptr) return !full;
  note_failure(*stranger, "it gave way to a newer connection");
  stranger->close(UV_ECONNABORTED);
  return true;
}

ClientConnection* Clients::oldest_stranger() {
  for (; !strangers_.empty(); strangers_.pop_front()) {
    ClientConnection* connection = find(strangers_.front().id);
    if (connection != nullptr && connection->shaking_hands()) return connection;
  }
  return nullptr;
}

SessionId Clients::give_id(ClientConnection* connection) {
  uint64_t slot = slots_.size();
  if (free_.empty()) {
    slots_.push_back(connection);
  } else {
    slot = free_.back();
    free_.pop_back();
    slots_[slot] = connection;
  }
  return next_serial_++ << kSlotBits | slot;
}

void Clients::introduce(ClientConnection* connection, SessionId id, bool tls) {
  shard_->on_client_connected(id, {.address = name_by(uv_tcp_getpeername, connection->stream()),
                                   .local_address = name_by(uv_tcp_getsockname, connection->stream()),
                                   .tls = tls,
                                   .certificate_user = certificate_user(*connection)});
  connection->open(id);
}

void Clients::on_data(SessionId id, std::string_view data) { shard_->on_client_data(id, data); }

void Clients::on_end(SessionId id) { shard_->on_client_end(id); }

void Clients::on_secured(ClientConnection* connection) {
  strangers_count_--;
  spdlog::debug("client {}: {}", connection->id(), connection->describe_tls());
  introduce(connection, connection->id(), true);
}

// Whom it is to be signed in as; empty: nobody.
std::string Clients::certificate_user(const ClientConnection& connection) const {
  return tls_.auth_clients_user == "CN" ? connection.peer_common_name() : std::string();
}

// Also in the middle of a connection: it is finished like any other, so that the other side learns why.
void Clients::on_tls_failed(ClientConnection* connection) {
  note_failure(*connection, connection->tls_failure());
  finish(connection->id());
}

void Clients::note_failure(const ClientConnection& connection, const std::string& why) {
  const std::string message = "TLS with " + name_by(uv_tcp_getpeername, connection.stream()) + " failed: " + why;
  const std::string text = failures_.note(message, static_cast<int64_t>(uv_now(loop_)));
  text.empty() ? spdlog::debug("{}", message) : spdlog::info("{}", text);
}

void Clients::on_closed(const ClientConnection& connection, int why) {
  const SessionId id = connection.id();
  if (id == 0) return;  // it was refused at the door
  const uint64_t slot = slot_of(id);
  if (why != 0 && why != UV_EOF) spdlog::debug("client {} is gone: {}", id, uv_strerror(why));
  slots_[slot] = nullptr;
  free_.push_back(static_cast<uint32_t>(slot));
  if (connection.known()) {
    shard_->on_client_disconnected(id);
  } else {
    strangers_count_--;
  }
}

void Clients::send(SessionId id, std::string bytes) {
  if (ClientConnection* connection = find(id)) connection->send(std::move(bytes));
}

void Clients::hold(SessionId id, bool on) {
  if (ClientConnection* connection = find(id)) connection->hold(on);
}

size_t Clients::unsent(SessionId id) const {
  const ClientConnection* client = find(id);
  return client == nullptr ? 0 : client->unsent();
}

void Clients::finish(SessionId id) {
  ClientConnection* connection = find(id);
  if (connection == nullptr || connection->finishing()) return;
  connection->finish(static_cast<int64_t>(uv_now(loop_)));
  if (!connection->closing()) finishing_.push_back(id);
}

void Clients::cut(SessionId id) {
  if (ClientConnection* connection = find(id)) connection->close(UV_ENOBUFS);
}

void Clients::finish_all() {
  for (ClientConnection* connection : slots_) {
    if (connection != nullptr) finish(connection->id());
  }
}

void Clients::close_all() {
  for (ClientConnection* connection : slots_) {
    if (connection != nullptr) connection->close(0);
  }
}

void Clients::check_time() {
  const int64_t now = static_cast<int64_t>(uv_now(loop_));
  for (ClientConnection* one = oldest_stranger(); one != nullptr; one = oldest_stranger()) {
    if (now - strangers_.front().since_ms < handshake_ms_) break;
    note_failure(*one, "no agreement within timeouts.handshake-ms");
    one->close(UV_ETIMEDOUT);
  }
  std::erase_if(finishing_, [this, now](SessionId id) {
    ClientConnection* connection = find(id);
    if (connection != nullptr) connection->check_time(now);
    return connection == nullptr || connection->closing();
  });
}

}  // namespace holdfast
