#include "proxy/users_file.h"

#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace holdfast {
namespace {

constexpr size_t kPasswordBytes = 24;

Error cannot(const std::string& what, const std::string& path) {
  return Error{"cannot " + what + " " + path + ": " + std::strerror(errno)};
}

std::string random_digits() {
  unsigned char bytes[kPasswordBytes];
  uv_random(nullptr, nullptr, bytes, sizeof bytes, 0, nullptr);
  std::string digits;
  for (const unsigned char byte : bytes) {
    digits += "0123456789abcdef"[byte >> 4];
    digits += "0123456789abcdef"[byte & 15];
  }
  return digits;
}

}  // namespace

Result<std::string> read_users_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return cannot("open", path);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return cannot("read", path);
  return text;
}

Result<Done> write_users_file(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return cannot("write", fresh);
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
  const int problem = errno;
  close(fd);
  errno = problem;
  if (!written) return cannot("write", fresh);
  if (rename(fresh.c_str(), path.c_str()) != 0) return cannot("write", path);
  return Done{};
}

Result<Done> own_password(const std::string& directory, std::string* password) {
  const std::string path = directory + "/redis-account";
  if (Result<std::string> kept = read_users_file(path); kept.ok() && kept->size() == 2 * kPasswordBytes) {
    *password = std::move(*kept);
    return Done{};
  }
  *password = random_digits();
  std::error_code problem;
  std::filesystem::create_directories(directory, problem);
  return write_users_file(path, *password);
}

}  // namespace holdfast
