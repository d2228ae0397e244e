#include "proxy/shell.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <vector>

#include "config/version.h"
#include "core/check.h"
#include "proxy/logging.h"

namespace holdfast {
namespace {

constexpr int64_t kClientCheckMs = 250;
constexpr int64_t kFileCheckMs = 1000;

// Of the wall clock over libuv's. In nanoseconds: rounded, it could put our time a moment ahead of Redis's.
int64_t wall_minus_monotonic_ns() {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(wall).count() - static_cast<int64_t>(uv_hrtime());
}

template <class Handle>
Shell* shell_of(Handle* handle) {
  return static_cast<Shell*>(handle->data);
}

}  // namespace

uv_loop_t* Shell::init(uv_loop_t* loop) {
  HOLDFAST_CHECK(uv_loop_init(loop) == 0);
  return loop;
}

Shell::Shell(const Settings& settings, const ShardOptions& options, std::unique_ptr<Log> log)
    : settings_(settings),
      log_(std::move(log)),
      certificates_(settings),
      clients_(init(&loop_), settings, &certificates_, &shard_),
      main_(&loop_, Link::kMain, settings, &certificates_, &shard_),
      tap_(&loop_, Link::kTap, settings, &certificates_, &shard_),
      events_(&loop_, Link::kEvents, settings, &certificates_, &shard_),
      monitor_(&loop_, Link::kMonitor, settings, &certificates_, &shard_),
      aside_(&loop_, Link::kAside, settings, &certificates_, &shard_),
      copy_(&loop_, Link::kCopy, settings, &certificates_, &shard_),
      feed_(&loop_, &certificates_, &shard_),
      snapshots_(settings.snapshots.directory, settings.redis.server_program,
                 [this] { uv_async_send(&snapshot_ready_); }),
      copy_file_(settings.snapshots.directory),
      unix_minus_monotonic_ns_(wall_minus_monotonic_ns()),
      shard_(this, options) {
  loop_.data = prepare_.data = idle_.data = timer_.data = this;
  log_ready_.data = snapshot_ready_.data = stop_.data = reload_.data = this;
  uv_prepare_init(&loop_, &prepare_);
  uv_idle_init(&loop_, &idle_);
  uv_timer_init(&loop_, &timer_);
  // Waking up is all it takes: the shard's turn follows.
  uv_async_init(&loop_, &log_ready_, [](uv_async_t*) {});
  uv_async_init(&loop_, &snapshot_ready_, [](uv_async_t* handle) { shell_of(handle)->on_snapshot_wake(); });
  uv_async_init(&loop_, &stop_, [](uv_async_t* handle) { shell_of(handle)->begin_to_stop(); });
  uv_async_init(&loop_, &reload_, [](uv_async_t* handle) { shell_of(handle)->certificates_.reload(); });
}

Result<Done> Shell::listen() {
  if (auto done = certificates_.load(); !done) return done;
  if (auto done = feed_.listen(settings_.redis.feed_address, "--feed-address"); !done) return done;
  return clients_.listen();
}

int Shell::run() {
  log_->set_ready_callback([this] { uv_async_send(&log_ready_); });
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) { shell_of(handle)->turn(); });
  uv_timer_start(
      &timer_, [](uv_timer_t* handle) { shell_of(handle)->tick(); }, Shard::kTickMs, Shard::kTickMs);
  spdlog::info("holdfast {} (pid {}): listening on {}, Redis at {}, log: {}", kVersion, uv_os_getpid(),
               clients_.addresses(), to_string(settings_.redis.address), log_->describe());
  shard_.start();
  uv_run(&loop_, UV_RUN_DEFAULT);
  log_->set_ready_callback(nullptr);
  log_.reset();
  return status_;
}

void Shell::turn() {
  if (phase_ == Phase::kEnded) return;
  const bool again = shard_.turn();
  if (again != spinning_) {
    spinning_ = again;
    if (again) {
      uv_idle_start(&idle_, [](uv_idle_t*) {});
    } else {
      uv_idle_stop(&idle_);
    }
  }
  if (phase_ == Phase::kDraining || phase_ == Phase::kFlushing) check_stopped();
}

