#include "log/sqlite/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace holdfast::sqlite {

Result<FileLock> FileLock::take(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return Error{"cannot open " + path + ": " + std::strerror(errno)};
  FileLock lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Error{"cannot lock " + path + ": " + std::strerror(errno)};
    char holder[32] = {};
    const ssize_t length = ::pread(descriptor, holder, sizeof(holder) - 1, 0);
    return Error{path + " is locked by another writer" +
                 (length > 0 ? " (process " + std::string(holder) + ")" : std::string()) +
                 ": stop it first, or open the log read-only"};
  }
  // Only for the message above: failing to write it (full disk) changes nothing.
  const std::string self = std::to_string(::getpid());
  if (::ftruncate(descriptor, 0) == 0) (void)!::pwrite(descriptor, self.data(), self.size(), 0);
  return lock;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace holdfast::sqlite
