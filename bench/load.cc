// The load generator: N connections, each with bursts of P commands on random keys, for a time or a number of commands;
// or N connections that do nothing. Prints one JSON object at the end.
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "bench/clock.h"
#include "bench/histogram.h"
#include "bench/load_connection.h"

namespace holdfast::bench {
namespace {

constexpr double kDrainSeconds = 10;  // how long to wait for replies that are still to come at the end

struct Options {
  std::string host = "127.0.0.1";
  int port = 6379;
  std::string command = "set";
  size_t connections = 1;
  uint64_t pipeline = 1;
  uint64_t keys = 100'000;
  size_t value_bytes = 100;
  double seconds = 2;
  double warmup = 0.3;
  uint64_t requests = 0;
  uint64_t seed = 1;
  std::string tls_ca;
  bool idle = false;
};

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options), maker_(options.command, options.value_bytes), random_(options.seed * 2 + 1) {}

  // Returns what is wrong, or nothing.
  std::string run();
  nlohmann::json report() const;
  std::string stay_idle();

 private:
  std::string connect_all();
  void burst(size_t index, int64_t now);
  void on_event(size_t index, uint32_t events);
  void watch(size_t index, bool for_writing);
  void note_time(int64_t now);
  bool goes_on() const { return !stopping_ && (options_.requests == 0 || sent_ < options_.requests); }
  uint64_t next_key();

  Options options_;
  CommandMaker maker_;
  uint64_t random_;
  std::shared_ptr<const TlsContext> tls_;  // nullptr: without
  int epoll_ = -1;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::string error_;
  Histogram times_;
  bool measuring_ = false;
  bool stopping_ = false;
  int64_t measure_at_ = 0, stop_at_ = 0;         // when it shall begin and end
  int64_t measured_from_ = 0, measured_to_ = 0;  // when it did
  uint64_t sent_ = 0;
  uint64_t answered_ = 0;
};

std::string Load::connect_all() {
  if (!options_.tls_ca.empty()) {
    TlsOptions tls;
    tls.side = TlsOptions::Side::kClient;
    tls.ca_cert_file = options_.tls_ca;
    tls.peer_host = options_.host;
    auto context = TlsContext::load(tls);
    if (!context) return context.error();
    tls_ = *context;
  }
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  for (size_t i = 0; i < options_.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(options_.host, options_.port, tls_.get()));
    if (!connections_[i]->error().empty()) return connections_[i]->error();
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[i]->fd(), &event) != 0) return "epoll_ctl failed";
  }
  return "";
}

void Load::watch(size_t index, bool for_writing) {
  epoll_event event{};
  event.events = EPOLLIN | (for_writing ? EPOLLOUT : 0u);
  event.data.u64 = index;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, connections_[index]->fd(), &event);
}

// A number of commands is for filling: every key in turn.
uint64_t Load::next_key() {
  if (options_.requests > 0) return sent_ % options_.keys;
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return (random_ >> 11) % options_.keys;
}

void Load::burst(size_t index, int64_t now) {
  Connection& connection = *connections_[index];
  connection.buffer()->clear();
  uint64_t count = 0;
  for (; count < options_.pipeline && goes_on(); ++count) {
    maker_.append(next_key(), connection.buffer());
    ++sent_;
  }
  connection.send(count, now);
  if (!connection.flush()) watch(index, true);
}

void Load::note_time(int64_t now) {
  if (!measuring_ && now >= measure_at_) {
    measuring_ = true;
    say_line(kMeasuring);
    measured_from_ = now_ns();
  }
  if (!stopping_ && now >= stop_at_) {
    stopping_ = true;
    measured_to_ = now;
    say_line(kMeasured);
  }
}

