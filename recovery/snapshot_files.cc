#include "recovery/snapshot_files.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace holdfast {
namespace {

constexpr size_t kPiece = 1 << 20;

// Fewer bytes only at the end of the file.
Result<size_t> read_at(const Descriptor& file, int64_t offset, char* out, size_t bytes) {
  size_t got = 0;
  while (got < bytes) {
    const ssize_t one = pread(file.get(), out + got, bytes - got, offset + static_cast<int64_t>(got));
    if (one < 0 && errno == EINTR) continue;
    if (one < 0) return Error{std::strerror(errno)};
    if (one == 0) break;
    got += static_cast<size_t>(one);
  }
  return got;
}

}  // namespace

Result<Done> SnapshotFiles::open(const SnapshotRef& ref) {
  if (file_ && open_ == ref.file) return Done{};
  const std::string path = directory_ + '/' + ref.file;
  file_.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  open_.clear();
  if (!file_) {
    return Error{"the log begins with the snapshot " + path + ", which cannot be opened: " + std::strerror(errno) +
                 "; say with --snapshots where it is"};
  }
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> hash(XXH3_createState(), XXH3_freeState);
  XXH3_64bits_reset(hash.get());
  std::string piece(kPiece, '\0');
  int64_t bytes = 0;
  for (;;) {
    const Result<size_t> got = read_at(file_, bytes, piece.data(), piece.size());
    if (!got) return Error{"the snapshot " + path + " cannot be read: " + got.error()};
    if (*got == 0) break;
    XXH3_64bits_update(hash.get(), piece.data(), *got);
    bytes += static_cast<int64_t>(*got);
  }
  if (bytes != ref.bytes || XXH3_64bits_digest(hash.get()) != ref.check) {
    return Error{"the snapshot " + path + " is not what the log says about it (" + encode_snapshot_ref(ref) +
                 "): get the right file, from a backup or from another node"};
  }
  open_ = ref.file;
  return Done{};
}

Result<int64_t> SnapshotFiles::size(const SnapshotRef& ref) {
  if (auto done = open(ref); !done) return Error{done.error()};
  return ref.bytes;
}

Result<std::string> SnapshotFiles::read(const SnapshotRef& ref, int64_t offset, size_t bytes) {
  if (auto done = open(ref); !done) return Error{done.error()};
  std::string out(bytes, '\0');
  const Result<size_t> got = read_at(file_, offset, out.data(), bytes);
  if (!got) return Error{"the snapshot " + ref.file + " cannot be read: " + got.error()};
  out.resize(*got);
  return out;
}

}  // namespace holdfast
