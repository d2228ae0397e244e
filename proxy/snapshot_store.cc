#include "proxy/snapshot_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cstring>

namespace holdfast {
namespace {

// Reads at most `bytes`, less only at the end of the file.
Result<size_t> read_at(int fd, int64_t offset, char* out, size_t bytes) {
  size_t got = 0;
  while (got < bytes) {
    const ssize_t one = pread(fd, out + got, bytes - got, offset + static_cast<int64_t>(got));
    if (one < 0 && errno == EINTR) continue;
    if (one < 0) return Error{std::strerror(errno)};
    if (one == 0) break;
    got += static_cast<size_t>(one);
  }
  return got;
}

Result<uint64_t> hash_of(int fd) {
  constexpr size_t kPiece = 1 << 20;
  const std::unique_ptr<char[]> piece(new char[kPiece]);
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> hash(XXH3_createState(), XXH3_freeState);
  XXH3_64bits_reset(hash.get());
  for (int64_t offset = 0;;) {
    const Result<size_t> got = read_at(fd, offset, piece.get(), kPiece);
    if (!got) return Error{got.error()};
    if (*got == 0) return XXH3_64bits_digest(hash.get());
    XXH3_64bits_update(hash.get(), piece.get(), *got);
    offset += static_cast<int64_t>(*got);
  }
}

}  // namespace

SnapshotStore::SnapshotStore(std::string directory, std::string server_program, std::function<void()> wake)
    : directory_(std::move(directory)), server_program_(std::move(server_program)), wake_(std::move(wake)) {}

SnapshotStore::~SnapshotStore() { close(); }

void SnapshotStore::begin() {
  writer_.reset();
  writer_ = std::make_unique<SnapshotWriter>(directory_, server_program_, wake_);
}

void SnapshotStore::data(std::string_view piece) {
  if (writer_ != nullptr) writer_->data(piece);
}

void SnapshotStore::end() {
  if (writer_ != nullptr) writer_->end();
}

bool SnapshotStore::crowded() const { return writer_ != nullptr && writer_->backlog() > SnapshotWriter::kSmallBacklog; }

std::optional<Result<SnapshotRef>> SnapshotStore::take_result() {
  if (writer_ == nullptr) return std::nullopt;
  std::optional<Result<SnapshotRef>> result = writer_->take_result();
  if (result) writer_.reset();
  return result;
}

void SnapshotStore::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<Done> SnapshotStore::open(const SnapshotRef& ref) {
  if (fd_ >= 0 && open_.file == ref.file && open_.bytes == ref.bytes && open_.check == ref.check) return Done{};
  close();
  const std::string path = directory_ + '/' + ref.file;
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) {
    return Error{"the log begins with the snapshot " + path + ", which cannot be opened: " + std::strerror(errno) +
                 "; set snapshots.directory to where it is, or put the file there"};
  }
  struct stat about {};
  const Result<uint64_t> check = hash_of(fd_);
  const bool right = check.ok() && fstat(fd_, &about) == 0 && about.st_size == ref.bytes && *check == ref.check;
  if (!right) {
    close();
    const std::string why = check.ok() ? "is not what the log says about it" : "cannot be read: " + check.error();
    return Error{"the snapshot " + path + ' ' + why + " (" + encode_snapshot_ref(ref) +
                 "); put the right file there, from a backup or from another node"};
  }
  open_ = ref;
  return Done{};
}

Result<int64_t> SnapshotStore::size(const SnapshotRef& ref) {
  if (auto done = open(ref); !done) return Error{done.error()};
  return ref.bytes;
}

Result<std::string> SnapshotStore::read(const SnapshotRef& ref, int64_t offset, size_t bytes) {
  if (auto done = open(ref); !done) return Error{done.error()};
  std::string out(bytes, '\0');
  const Result<size_t> got = read_at(fd_, offset, out.data(), bytes);
  if (!got) return Error{"the snapshot " + ref.file + " cannot be read: " + got.error()};
  out.resize(*got);
  return out;
}

}  // namespace holdfast