void Load::on_event(size_t index, uint32_t events) {
  Connection& connection = *connections_[index];
  if ((events & EPOLLOUT) != 0 && connection.flush()) watch(index, false);
  if ((events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) {
    const uint64_t replies = connection.receive();
    const int64_t now = now_ns();
    answered_ += replies;
    if (measuring_ && !stopping_) {
      for (uint64_t i = 0; i < replies; ++i) times_.add(now - connection.sent_at());
    }
    note_time(now);
    if (replies > 0 && connection.outstanding() == 0 && goes_on()) burst(index, now);
  }
  if (!connection.error().empty()) error_ = connection.error();
}

std::string Load::run() {
  if (std::string error = connect_all(); !error.empty()) return error;
  const bool counted = options_.requests > 0;
  measure_at_ = now_ns() + (counted ? 0 : to_ns(options_.warmup));
  stop_at_ = counted ? INT64_MAX : measure_at_ + to_ns(options_.seconds);
  note_time(now_ns());
  for (size_t i = 0; i < connections_.size() && goes_on(); ++i) burst(i, now_ns());
  std::vector<epoll_event> events(1024);
  while (error_.empty() && (goes_on() || answered_ < sent_)) {
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 10);
    for (int i = 0; i < count; ++i)
      on_event(events[static_cast<size_t>(i)].data.u64, events[static_cast<size_t>(i)].events);
    const int64_t now = now_ns();
    note_time(now);
    if (stopping_ && now > measured_to_ + to_ns(kDrainSeconds)) error_ = "requests stay without a reply";
  }
  if (counted) {
    stop_at_ = 0;
    note_time(now_ns());
  }
  return error_;
}

nlohmann::json Load::report() const {
  uint64_t errors = 0;
  std::string first_error;
  for (const auto& connection : connections_) {
    errors += connection->replies().errors();
    if (first_error.empty()) first_error = connection->replies().first_error();
  }
  const double seconds = static_cast<double>(measured_to_ - measured_from_) / 1e9;
  nlohmann::json report = times_.to_json();
  report["seconds"] = seconds;
  report["per_second"] = static_cast<double>(times_.count()) / seconds;
  report["answered"] = answered_;
  report["errors"] = errors;
  if (errors > 0) report["first_error"] = first_error;
  return report;
}

// Connections that have been used once, and then stay until standard input ends.
std::string Load::stay_idle() {
  if (std::string error = connect_all(); !error.empty()) return error;
  for (size_t i = 0; i < connections_.size(); ++i) burst(i, now_ns());
  for (auto& connection : connections_) {
    while (connection->outstanding() > 0 && connection->error().empty()) {
      epoll_event event{};
      epoll_wait(epoll_, &event, 1, 10);
      connection->receive();
    }
    if (!connection->error().empty()) return connection->error();
  }
  say_line(kMeasuring);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return "";
}

int run_main(int argc, char** argv) {
  Options options;
  CLI::App app("Load for a server that speaks Redis's protocol; prints JSON.");
  app.option_defaults()->always_capture_default();
  app.add_option("--host", options.host, "address of the server");
  app.add_option("--port", options.port, "port of the server");
  app.add_option("--command", options.command, "what to send")->check(CLI::IsMember({"set", "incr", "get"}));
  app.add_option("--connections", options.connections, "how many connections")->check(CLI::Range(1, 60000));
  app.add_option("--pipeline", options.pipeline, "commands in a burst")->check(CLI::Range(1, 100000));
  app.add_option("--keys", options.keys, "how many different keys")->check(CLI::PositiveNumber);
  app.add_option("--value-bytes", options.value_bytes, "size of the values of SET");
  app.add_option("--seconds", options.seconds, "how long to measure");
  app.add_option("--warmup", options.warmup, "seconds before that");
  app.add_option("--requests", options.requests, "a number of commands in place of a time, one key after the other");
  app.add_option("--seed", options.seed, "for the random keys");
  app.add_option("--tls-ca", options.tls_ca, "with TLS: the certificates of the server's CA");
  app.add_flag("--idle", options.idle, "one command on each connection, then nothing until standard input ends");
  CLI11_PARSE(app, argc, argv);

  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  Load load(options);
  const std::string error = options.idle ? load.stay_idle() : load.run();
  if (!error.empty()) {
    std::fprintf(stderr, "bench-load: %s\n", error.c_str());
    return EXIT_FAILURE;
  }
  if (!options.idle) say_line(load.report().dump().c_str());
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) { return holdfast::bench::run_main(argc, argv); }
