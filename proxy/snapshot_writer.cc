#include "proxy/snapshot_writer.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "proxy/private_redis.h"

namespace holdfast {
namespace {

constexpr char kTemporaryPrefix[] = ".base-";
constexpr char kTemporarySuffix[] = ".tmp";

// For loading: so much at least, and more for what is large.
constexpr std::chrono::milliseconds kLoadTime{60'000};
constexpr int64_t kSlowestBytesPerMs = 5'000;

std::string reason() { return std::strerror(errno); }

// What a killed process left behind. One that is being written is locked.
void remove_leftovers(const std::string& directory) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failed)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kTemporaryPrefix) || !name.ends_with(kTemporarySuffix)) continue;
    const int fd = open(entry.path().c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) continue;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) unlink(entry.path().c_str());
    close(fd);
  }
}

std::string file_name(uint64_t check) {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char time[32], name[80];
  std::strftime(time, sizeof time, "%Y%m%dT%H%M%SZ", &utc);
  std::snprintf(name, sizeof name, "base-%s-%016llx.rdb", time, static_cast<unsigned long long>(check));
  return name;
}

bool sync_directory(const std::string& directory) {
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool synced = fsync(fd) == 0;
  close(fd);
  return synced;
}

}  // namespace

// The temporary file; gone at the end unless it was kept.
struct SnapshotWriter::File {
  ~File() {
    if (fd >= 0 && !kept) unlink(path().c_str());
    if (fd >= 0) close(fd);
    XXH3_freeState(hash);
  }
  std::string path() const { return directory + '/' + name; }
  Error cannot(const char* what) const { return {std::string("cannot ") + what + ' ' + path() + ": " + reason()}; }
  uint64_t check() const { return XXH3_64bits_digest(hash); }

  std::string directory;
  std::string name;
  int fd = -1;
  bool kept = false;
  int64_t bytes = 0;
  XXH3_state_t* hash = XXH3_createState();
};

SnapshotWriter::SnapshotWriter(std::string directory, std::string server_program, std::function<void()> wake)
    : directory_(std::move(directory)), server_program_(std::move(server_program)), wake_(std::move(wake)) {
  thread_ = std::thread([this] { run(); });
}

SnapshotWriter::~SnapshotWriter() {
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void SnapshotWriter::data(std::string_view piece) {
  {
    const std::lock_guard lock(mutex_);
    if (failed_) return;
    pending_.append(piece);
  }
  changed_.notify_all();
}

void SnapshotWriter::end() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
}

size_t SnapshotWriter::backlog() const {
  const std::lock_guard lock(mutex_);
  return pending_.size() + writing_;
}

std::optional<Result<SnapshotRef>> SnapshotWriter::take_result() {
  const std::lock_guard lock(mutex_);
  if (!ended_) return std::nullopt;
  return std::exchange(result_, std::nullopt);
}

void SnapshotWriter::run() {
  Result<SnapshotRef> stored = store();
  {
    std::unique_lock lock(mutex_);
    failed_ = !stored;
    pending_ = std::string();
    writing_ = 0;
  }
  wake_();  // someone may wait for the backlog
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ended_ || cancelled_; });
    if (cancelled_) return;
    result_ = std::move(stored);
  }
  wake_();
}

Result<SnapshotRef> SnapshotWriter::store() {
  File file;
  file.directory = directory_;
  std::error_code failed;
  std::filesystem::create_directories(directory_, failed);
  if (failed) {
    return Error{"cannot create the directory " + directory_ + ": " + failed.message() +
                 "; set snapshots.directory to one that can be written to"};
  }
  remove_leftovers(directory_);
  file.name = kTemporaryPrefix + std::string("XXXXXX") + kTemporarySuffix;
  std::string path = file.path();
  file.fd = mkostemps(path.data(), sizeof kTemporarySuffix - 1, O_CLOEXEC);
  if (file.fd < 0) {
    return Error{"cannot create a file in " + directory_ + ": " + reason() +
                 "; set snapshots.directory to one that can be written to"};
  }
  file.name = path.substr(directory_.size() + 1);
  flock(file.fd, LOCK_EX | LOCK_NB);
  if (auto done = write_all(&file); !done) return Error{done.error()};
  if (auto done = verify(file); !done) return Error{done.error()};

  SnapshotRef ref{file_name(file.check()), file.bytes, file.check()};
  if (rename(file.path().c_str(), (directory_ + '/' + ref.file).c_str()) != 0) return file.cannot("rename");
  file.kept = true;
  if (!sync_directory(directory_)) {
    return Error{"cannot write the directory " + directory_ + " to the disk: " + reason()};
  }
  return ref;
}

// The next piece; empty: that was all.
Result<Done> SnapshotWriter::take_piece(std::string* piece) {
  std::unique_lock lock(mutex_);
  const bool was_large = writing_ > 0 && pending_.size() + writing_ > kSmallBacklog;
  writing_ = 0;
  if (was_large && pending_.size() <= kSmallBacklog) {
    lock.unlock();
    wake_();
    lock.lock();
  }
  changed_.wait(lock, [this] { return ended_ || cancelled_ || !pending_.empty(); });
  if (cancelled_) return Error{"cancelled"};
  piece->clear();
  piece->swap(pending_);
  writing_ = piece->size();
  return Done{};
}

Result<Done> SnapshotWriter::write_all(File* file) {
  XXH3_64bits_reset(file->hash);
  std::string piece;
  for (;;) {
    if (auto taken = take_piece(&piece); !taken) return taken;
    if (piece.empty()) break;
    XXH3_64bits_update(file->hash, piece.data(), piece.size());
    std::string_view rest = piece;
    while (!rest.empty()) {
      const ssize_t written = write(file->fd, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return file->cannot("write to");
      rest.remove_prefix(static_cast<size_t>(written));
    }
    file->bytes += static_cast<int64_t>(piece.size());
  }
  if (fsync(file->fd) != 0) return file->cannot("write to the disk:");
  return Done{};
}

Result<Done> SnapshotWriter::verify(const File& file) {
  PrivateRedis redis;
  redis.program = server_program_;
  redis.directory = file.directory;
  redis.file = file.name;
  redis.limit = kLoadTime + std::chrono::milliseconds(file.bytes / kSlowestBytesPerMs);
  redis.wait_or_cancelled = [this](std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [this] { return cancelled_; });
  };
  const Result<int64_t> keys = redis.load();
  if (!keys) return Error{"the base snapshot cannot be verified: " + keys.error()};
  if (*keys == 0) return Error{"the base snapshot cannot be verified: no key is in it; is Redis really not empty?"};
  return Done{};
}

}  // namespace holdfast
