// A redis-server of our own that nobody else reaches (a Unix socket in a directory that only we can enter). It is a
// replica from the start, so it never removes a key by itself, and it goes with its owner.
#pragma once

#include <memory>
#include <string>

#include "core/result.h"
#include "recovery/redis_client.h"

namespace holdfast {

// A directory that only we can enter, gone at the end.
class ScratchDirectory {
 public:
  static Result<ScratchDirectory> make(const std::string& inside, const std::string& prefix);
  ScratchDirectory(ScratchDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchDirectory& operator=(ScratchDirectory&&) = delete;
  ~ScratchDirectory();

  const std::string& path() const { return path_; }

 private:
  explicit ScratchDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// TMPDIR, or /tmp.
std::string temporary_directory();

class PrivateRedisServer {
 public:
  struct Setup {
    std::string program;    // a path, or a name that is looked for in PATH
    std::string directory;  // where its files are
    std::string rdb;        // a file in there: loaded at the start, if it exists
    int databases = 17;
  };
  // Returns once it has loaded its file and answers.
  static Result<std::unique_ptr<PrivateRedisServer>> start(const Setup& setup);
  ~PrivateRedisServer();
  PrivateRedisServer(const PrivateRedisServer&) = delete;
  PrivateRedisServer& operator=(const PrivateRedisServer&) = delete;

  RedisClient& client() { return *client_; }
  // What it says about its troubles, for error messages.
  std::string last_words() const;

 private:
  explicit PrivateRedisServer(ScratchDirectory scratch) : scratch_(std::move(scratch)) {}
  Result<Done> launch(const std::string& path, const Setup& setup);
  Result<Done> wait_until_loaded(const std::string& path);
  bool ended();

  ScratchDirectory scratch_;
  int pid_ = -1;
  std::unique_ptr<RedisClient> client_;
};

}  // namespace holdfast
