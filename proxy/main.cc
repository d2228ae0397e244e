// holdfast: the proxy.

#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "config/command_line.h"
#include "log/open.h"
#include "proxy/logging.h"
#include "proxy/options.h"
#include "proxy/shell.h"
#include "proxy/users_file.h"

namespace holdfast {
namespace {

constexpr int kWrongSettings = 2;
constexpr rlim_t kMostClients = 1'000'000;  // as limits.clients
constexpr rlim_t kOwnFiles = 128;           // besides the clients: Redis, brokers, the log, ...

std::atomic<Shell*> running{nullptr};
static_assert(std::atomic<Shell*>::is_always_lock_free);

// A handler and not the loop, so that a second signal works whatever the loop is busy with.
void on_stop_signal(int signal_number) {
  Shell* shell = running.exchange(nullptr);
  if (shell == nullptr) _exit(128 + signal_number);
  shell->stop();
}

void on_reload_signal(int /*signal_number*/) {
  if (Shell* shell = running.load()) shell->reload();
}

void handle_signals(Shell* shell) {
  running = shell;
  struct sigaction stop {};
  stop.sa_handler = on_stop_signal;
  stop.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &stop, nullptr);
  sigaction(SIGINT, &stop, nullptr);
  struct sigaction reload {};
  reload.sa_handler = on_reload_signal;
  reload.sa_flags = SA_RESTART;
  sigaction(SIGHUP, &reload, nullptr);
}

// Makes room for the sockets of `limits->clients`, or lowers it to what there is room for, as Redis does.
Result<Done> make_room_for_clients(LimitSettings* limits) {
  const rlim_t wanted = static_cast<rlim_t>(limits->clients) + kOwnFiles;
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= wanted) return Done{};
  const rlimit raised{wanted, std::max(wanted, files.rlim_max)};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return Done{};
  files.rlim_cur = std::min(wanted, files.rlim_max);
  setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur >= wanted) return Done{};
  if (files.rlim_cur <= kOwnFiles) {
    return Error{"this process may open only " + std::to_string(files.rlim_cur) +
                 " files; raise the limit (ulimit -n)"};
  }
  const int64_t room = static_cast<int64_t>(files.rlim_cur - kOwnFiles);
  spdlog::warn("this process may open only {} files: limits.clients is {} and not {}; raise the limit (ulimit -n)",
               files.rlim_cur, room, limits->clients);
  limits->clients = room;
  return Done{};
}

// For how many there would be room if somebody wanted it with CONFIG SET maxclients: raises the limit that may be
// raised.
size_t most_clients(const LimitSettings& limits) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return static_cast<size_t>(limits.clients);
  const rlim_t before = files.rlim_cur;
  files.rlim_cur = files.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) files.rlim_cur = before;
  return std::min<rlim_t>(files.rlim_cur - kOwnFiles, kMostClients);
}

int fail(const std::string& reason, int status = EXIT_FAILURE) {
  std::fprintf(stderr, "holdfast: %s\n", reason.c_str());
  return status;
}

int serve(Settings settings) {
  if (auto done = set_up_logging(settings.logging); !done) return fail(done.error());
  const auto refuse = [](const std::string& reason) {
    log_failure(reason);
    return EXIT_FAILURE;
  };
  signal(SIGPIPE, SIG_IGN);
  if (auto done = make_room_for_clients(&settings.limits); !done) return refuse(done.error());
  auto log = open_log(log_options(settings));
  if (!log) return refuse(log.error());
  // Never destroyed: handles on its loop may still be closing when the process ends.
  ShardOptions options = shard_options(settings);
  options.frontdesk.most_clients = most_clients(settings.limits);
  if (!settings.users.file.empty()) {
    auto users = read_users_file(settings.users.file);
    if (!users) return refuse("users.file: " + users.error());
    options.initial_users = std::move(*users);
  }
  if (auto kept = own_password(settings.snapshots.directory, &options.own_password); !kept) {
    spdlog::warn(
        "the password of Holdfast's account in Redis is not kept, so after a restart of this process alone it "
        "needs redis.username and redis.password once more: {}",
        kept.error());
  }
  static Shell* const shell = new Shell(settings, options, std::move(*log));
  if (auto done = shell->listen(); !done) return refuse(done.error());
  handle_signals(shell);
  return shell->run();
}

int run(int argc, char** argv) {
  auto parsed = parse_command_line(argc, argv, process_environment());
  if (!parsed) return fail(parsed.error(), kWrongSettings);
  if (!parsed->print) return serve(std::move(parsed->settings));
  if (std::fputs(parsed->print->c_str(), stdout) == EOF || std::fflush(stdout) == EOF) {
    return fail(std::string("cannot write to standard output: ") + std::strerror(errno));
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) { return holdfast::run(argc, argv); }
