#include "recovery/private_redis.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "recovery/interrupt.h"

namespace holdfast {
namespace {

constexpr int kFirstWaitMs = 5;
constexpr int kLongestWaitMs = 200;

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    std::error_code failed;
    return access(name.c_str(), X_OK) == 0 ? std::filesystem::absolute(name, failed).string() : "";
  }
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(':'), rest.size());
    const std::string candidate = std::string(rest.substr(0, end)) + '/' + name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return "";
}

// Behind a fork: only what is safe there.
[[noreturn]] void become(char* const* argv, const char* output, pid_t parent) {
  setsid();  // Ctrl-C is for us, not for it
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  const int in = open("/dev/null", O_RDONLY);
  const int out = open(output, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) _exit(127);
  close_range(3, ~0U, 0);
  execv(argv[0], argv);
  _exit(127);
}

}  // namespace

std::string temporary_directory() {
  std::error_code failed;
  const std::filesystem::path path = std::filesystem::temp_directory_path(failed);
  return failed ? "/tmp" : path.string();
}

Result<ScratchDirectory> ScratchDirectory::make(const std::string& inside, const std::string& prefix) {
  std::string path = inside + '/' + prefix + "XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    return Error{"cannot make a directory in " + inside + ": " + std::strerror(errno)};
  }
  return ScratchDirectory(path);
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

Result<std::unique_ptr<PrivateRedisServer>> PrivateRedisServer::start(const Setup& setup) {
  const std::string path = find_program(setup.program);
  if (path.empty()) {
    return Error{"there is no program \"" + setup.program + "\" to run: give a redis-server with --redis-server"};
  }
  // Apart from `directory`, whose path may be too long for a socket.
  Result<ScratchDirectory> scratch = ScratchDirectory::make(temporary_directory(), "holdfast-");
  if (!scratch) return Error{scratch.error()};
  std::unique_ptr<PrivateRedisServer> server(new PrivateRedisServer(std::move(*scratch)));
  if (auto done = server->launch(path, setup); !done) return Error{done.error()};
  if (auto done = server->wait_until_loaded(path); !done) return Error{done.error()};
  return server;
}

Result<Done> PrivateRedisServer::launch(const std::string& path, const Setup& setup) {
  const std::pair<const char*, std::string> options[] = {
      {"--port", "0"},
      {"--unixsocket", scratch_.path() + "/redis"},
      {"--unixsocketperm", "700"},
      {"--dir", setup.directory},
      {"--dbfilename", setup.rdb},
      {"--databases", std::to_string(setup.databases)},
      {"--save", ""},
      {"--appendonly", "no"},
      {"--daemonize", "no"},
      {"--maxmemory", "0"},
      {"--repl-timeout", "86400"},
      {"--repl-diskless-load", "disabled"},
      {"--client-output-buffer-limit", "normal 0 0 0"},
      // A replica that nobody feeds, until it is told who does.
      {"--replicaof", "127.0.0.1 1"},
      {"--replica-serve-stale-data", "yes"},
      {"--replica-read-only", "yes"},
  };
  // In a file, so that no value is taken apart in another way than it is meant.
  const std::string file = scratch_.path() + "/redis.conf";
  {
    std::ofstream config(file);
    for (const auto& [name, value] : options) {
      const bool list = value.find(' ') != std::string::npos && value.find('/') == std::string::npos;
      config << name + 2 << ' ' << (list ? value : '"' + value + '"') << '\n';
    }
    if (!config.flush()) return Error{"cannot write " + file};
  }
  const std::string output = scratch_.path() + "/output";
  std::vector<std::string> arguments = {path, file};
  std::vector<char*> argv = {arguments[0].data(), arguments[1].data(), nullptr};
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) return Error{path + " cannot be started: " + std::strerror(errno)};
  if (pid_ == 0) become(argv.data(), output.c_str(), parent);
  return Done{};
}

bool PrivateRedisServer::ended() {
  if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = 0;
  return pid_ <= 0;
}

Result<Done> PrivateRedisServer::wait_until_loaded(const std::string& path) {
  Address address;
  address.unix_path = scratch_.path() + "/redis";
  for (int wait = kFirstWaitMs; !ended(); wait = std::min(wait * 2, kLongestWaitMs)) {
    if (interrupted()) return interrupted_error();
    poll(nullptr, 0, wait);
    if (!client_) {
      Result<RedisClient> connected = RedisClient::connect(address, Login{});
      if (connected.ok()) client_ = std::make_unique<RedisClient>(std::move(*connected));
    }
    if (!client_) continue;
    const Result<std::string> info = client_->info();
    if (info.ok() && info_value(*info, "loading") == "0") return Done{};
    if (!info) client_.reset();
  }
  return Error{path + " has ended at its start: " + last_words()};
}

// Its lines that are more than notices, or the last of all.
std::string PrivateRedisServer::last_words() const {
  std::ifstream file(scratch_.path() + "/output", std::ios::binary);
  std::string words;
  std::string last;
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) continue;
    const size_t mark = line.find(" # ");
    last = mark == std::string::npos ? line : line.substr(mark + 3);
    if (mark == std::string::npos || last.find("WARNING") != std::string::npos) continue;
    words = words.empty() ? last : words + "; " + last;
    if (words.size() > 500) words.erase(0, words.size() - 500);
  }
  return words.empty() ? (last.empty() ? "without a word" : last) : words;
}

PrivateRedisServer::~PrivateRedisServer() {
  client_.reset();
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace holdfast
