// The world around the core in production: one libuv loop with all sockets and timers on it. What happens is handed to
// the shard as events; once before each wait for I/O the shard takes its turn.
#pragma once

#include <uv.h>

#include <memory>
#include <string>

#include "config/settings.h"
#include "core/shard/shard.h"
#include "core/shard/world.h"
#include "proxy/certificates.h"
#include "proxy/client_tls.h"
#include "proxy/clients.h"
#include "proxy/copy_file.h"
#include "proxy/feed_listener.h"
#include "proxy/redis_link.h"
#include "proxy/snapshot_store.h"
#include "proxy/users_file.h"

namespace holdfast {

class Shell final : public World {
 public:
  // One for each process, for as long as the process lives.
  Shell(const Settings& settings, const ShardOptions& options, std::unique_ptr<Log> log);
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  // Loads the certificates, takes the addresses of clients and feed.
  Result<Done> listen();
  // Serves until stop() or a fatal error; returns the exit status of the process. The log is closed by then.
  int run();
  // Ends run() once all that was admitted is answered. For signal handlers.
  void stop() { uv_async_send(&stop_); }
  // Has certificates loaded again. For signal handlers, until stop().
  void reload() { uv_async_send(&reload_); }

 private:
  enum class Phase {
    kServing,
    kDraining,  // what was admitted is being answered
    kFlushing,  // replies are on their way to the clients
    kEnded,
  };

  // World
  int64_t unix_ms() override { return (monotonic_ms() * 1'000'000 + unix_minus_monotonic_ns_) / 1'000'000; }
  int64_t monotonic_ms() override { return static_cast<int64_t>(uv_now(&loop_)); }
  int64_t monotonic_us() override { return static_cast<int64_t>(uv_hrtime() / 1000); }
  void link_connect(Link link) override { link_of(link).connect(); }
  void link_send(Link link, std::string bytes) override { link_of(link).send(std::move(bytes)); }
  void link_close(Link link) override { link_of(link).close(); }
  std::string feed_host() override { return feed_.address().host; }
  int feed_port() override { return feed_.address().port; }
  void feed_send(std::string bytes) override { feed_.send(std::move(bytes)); }
  void feed_close() override { feed_.close(); }
  size_t feed_unsent() override { return feed_.unsent(); }
  void client_send(SessionId client, std::string bytes) override { clients_.send(client, std::move(bytes)); }
  size_t client_unsent(SessionId client) override { return clients_.unsent(client); }
  void client_close(SessionId client) override { clients_.finish(client); }
  void client_cut(SessionId client) override { clients_.cut(client); }
  void client_hold(SessionId client, bool hold) override { clients_.hold(client, hold); }
  Log& log() override { return *log_; }
  void snapshot_begin() override { snapshots_.begin(); }
  void snapshot_data(std::string_view piece) override;
  void snapshot_end() override { snapshots_.end(); }
  Result<int64_t> snapshot_size(const SnapshotRef& ref) override { return snapshots_.size(ref); }
  Result<std::string> snapshot_read(const SnapshotRef& ref, int64_t offset, size_t bytes) override {
    return snapshots_.read(ref, offset, bytes);
  }
  ClientTls client_tls() const { return {certificates_.client_options(), clients_.accepts_tls_on()}; }
  std::string random_hex(size_t digits) override;
  Result<Done> copy_begin() override { return copy_file_.begin(); }
  Result<Done> copy_write(std::string_view piece) override { return copy_file_.write(piece); }
  Result<std::string> copy_read(int64_t offset, size_t bytes) override { return copy_file_.read(offset, bytes); }
  void copy_end() override { copy_file_.end(); }
  Result<Done> accept_on(int port) override { return clients_.accept_on(port); }
  int accepts_on() override { return clients_.accepts_on(); }
  std::optional<RefusedSetting> set_tls(const TlsSettingValues& changes) override;
  TlsSettingValues tls_settings() override { return tls_values(client_tls()); }
  const std::string& users_file() override { return settings_.users.file; }
  Result<std::string> read_users() override { return read_users_file(settings_.users.file); }
  Result<Done> write_users(const std::string& text) override { return write_users_file(settings_.users.file, text); }
  void note(Level level, const std::string& text) override;
  void fatal(const std::string& reason) override;

  RedisLink& link_of(Link link) {
    switch (link) {
      case Link::kMain: return main_;
      case Link::kTap: return tap_;
      case Link::kEvents: return events_;
      case Link::kMonitor: return monitor_;
      case Link::kAside: return aside_;
      case Link::kCopy: break;
    }
    return copy_;
  }
  static uv_loop_t* init(uv_loop_t* loop);
  void turn();
  void tick();
  void on_snapshot_wake();
  void begin_to_stop();
  void check_stopped();
  void end(int status);

  uv_loop_t loop_;
  uv_prepare_t prepare_;
  uv_idle_t idle_;  // active: the loop does not wait
  uv_timer_t timer_;
  uv_async_t log_ready_, snapshot_ready_, stop_, reload_;

  const Settings settings_;
  std::unique_ptr<Log> log_;
  Certificates certificates_;
  Clients clients_;
  RedisLink main_, tap_, events_, monitor_, aside_, copy_;
  FeedListener feed_;
  SnapshotStore snapshots_;
  CopyFile copy_file_;

  Phase phase_ = Phase::kServing;
  int status_ = 0;
  int64_t stop_by_ms_ = 0;
  int64_t next_client_check_ms_ = 0;
  int64_t next_file_check_ms_ = 0;
  int64_t unix_minus_monotonic_ns_ = 0;
  bool spinning_ = false;
  bool ready_said_ = false;

  Shard shard_;
};

}  // namespace holdfast
