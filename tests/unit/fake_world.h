// A world without Redis and clients: keeps what the core does to it, for the tests of single parts.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "core/shard/world.h"
#include "tests/unit/test_unit.h"

namespace holdfast::testing {

class FakeWorld : public World {
 public:
  explicit FakeWorld(Log* log = nullptr) : log_(log) {}

  int64_t now_unix_ms = 1'700'000'000'000;
  int64_t now_ms = 1000;
  std::map<SessionId, std::string> sent;  // to clients
  std::map<SessionId, size_t> unsent;     // what counts as not gone out yet
  std::set<SessionId> closed, held, cut;
  std::string notes, fatal_reason;

  // What a client got since the last call.
  std::string take(SessionId client) { return std::exchange(sent[client], {}); }

  int64_t unix_ms() override { return now_unix_ms; }
  int64_t monotonic_ms() override { return now_ms; }
  void client_send(SessionId client, std::string bytes) override { sent[client] += bytes; }
  size_t client_unsent(SessionId client) override { return unsent[client]; }
  void client_close(SessionId client) override { closed.insert(client); }
  void client_cut(SessionId client) override { cut.insert(client); }
  void client_hold(SessionId client, bool hold) override {
    if (hold) {
      held.insert(client);
    } else {
      held.erase(client);
    }
  }
  int port = 6379, taken_port = 7000;
  Result<Done> accept_on(int wanted) override {
    if (wanted == taken_port || (wanted != 0 && tls["tls-port"] == std::to_string(wanted))) return Error{"in use"};
    port = wanted;
    return Done{};
  }
  int accepts_on() override { return port; }
  TlsSettingValues tls = {{"tls-port", "0"}, {"tls-ciphers", ""}};
  std::optional<RefusedSetting> set_tls(const TlsSettingValues& changes) override {
    for (const auto& [name, value] : changes) {
      if (value == "bad") return RefusedSetting{name, "Unable to update TLS configuration. Check server logs."};
      if (name == "tls-port" && value == std::to_string(port) && port != 0) return RefusedSetting{name, "in use"};
    }
    for (const auto& [name, value] : changes) tls[name] = value;
    return std::nullopt;
  }
  TlsSettingValues tls_settings() override { return tls; }
  Log& log() override { return *log_; }
  void note(Level, const std::string& text) override { notes += text + "\n"; }
  void fatal(const std::string& reason) override { fatal_reason = reason; }
  std::string file_name, file_text;  // the ACL file
  const std::string& users_file() override { return file_name; }
  Result<std::string> read_users() override { return file_text; }
  Result<Done> write_users(const std::string& text) override {
    file_text = text;
    return Done{};
  }
  std::string random_hex(size_t digits) override {
    std::string text = std::to_string(++random_);
    return std::string(digits - text.size(), '0') + text;
  }

  void link_connect(Link) override {}
  void link_send(Link, std::string) override {}
  void link_close(Link) override {}
  std::string feed_host() override { return {}; }
  int feed_port() override { return 0; }
  void feed_close() override {}
  void feed_send(std::string) override {}
  size_t feed_unsent() override { return 0; }
  void snapshot_begin() override {}
  void snapshot_data(std::string_view) override {}
  void snapshot_end() override {}
  std::string copy;  // of Redis's data
  Result<Done> copy_begin() override {
    copy.clear();
    return Done{};
  }
  Result<Done> copy_write(std::string_view piece) override {
    copy += piece;
    return Done{};
  }
  Result<std::string> copy_read(int64_t offset, size_t bytes) override {
    return copy.substr(static_cast<size_t>(offset), bytes);
  }
  void copy_end() override { copy.clear(); }
  Result<int64_t> snapshot_size(const SnapshotRef&) override { return Error{"no snapshots"}; }
  Result<std::string> snapshot_read(const SnapshotRef&, int64_t, size_t) override { return Error{"no snapshots"}; }

 private:
  Log* log_;
  int random_ = 0;
};

// Writes down what is done with the links to Redis: "connect;PING;close;".
struct LinkWorld : FakeWorld {
  std::string story;
  void link_connect(Link) override { story += "connect;"; }
  void link_close(Link) override { story += "close;"; }
  void link_send(Link, std::string bytes) override { story += as_words(bytes) + ";"; }
  std::string told() { return std::exchange(story, {}); }
};

}  // namespace holdfast::testing
