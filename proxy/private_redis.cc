#include "proxy/private_redis.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace holdfast {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kFirstWait{5};
constexpr milliseconds kLongestWait{200};
constexpr int kAnswerSeconds = 2;

// A server refuses a file with a database that it does not have, and each that it has costs memory.
constexpr int kDatabases[] = {1024, 65'536, 1'048'576};
constexpr std::string_view kTooFewDatabases = "configured to handle more than";

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return access(name.c_str(), X_OK) == 0 ? name : "";
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

// A directory that only we can enter, gone at the end.
class ScratchDirectory {
 public:
  static Result<std::unique_ptr<ScratchDirectory>> create() {
    const auto refuse = [](const std::string& why) {
      return Error{"no directory for temporary files: " + why + "; set TMPDIR to one that can be written to"};
    };
    std::error_code failed;
    std::string path = (std::filesystem::temp_directory_path(failed) / "holdfast-XXXXXX").string();
    if (failed) return refuse(failed.message());
    // A Unix socket's path is short.
    if (path.size() + kSocketName.size() >= sizeof(sockaddr_un::sun_path)) return refuse("its path is too long");
    if (mkdtemp(path.data()) == nullptr) return refuse(std::strerror(errno));
    return std::unique_ptr<ScratchDirectory>(new ScratchDirectory(path));
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  std::string socket_path() const { return path_ + std::string(kSocketName); }
  std::string output_path() const { return path_ + "/output"; }

 private:
  static constexpr std::string_view kSocketName = "/redis";

  explicit ScratchDirectory(std::string path) : path_(std::move(path)) {}

  const std::string path_;
};

// A child process that does not outlive this object, nor this process.
class Child {
 public:
  Child(const std::vector<std::string>& arguments, const std::string& output) {
    std::vector<char*> argv;
    for (const std::string& one : arguments) argv.push_back(const_cast<char*>(one.c_str()));
    argv.push_back(nullptr);
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ != 0) return;
    // Only what is safe behind a fork of a process with threads.
    setsid();  // Ctrl-C is for us, not for it
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    const int in = open("/dev/null", O_RDONLY);
    const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) _exit(127);
    close_range(3, ~0U, 0);
    execv(argv[0], argv.data());
    _exit(127);
  }
  ~Child() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool started() const { return pid_ > 0; }
  bool ended() {
    if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = 0;
    return pid_ == 0;
  }

 private:
  pid_t pid_ = -1;
};

// The answer to INFO; nothing while the server is not ready to give one.
std::optional<std::string> ask_info(const std::string& socket_path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::nullopt;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
  const timeval patience{kAnswerSeconds, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string answer;
  size_t wanted = 0;  // all of the bulk string; 0: not known yet
  constexpr std::string_view kRequest = "INFO\r\n";
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      send(fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(kRequest.size())) {
    char piece[16 << 10];
    while (wanted == 0 || answer.size() < wanted) {
      const ssize_t got = recv(fd, piece, sizeof piece, 0);
      if (got <= 0) break;
      answer.append(piece, static_cast<size_t>(got));
      const size_t line = answer.find("\r\n");
      if (wanted != 0 || line == std::string::npos) continue;
      size_t length = 0;
      if (answer[0] != '$' ||
          std::from_chars(answer.data() + 1, answer.data() + line, length).ptr != answer.data() + line) {
        break;
      }
      wanted = line + 2 + length + 2;
    }
  }
  ::close(fd);
  if (wanted == 0 || answer.size() < wanted) return std::nullopt;
  return answer;
}

int64_t number_behind(std::string_view text, std::string_view name, size_t from = 0) {
  const size_t at = text.find(name, from);
  int64_t number = 0;
  if (at != std::string_view::npos) std::from_chars(text.data() + at + name.size(), text.data() + text.size(), number);
  return number;
}

int64_t count_keys(std::string_view info) {
  int64_t keys = 0;
  constexpr std::string_view kName = ":keys=";
  for (size_t at = info.find(kName); at != std::string_view::npos; at = info.find(kName, at + 1)) {
    keys += number_behind(info, kName, at);
  }
  return keys;
}

std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// What a server that has ended said last: its lines that are more than notices, or the last of all.
std::string last_words(const std::string& output) {
  std::vector<std::string> lines;
  size_t at = 0;
  while (at < output.size()) {
    const size_t end = std::min(output.find('\n', at), output.size());
    const std::string_view line = std::string_view(output).substr(at, end - at);
    at = end + 1;
    if (line.empty()) continue;
    const size_t mark = line.find(" # ");
    if (mark != std::string_view::npos) {
      lines.emplace_back(line.substr(mark + 3));
    } else if (line.find(" * ") == std::string_view::npos && line.find(" - ") == std::string_view::npos) {
      lines.emplace_back(line);
    }
  }
  constexpr size_t kLines = 3;
  std::string words;
  for (size_t i = lines.size() > kLines ? lines.size() - kLines : 0; i < lines.size(); i++) {
    words += (words.empty() ? "" : "; ") + lines[i];
  }
  return words.empty() ? "it ended without a word" : words.substr(0, 500);
}

}  // namespace

Result<int64_t> PrivateRedis::load() const {
  const std::string path = find_program(program);
  if (path.empty()) {
    return Error{"no program \"" + program + "\" that could be run; set redis.server-program to a redis-server"};
  }
  const Clock::time_point deadline = Clock::now() + limit;
  std::string said;
  for (const int databases : kDatabases) {
    const auto scratch = ScratchDirectory::create();
    if (!scratch) return Error{scratch.error()};
    const std::string socket_path = (*scratch)->socket_path();
    const std::string output = (*scratch)->output_path();
    // As a replica it keeps keys whose time has passed; there is no master at the other end.
    Child child({path,
                 "--port",
                 "0",
                 "--unixsocket",
                 socket_path,
                 "--unixsocketperm",
                 "700",
                 "--save",
                 "",
                 "--appendonly",
                 "no",
                 "--daemonize",
                 "no",
                 "--dir",
                 directory,
                 "--dbfilename",
                 file,
                 "--databases",
                 std::to_string(databases),
                 "--replicaof",
                 "127.0.0.1",
                 "1",
                 "--replica-serve-stale-data",
                 "yes"},
                output);
    if (!child.started()) return Error{path + " cannot be started: " + std::strerror(errno)};
    milliseconds wait = kFirstWait;
    while (!child.ended()) {
      if (Clock::now() > deadline) {
        return Error{path + " has not loaded it within " + std::to_string(limit.count() / 1000) +
                     " s; is the machine overloaded?"};
      }
      if (wait_or_cancelled(wait)) return Error{"cancelled"};
      wait = std::min(wait * 2, kLongestWait);
      const std::optional<std::string> info = ask_info(socket_path);
      if (info && number_behind(*info, "\nloading:") == 0) return count_keys(*info);
    }
    said = read_whole(output);
    if (said.find(kTooFewDatabases) == std::string::npos) break;
  }
  return Error{path + " does not load it: " + last_words(said) +
               "; set redis.server-program to one of the same version as the Redis that serves, with the same modules"};
}

}  // namespace holdfast
