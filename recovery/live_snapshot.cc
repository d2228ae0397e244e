#include "recovery/live_snapshot.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/replication/tap.h"
#include "recovery/wire.h"

namespace holdfast {
namespace {

constexpr std::chrono::milliseconds kConnectTime{10000};
// Redis sends empty lines while it prepares the RDB.
constexpr std::chrono::milliseconds kSilencePatience{60000};
constexpr size_t kReadBytes = 1 << 20;

class RdbFile : public TapEvents {
 public:
  RdbFile(const std::string& path, Wire* wire)
      : file_(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)), path_(path), wire_(wire) {
    if (!file_) failed_ = "cannot write " + path + ": " + std::strerror(errno);
  }

  void on_tap_send(std::string bytes) override {
    // Little enough for the buffer of a fresh socket.
    if (wire_->send(bytes) != static_cast<ssize_t>(bytes.size()) || wire_->waiting() > 0) {
      failed_ = "cannot send to Redis: " + (wire_->failed() ? wire_->failure() : "it takes nothing");
    }
  }
  void on_tap_continues(const std::string&) override { failed_ = "Redis gave no RDB although none was left out"; }
  void on_tap_full_sync(const std::string&, int64_t) override {}
  void on_tap_rdb(std::string_view piece, bool last) override {
    while (!piece.empty() && failed_.empty()) {
      const ssize_t wrote = write(file_.get(), piece.data(), piece.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) {
        failed_ = "cannot write " + path_ + ": " + std::strerror(errno);
        return;
      }
      bytes_ += static_cast<uint64_t>(wrote);
      piece.remove_prefix(static_cast<size_t>(wrote));
    }
    done_ = done_ || last;
  }
  void on_tap_command(const std::vector<std::string_view>&, std::string_view, int64_t) override {}
  void on_tap_error(const std::string& reason) override { failed_ = reason; }

  bool done() const { return done_; }
  uint64_t bytes() const { return bytes_; }
  const std::string& failed() const { return failed_; }

 private:
  Descriptor file_;
  std::string path_;
  Wire* wire_;
  std::string failed_;
  uint64_t bytes_ = 0;
  bool done_ = false;
};

}  // namespace

Result<uint64_t> fetch_live_snapshot(const Address& redis, const Login& login, const std::string& file) {
  Result<Wire> wire = Wire::connect(redis, kConnectTime, login.tls.get());
  if (!wire) return Error{wire.error()};
  RdbFile rdb(file, &*wire);
  Tap tap(&rdb);
  tap.start(login.username, login.password, "", 0);
  std::string piece;
  while (!rdb.done() && rdb.failed().empty()) {
    const Result<bool> ready = wait_for(wire->socket(), POLLIN, kSilencePatience);
    if (!ready) return Error{ready.error()};
    if (!*ready) return Error{"Redis says nothing while its data is asked for"};
    piece.clear();
    const ssize_t got = wire->receive(&piece, kReadBytes);
    if (got == 0) return Error{"Redis has closed the connection while its data was asked for; its own log says why"};
    if (wire->failed()) return Error{"the connection to Redis is lost: " + wire->failure()};
    if (got > 0) tap.on_data(piece);
  }
  if (!rdb.failed().empty()) return Error{rdb.failed()};
  return rdb.bytes();
}

}  // namespace holdfast
