// What is special about the log in an SQLite file: one writer, and disks that fail.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <string_view>
#include <thread>

#include "log/open.h"
#include "log/sqlite/connection.h"
#include "log_harness.h"

using namespace holdfast;
using namespace holdfast::testing;

namespace {

// Syncs of one kind of file.
struct Syncs {
  std::atomic<bool> fail = false;
  std::atomic<int> done = 0;
  std::atomic<int> failed = 0;
};
Syncs wal_syncs;
Syncs file_syncs;
Syncs other_syncs;  // of the directory

std::atomic<int> looks_at_room = 0;
std::atomic<bool> lie_about_room = false;

Syncs& syncs_of(int descriptor) {
  char buffer[512];
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  const ssize_t length = readlink(link.c_str(), buffer, sizeof(buffer));
  const std::string_view name(buffer, length > 0 ? static_cast<size_t>(length) : 0);
  return name.ends_with("-wal") ? wal_syncs : name.ends_with(".db") ? file_syncs : other_syncs;
}

}  // namespace

// These stand in front of those of the C library, for SQLite and the C++ library too.
extern "C" int fdatasync(int descriptor) {
  Syncs& syncs = syncs_of(descriptor);
  if (syncs.fail) {
    ++syncs.failed;
    errno = EIO;
    return -1;
  }
  const auto status = static_cast<int>(syscall(SYS_fdatasync, descriptor));
  ++syncs.done;
  return status;
}

extern "C" int statvfs(const char* path, struct statvfs* result) noexcept {
  static const auto real = reinterpret_cast<int (*)(const char*, struct statvfs*)>(dlsym(RTLD_NEXT, "statvfs"));
  ++looks_at_room;
  const int status = real(path, result);
  if (lie_about_room) result->f_bavail = result->f_blocks + 1'000'000;
  return status;
}

