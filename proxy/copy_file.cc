#include "proxy/copy_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace holdfast {
namespace {

Error cannot(const std::string& what) { return {"cannot " + what + ": " + std::strerror(errno)}; }

}  // namespace

Result<Done> CopyFile::begin() {
  end();
  std::error_code failed;
  std::filesystem::create_directories(directory_, failed);
  std::string path = directory_ + "/.copy-XXXXXX";
  fd_ = mkostemp(path.data(), O_CLOEXEC);
  if (fd_ < 0) return cannot("create a file in " + directory_);
  unlink(path.c_str());
  return Done{};
}

Result<Done> CopyFile::write(std::string_view piece) {
  while (!piece.empty()) {
    const ssize_t written = ::write(fd_, piece.data(), piece.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return cannot("write a temporary file in " + directory_);
    piece.remove_prefix(static_cast<size_t>(written));
  }
  return Done{};
}

Result<std::string> CopyFile::read(int64_t offset, size_t bytes) const {
  std::string out(bytes, '\0');
  size_t got = 0;
  while (got < bytes) {
    const ssize_t read = pread(fd_, out.data() + got, bytes - got, offset + static_cast<int64_t>(got));
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) return cannot("read a temporary file in " + directory_);
    if (read == 0) break;
    got += static_cast<size_t>(read);
  }
  out.resize(got);
  return out;
}

void CopyFile::end() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

}  // namespace holdfast
