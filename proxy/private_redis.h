// A redis-server of our own for a short while, that nobody else can reach: loads one RDB file and tells whether it
// could.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "core/result.h"

namespace holdfast {

struct PrivateRedis {
  std::string program;    // a path, or a name that is looked for in PATH
  std::string directory;  // of the file
  std::string file;
  std::chrono::milliseconds limit{};  // for all of it
  // Waits for so long; true: the caller has lost interest.
  std::function<bool(std::chrono::milliseconds)> wait_or_cancelled;

  // Returns the number of keys in the file. Blocks.
  Result<int64_t> load() const;
};

}  // namespace holdfast
