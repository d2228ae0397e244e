// What the core asks of the world around it: the one door through which anything leaves the core. Implemented by the
// proxy's shell (libuv, proxy/) and by the simulation (tests/simulation/). Nothing here blocks, but where it says so.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/replication/feeder.h"
#include "core/result.h"
#include "log/log.h"

namespace holdfast {

// A client's connection. Never used twice.
using SessionId = uint64_t;

// Where a client came from.
struct Peer {
  std::string address, local_address;  // as CLIENT LIST writes them
  bool tls = false;
  std::string certificate_user;  // whom its certificate names; empty: nobody
};

// By the names that Redis gives them: "tls-port", "tls-ciphers" …
using TlsSettingValues = std::map<std::string, std::string>;

// The connections to our own Redis.
constexpr size_t kLinks = 6;
enum class Link {
  kMain,     // reads and batches, one pipeline: the wire gives the order
  kTap,      // the replication stream
  kEvents,   // keyspace notifications, while somebody wants them
  kMonitor,  // what scripts do, while somebody monitors
  kAside,    // what must not wait behind a script: see BusyWatch
  kCopy,     // its data, for replicas of Holdfast's: see DataCopy
};

class World : public FeedPort {
 public:
  enum class Level { kDebug, kInfo, kWarn, kError };

  virtual int64_t unix_ms() = 0;                                    // wall clock
  virtual int64_t monotonic_ms() = 0;                               // for time-outs
  virtual int64_t monotonic_us() { return monotonic_ms() * 1000; }  // to measure; read anew each time

  // Connects; Shard::on_link_up or on_link_down follows. A link that is up or connecting is closed first, silently.
  virtual void link_connect(Link link) = 0;
  virtual void link_send(Link link, std::string bytes) = 0;
  virtual void link_close(Link link) = 0;  // silently

  // Where Redis reaches the feed's port; its connection is the one that Redis opened to us last.
  virtual std::string feed_host() = 0;
  virtual int feed_port() = 0;
  virtual void feed_close() = 0;

  virtual void client_send(SessionId client, std::string bytes) = 0;
  // Bytes given to client_send() that have not gone out yet.
  virtual size_t client_unsent(SessionId) { return 0; }
  // Closes once all that was sent has gone out.
  virtual void client_close(SessionId client) = 0;
  virtual void client_cut(SessionId client) = 0;  // at once: what waits for it is dropped
  // Stops or resumes reading from a client.
  virtual void client_hold(SessionId client, bool hold) = 0;

  // CONFIG SET port: clients are accepted there from now on, and no more where they were; 0: only with TLS.
  virtual Result<Done> accept_on(int) { return Done{}; }
  virtual int accepts_on() { return 0; }  // without TLS; 0: nowhere
  // CONFIG SET tls-…: all of it or nothing, for connections from now on. What CONFIG SET answers about which of them,
  // where it cannot be.
  struct RefusedSetting {
    std::string name, reason;
  };
  virtual std::optional<RefusedSetting> set_tls(const TlsSettingValues&) { return std::nullopt; }
  virtual TlsSettingValues tls_settings() { return {}; }

  virtual Log& log() = 0;

  // Base snapshots: begin, pieces, end; then Shard::on_snapshot_saved tells whether it is safely stored and was
  // verified by loading it.
  virtual void snapshot_begin() = 0;
  virtual void snapshot_data(std::string_view piece) = 0;
  virtual void snapshot_end() = 0;

  // A copy of Redis's data on its way to replicas: a temporary file, at most one. Blocks for a local file.
  virtual Result<Done> copy_begin() = 0;
  virtual Result<Done> copy_write(std::string_view piece) = 0;
  virtual Result<std::string> copy_read(int64_t offset, size_t bytes) = 0;  // what there is of that
  virtual void copy_end() = 0;

  // The ACL file; empty: there is none. A small local file, for a command that an administrator sends.
  virtual const std::string& users_file() = 0;
  virtual Result<std::string> read_users() = 0;
  virtual Result<Done> write_users(const std::string& text) = 0;

  virtual void note(Level level, const std::string& text) = 0;
  // The node cannot go on; the reason tells the way out. The process ends with it.
  virtual void fatal(const std::string& reason) = 0;
};

}  // namespace holdfast