namespace {

LogOptions options_for(const std::string& path) {
  LogOptions options;
  options.kind = LogOptions::Kind::kSqlite;
  options.sqlite.path = path;
  return options;
}

std::unique_ptr<Log> open(const LogOptions& options) {
  Result<std::unique_ptr<Log>> log = open_log(options);
  REQUIRE_MESSAGE(log.ok(), (log.ok() ? "" : log.error()));
  return std::move(*log);
}

std::string opening_error(const LogOptions& options) {
  const Result<std::unique_ptr<Log>> log = open_log(options);
  return log.ok() ? "" : log.error();
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Appends entries of 10,000 bytes one by one until one fails; returns its delivery. Adds what was committed to `count`.
Delivery append_until_failure(LogUser& log, size_t* count) {
  for (uint64_t token = 0; token < 10'000; ++token) {
    Delivery delivery = log.append(token, "h", std::string(10'000, 'v'));
    if (delivery.outcome != Outcome::kCommitted) return delivery;
    REQUIRE(delivery.position == static_cast<Position>(*count));
    ++*count;
  }
  FAIL("the disk never became full");
  return {};
}

template <class Condition>
bool eventually(const Condition& condition) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::yield();
  }
  return true;
}

// Each takes some 175 pages: five do not make a checkpoint due, six do.
void append_large(LogUser& log, size_t entries, size_t* count) {
  for (size_t i = 0; i < entries; ++i) {
    const Delivery delivery = log.append(*count, "h", std::string(700'000, 'v'));
    REQUIRE_MESSAGE(delivery.outcome == Outcome::kCommitted, delivery.reason);
    REQUIRE(delivery.position == static_cast<Position>((*count)++));
  }
}

// What the file holds without its write-ahead log.
std::vector<LogEntry> read_without_wal(const TemporaryDirectory& directory, const std::string& path) {
  const std::string copy = directory.file("copy.db");
  std::filesystem::copy_file(path, copy, std::filesystem::copy_options::overwrite_existing);
  LogUser log(open(options_for(copy)));
  return read_all(log);
}

// Calls `test` with a directory on a small disk of its own, that only this thread and those it starts can see.
void on_small_disk(const char* size, const std::function<void(const TemporaryDirectory&)>& test) {
  std::thread([&] {
    const TemporaryDirectory directory;
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", directory.path().c_str(), "tmpfs", 0, size) != 0) {
      MESSAGE("left out: mounting a small disk is not permitted: ", std::strerror(errno));
      return;
    }
    test(directory);
    umount2(directory.path().c_str(), MNT_DETACH);
  }).join();
}

void check_whole(const std::vector<LogEntry>& entries, size_t count) {
  REQUIRE(entries.size() == count);
  for (size_t i = 0; i < count; ++i) {
    REQUIRE(entries[i].position == static_cast<Position>(i));
    REQUIRE((entries[i].header == "h" && entries[i].value.size() > 0));
  }
}

}  // namespace

TEST_CASE("sqlite log: a second writer is refused and told by whom, until the first is gone") {
  const TemporaryDirectory directory;
  const LogOptions options = options_for(directory.file("log.db"));
  {
    LogUser log(open(options));
    const std::string error = opening_error(options);
    CHECK(contains(error, directory.file("log.db")));
    CHECK(contains(error, "another writer"));
    CHECK(contains(error, std::to_string(getpid())));
    CHECK(log.append(1, "h", "v").outcome == Outcome::kCommitted);
  }
  CHECK(opening_error(options) == "");
}

TEST_CASE("sqlite log: a second writer is refused also when it comes by another path") {
  const TemporaryDirectory directory;
  const std::string link = directory.file("link.db");
  LogUser log(open(options_for(directory.file("log.db"))));
  REQUIRE(symlink(directory.file("log.db").c_str(), link.c_str()) == 0);
  CHECK(contains(opening_error(options_for(link)), "another writer"));
}

TEST_CASE("sqlite log: a reader may be beside the writer, and changes nothing") {
  const TemporaryDirectory directory;
  LogOptions options = options_for(directory.file("log.db"));
  LogUser log(open(options));
  CHECK(log.append(1, "h", "v1").outcome == Outcome::kCommitted);
  options.read_only = true;
  LogUser other(open(options));
  CHECK(other.end() == 1);
  const std::unique_ptr<LogReader> reader = reader_of(*other, 0);
  CHECK(read(*reader, 1).at(0).value == "v1");
  CHECK(log.append(2, "h", "v2").outcome == Outcome::kCommitted);
  CHECK(read(*reader, 1).at(0).value == "v2");
  CHECK(other.end() == 2);
  CHECK(contains(other->truncate(1).error(), "read-only"));
  CHECK(log.begin() == 0);
}

TEST_CASE("sqlite log: a closed log can be read, a missing one is not created") {
  const TemporaryDirectory directory;
  LogOptions options = options_for(directory.file("log.db"));
  options.read_only = true;
  CHECK(contains(opening_error(options), "log.db"));
  CHECK(!std::filesystem::exists(directory.file("log.db")));
  options.read_only = false;
  CHECK(LogUser(open(options)).append(1, "h", "v").outcome == Outcome::kCommitted);
  options.read_only = true;
  LogUser log(open(options));
  CHECK(read_all(log).at(0).value == "v");
}

TEST_CASE("sqlite log: a file that is something else is refused, and left alone") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("other");
  SUBCASE("text") { std::ofstream(path) << std::string(5000, 'x'); }
  SUBCASE("another database") {
    auto other = sqlite::Connection::open(path, sqlite::Connection::Mode::kReadWrite, std::chrono::seconds(1));
    REQUIRE(other->execute("CREATE TABLE entries(a)").ok());
  }
  SUBCASE("a later format") {
    LogUser(open(options_for(path)));
    auto other = sqlite::Connection::open(path, sqlite::Connection::Mode::kReadWrite, std::chrono::seconds(1));
    REQUIRE(other->execute("PRAGMA user_version = 77").ok());
  }
  std::ifstream before_file(path);
  const std::string before((std::istreambuf_iterator<char>(before_file)), {});
  LogOptions options = options_for(path);
  CHECK(contains(opening_error(options), path));
  options.read_only = true;
  CHECK(contains(opening_error(options), path));
  std::ifstream after_file(path);
  CHECK((before == std::string((std::istreambuf_iterator<char>(after_file)), {})));
}

TEST_CASE("sqlite log: every commit is synced before it is told") {
  const TemporaryDirectory directory;
  LogUser log(open(options_for(directory.file("log.db"))));
  for (uint64_t token = 0; token < 20; ++token) {
    const int before = wal_syncs.done;
    REQUIRE(log.append(token, "h", "v").outcome == Outcome::kCommitted);
    CHECK(wal_syncs.done > before);
  }
}

TEST_CASE("sqlite log: entries that wait are committed together") {
  const TemporaryDirectory directory;
  LogUser log(open(options_for(directory.file("log.db"))));
  const int before = wal_syncs.done;
  for (uint64_t token = 0; token < 20'000; ++token) log->append(token, "h", "v");
  log.deliveries(20'000);
  CHECK(wal_syncs.done - before < 2'000);
}

TEST_CASE("sqlite log: when syncing fails the outcome is unknown, and behind it nothing is written until abandon()") {
  const TemporaryDirectory directory;
  const LogOptions options = options_for(directory.file("log.db"));
  {
    LogUser log(open(options));
    REQUIRE(log.append(0, "h", "v").outcome == Outcome::kCommitted);
    wal_syncs.fail = true;
    const Delivery failed = log.append(1, "h", "unknown");
    wal_syncs.fail = false;
    CHECK(failed.outcome == Outcome::kUnknown);
    CHECK(failed.reason != "");
    CHECK(log.append(2, "h", "v").outcome == Outcome::kNotWritten);
    // A reader does not see what may be gone after a crash.
    CHECK(log.end() == 1);
    check_whole(read_all(log), 1);
    log->abandon();
    const Delivery again = log.append(3, "h", "v");
    CHECK(again.outcome == Outcome::kCommitted);
    CHECK(again.position == log.end() - 1);
  }
  LogUser log(open(options));
  check_whole(read_all(log), 2);
}

TEST_CASE("sqlite log: the limit of the file's size is kept like a full disk, and truncating makes room") {
  const TemporaryDirectory directory;
  LogOptions options = options_for(directory.file("log.db"));
  options.sqlite.max_file_bytes = 1 << 20;
  LogUser log(open(options));
  size_t count = 0;
  const Delivery failed = append_until_failure(log, &count);
  CHECK(failed.outcome == Outcome::kNotWritten);
  CHECK(contains(failed.reason, "full"));
  CHECK(count > 50);
  CHECK(std::filesystem::file_size(directory.file("log.db")) <= 1 << 20);
  // Also what would fit fails, until the log is told to go on.
  CHECK(log.append(1, "h", "small").outcome == Outcome::kNotWritten);
  CHECK(log.end() == static_cast<Position>(count));
  check_whole(read_all(log), count);
  log->abandon();
  CHECK(append_until_failure(log, &count).outcome == Outcome::kNotWritten);
  REQUIRE(log->truncate(static_cast<Position>(count) - 1).ok());
  log->abandon();
  // The room is made behind truncate(), bit by bit.
  Delivery again;
  const auto until = std::chrono::steady_clock::now() + kPatience;
  do {
    log->abandon();
    again = log.append(2, "h", std::string(200'000, 'v'));
  } while (again.outcome != Outcome::kCommitted && std::chrono::steady_clock::now() < until);
  CHECK(again.outcome == Outcome::kCommitted);
  CHECK(again.position == static_cast<Position>(count));
}

TEST_CASE("sqlite log: on a full disk nothing is written and nothing is lost, and with room again it goes on") {
  on_small_disk("size=2m", [](const TemporaryDirectory& directory) {
    const std::string ballast = directory.file("ballast");
    std::ofstream(ballast) << std::string(500'000, 'x');
    size_t count = 0;
    {
      LogUser log(open(options_for(directory.file("log.db"))));
      const Delivery failed = append_until_failure(log, &count);
      CHECK(failed.outcome == Outcome::kNotWritten);
      CHECK_MESSAGE(contains(failed.reason, "full"), failed.reason);
      CHECK(count > 20);
      CHECK(log.append(1, "h", "v").outcome == Outcome::kNotWritten);
      log->abandon();
      CHECK(append_until_failure(log, &count).outcome == Outcome::kNotWritten);
      check_whole(read_all(log), count);
      std::filesystem::remove(ballast);
      log->abandon();
      const Delivery again = log.append(2, "h", "with room again");
      CHECK_MESSAGE(again.outcome == Outcome::kCommitted, again.reason);
      CHECK(again.position == static_cast<Position>(count++));
      check_whole(read_all(log), count);
    }
    LogUser log(open(options_for(directory.file("log.db"))));
    check_whole(read_all(log), count);
  });
}

TEST_CASE("sqlite log: room that is too small for a checkpoint is left to the commits") {
  on_small_disk("size=20m", [](const TemporaryDirectory& directory) {
    const std::string path = directory.file("log.db");
    std::ofstream(directory.file("small")) << std::string(1'000'000, 'x');
    std::ofstream(directory.file("large")) << std::string(6'000'000, 'x');
    size_t count = 0;
    {
      LogUser log(open(options_for(path)));
      CHECK(append_until_failure(log, &count).outcome == Outcome::kNotWritten);
      REQUIRE(std::filesystem::file_size(path + "-wal") > 2'000'000);
      // It is looked at again and again whether there is room.
      std::filesystem::remove(directory.file("small"));
      const int looks = looks_at_room;
      REQUIRE(eventually([&] { return looks_at_room >= looks + 2; }));
      log->abandon();
      for (int i = 0; i < 20; ++i) {
        const Delivery again = log.append(1, "h", std::string(10'000, 'v'));
        REQUIRE_MESSAGE(again.outcome == Outcome::kCommitted, again.reason);
        REQUIRE(again.position == static_cast<Position>(count++));
      }
      std::filesystem::remove(directory.file("large"));
      CHECK(eventually([&] { return std::filesystem::file_size(path + "-wal") == 0; }));
      CHECK(log.append(2, "h", "v").position == static_cast<Position>(count++));
      check_whole(read_all(log), count);
    }
    LogUser log(open(options_for(path)));
    check_whole(read_all(log), count);
  });
}

TEST_CASE("sqlite log: a disk that turns out to be full during a checkpoint costs nothing but its room") {
  on_small_disk("size=20m", [](const TemporaryDirectory& directory) {
    const std::string path = directory.file("log.db");
    std::ofstream(directory.file("ballast")) << std::string(8'000'000, 'x');
    size_t count = 0;
    {
      LogUser log(open(options_for(path)));
      lie_about_room = true;  // as quotas do
      CHECK(append_until_failure(log, &count).outcome == Outcome::kNotWritten);
      const int looks = looks_at_room;
      REQUIRE(eventually([&] { return looks_at_room >= looks + 2; }));
      check_whole(read_all(log), count);
      std::filesystem::remove(directory.file("ballast"));
      Delivery again;
      CHECK(eventually([&] {
        log->abandon();
        again = log.append(1, "h", std::string(500'000, 'v'));
        return again.outcome == Outcome::kCommitted;
      }));
      lie_about_room = false;
      CHECK(again.position == static_cast<Position>(count++));
    }
    check_whole(read_without_wal(directory, path), count);
  });
}

TEST_CASE("sqlite log: when it is closed all is in the file") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("log.db");
  size_t count = 0;
  {
    LogUser log(open(options_for(path)));
    append_large(log, 3, &count);
    CHECK(std::filesystem::file_size(path + "-wal") > 0);
  }
  CHECK(std::filesystem::file_size(path + "-wal") == 0);
  check_whole(read_without_wal(directory, path), count);
}

TEST_CASE("sqlite log: what was committed is moved into the file behind the commits") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("log.db");
  LogUser log(open(options_for(path)));
  size_t count = 0;
  append_large(log, 5, &count);
  const int before = file_syncs.done;
  append_large(log, 1, &count);
  CHECK(eventually([&] { return file_syncs.done > before; }));
  check_whole(read_without_wal(directory, path), count);
}

TEST_CASE("sqlite log: the write-ahead log stays small while the writer is never idle") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("log.db");
  constexpr uint64_t kEntries = 300;  // 240 MB
  constexpr uint64_t kInFlight = 8;
  uintmax_t largest = 0;
  {
    LogUser log(open(options_for(path)));
    uint64_t appended = 0;
    uint64_t told = 0;
    while (told < kEntries) {
      for (; appended < kEntries && appended - told < kInFlight; ++appended) {
        log->append(appended, "h", std::string(800'000, 'v'));
      }
      const uint64_t before = told;
      REQUIRE(eventually([&] {
        log->poll([&](const Delivery& delivery) {
          REQUIRE_MESSAGE(delivery.outcome == Outcome::kCommitted, delivery.reason);
          ++told;
        });
        return told > before;
      }));
      largest = std::max(largest, std::filesystem::file_size(path + "-wal"));
    }
    CHECK(log.end() == kEntries);
  }
  CHECK(largest < 160'000'000);
  LogUser log(open(options_for(path)));
  check_whole(read_all(log), kEntries);
}

TEST_CASE("sqlite log: a checkpoint that fails is tried again, and commits do not notice") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("log.db");
  LogUser log(open(options_for(path)));
  size_t count = 0;
  file_syncs.fail = true;
  const int failed = file_syncs.failed;
  append_large(log, 6, &count);
  CHECK(eventually([&] { return file_syncs.failed > failed; }));
  append_large(log, 1, &count);
  const int before = file_syncs.done;
  file_syncs.fail = false;
  CHECK(eventually([&] { return file_syncs.done > before; }));
  check_whole(read_without_wal(directory, path), count);
  append_large(log, 1, &count);
  check_whole(read_all(log), count);
}

TEST_CASE("sqlite log: while it is unknown whether moved pages are on disk, the write-ahead log is kept") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("log.db");
  size_t count = 0;
  {
    LogUser log(open(options_for(path)));
    append_large(log, 3, &count);
    {
      // A state of the log that is held makes the checkpoint end there: SQLite does not sync the file then.
      auto holder = sqlite::Connection::open(path, sqlite::Connection::Mode::kReadOnly, std::chrono::seconds(1));
      REQUIRE(holder->execute("BEGIN; SELECT count(*) FROM entries").ok());
      file_syncs.fail = true;
      const int failed = file_syncs.failed;
      append_large(log, 3, &count);
      CHECK(eventually([&] { return file_syncs.failed > failed; }));
      file_syncs.fail = false;
    }
    append_large(log, 12, &count);
    check_whole(read_all(log), count);
  }
  // All of it is there still.
  CHECK(std::filesystem::file_size(path + "-wal") > 700'000 * count);
  LogUser(open(options_for(path)));
  CHECK(std::filesystem::file_size(path + "-wal") == 0);
  check_whole(read_without_wal(directory, path), count);
}

TEST_CASE("sqlite log: when a commit fails for another reason the outcome is unknown, and the file stays whole") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("log.db");
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto old_handler = signal(SIGXFSZ, SIG_IGN);
  size_t count = 0;
  {
    LogUser log(open(options_for(path)));
    rlimit limit = before;
    limit.rlim_cur = 300'000;  // writing beyond it fails with EFBIG
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    const Delivery failed = append_until_failure(log, &count);
    const Delivery behind = log.append(1, "h", "v");
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK(failed.outcome == Outcome::kUnknown);
    CHECK_MESSAGE(contains(failed.reason, "I/O error"), failed.reason);
    CHECK(behind.outcome == Outcome::kNotWritten);
    CHECK(count > 5);
    log->abandon();
    const Delivery again = log.append(2, "h", "v");
    CHECK(again.outcome == Outcome::kCommitted);
    CHECK(again.position == static_cast<Position>(count++));
    check_whole(read_all(log), count);
  }
  signal(SIGXFSZ, old_handler);
  LogUser log(open(options_for(path)));
  check_whole(read_all(log), count);
}

TEST_CASE("sqlite log: what was told as committed is there after the process was killed") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("log.db");
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    Result<std::unique_ptr<Log>> log = open_log(options_for(path));
    Alarm alarm;
    (*log)->set_ready_callback([&] { alarm.ring(); });
    for (uint64_t token = 0;; ++token) {
      (*log)->append(token, "h", std::to_string(token));
      if (token % 8 != 7) continue;
      alarm.wait();
      (*log)->poll([&](const Delivery& delivery) {
        if (delivery.outcome != Outcome::kCommitted) _exit(1);
        if (write(ends[1], &delivery.position, sizeof(Position)) != sizeof(Position)) _exit(1);
      });
    }
  }
  close(ends[1]);
  Position told = kNoPosition;
  while (told < 5000 && ::read(ends[0], &told, sizeof(told)) == sizeof(told)) continue;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  for (Position last = 0; ::read(ends[0], &last, sizeof(last)) == sizeof(last);) told = last;
  close(ends[0]);
  REQUIRE(told >= 5000);
  LogUser log(open(options_for(path)));
  CHECK(log.end() > told);
  const std::vector<LogEntry> entries = read_all(log);
  check_whole(entries, static_cast<size_t>(log.end()));
  for (size_t i = 0; i < entries.size(); ++i) REQUIRE(entries[i].value == std::to_string(i));
}