void Shell::tick() {
  unix_minus_monotonic_ns_ = wall_minus_monotonic_ns();
  clients_.accept_waiting();
  if (monotonic_ms() >= next_client_check_ms_) {
    next_client_check_ms_ = monotonic_ms() + kClientCheckMs;
    clients_.check_time();
    for (RedisLink* link : {&main_, &tap_, &events_, &monitor_, &aside_, &copy_}) link->check_time();
  }
  if (monotonic_ms() >= next_file_check_ms_) {
    next_file_check_ms_ = monotonic_ms() + kFileCheckMs;
    certificates_.check_files();
  }
  if (!ready_said_ && shard_.status().ready) {
    ready_said_ = true;
    spdlog::info("ready: clients are served on {}", clients_.addresses());
  }
}

void Shell::snapshot_data(std::string_view piece) {
  snapshots_.data(piece);
  if (snapshots_.crowded()) tap_.hold(true);
}

void Shell::on_snapshot_wake() {
  if (phase_ == Phase::kEnded) return;
  if (!snapshots_.crowded()) tap_.hold(false);
  if (const auto result = snapshots_.take_result()) shard_.on_snapshot_saved(*result);
}

std::optional<World::RefusedSetting> Shell::set_tls(const TlsSettingValues& changes) {
  ClientTls tls = client_tls();
  for (const auto& [name, value] : changes) {
    if (auto done = set_tls_value(&tls, name, value); !done) return RefusedSetting{name, done.error()};
  }
  auto context = Certificates::load_clients(tls.options, tls.port != 0);
  if (!context) {
    spdlog::warn(context.error());
    return RefusedSetting{changes.begin()->first, "Unable to update TLS configuration. Check server logs."};
  }
  if (tls.port != clients_.accepts_tls_on()) {
    if (auto done = clients_.accept_tls_on(tls.port); !done) {
      spdlog::warn(done.error());
      return RefusedSetting{"tls-port", "Unable to listen on this port. Check server logs."};
    }
  }
  certificates_.change_clients(tls.options, *context);
  return std::nullopt;
}

std::string Shell::random_hex(size_t digits) {
  std::vector<unsigned char> bytes((digits + 1) / 2);
  HOLDFAST_CHECK(uv_random(nullptr, nullptr, bytes.data(), bytes.size(), 0, nullptr) == 0);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  text.resize(digits);
  return text;
}

void Shell::note(Level level, const std::string& text) {
  switch (level) {
    case Level::kDebug: return spdlog::debug("{}", text);
    case Level::kInfo: return spdlog::info("{}", text);
    case Level::kWarn: return spdlog::warn("{}", text);
    case Level::kError: return spdlog::error("{}", text);
  }
}

void Shell::fatal(const std::string& reason) {
  if (phase_ == Phase::kEnded) return;
  log_failure(reason);
  end(EXIT_FAILURE);
}

void Shell::begin_to_stop() {
  if (phase_ != Phase::kServing) return;
  spdlog::info("stopping: answering what was admitted, for at most {} ms", settings_.timeouts.drain.count());
  phase_ = Phase::kDraining;
  stop_by_ms_ = monotonic_ms() + settings_.timeouts.drain.count();
  clients_.stop_accepting();
  shard_.drain();
}

void Shell::check_stopped() {
  const bool late = monotonic_ms() >= stop_by_ms_;
  if (phase_ == Phase::kDraining && (late || shard_.drained())) {
    if (!shard_.drained()) spdlog::warn("stopping although some requests are not answered: timeouts.drain-ms is over");
    phase_ = Phase::kFlushing;
    clients_.finish_all();
  }
  if (phase_ == Phase::kFlushing && (late || clients_.count() == 0)) {
    if (clients_.count() > 0) spdlog::warn("{} clients have not taken all their replies", clients_.count());
    spdlog::info("stopped");
    end(EXIT_SUCCESS);
  }
}

void Shell::end(int status) {
  phase_ = Phase::kEnded;
  status_ = status;
  clients_.stop_accepting();
  clients_.close_all();
  main_.close();
  tap_.close();
  events_.close();
  monitor_.close();
  aside_.close();
  copy_.close();
  feed_.stop_accepting();
  feed_.close();
  snapshots_.cancel();
  uv_stop(&loop_);
}

}  // namespace holdfast
