// Keeps a second writer away, also one in this process. Held as long as the object lives; the system gives it back
// when the process dies.
#pragma once

#include <string>
#include <utility>

#include "core/result.h"

namespace holdfast::sqlite {

class FileLock {
 public:
  // Takes the lock on `path` (created if need be) or says who holds it.
  static Result<FileLock> take(const std::string& path);

  FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace holdfast::sqlite
