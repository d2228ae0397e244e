// The temporary file for a copy of Redis's data on its way to replicas. It has no name: it is gone with the process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace holdfast {

class CopyFile {
 public:
  explicit CopyFile(std::string directory) : directory_(std::move(directory)) {}
  ~CopyFile() { end(); }
  CopyFile(const CopyFile&) = delete;
  CopyFile& operator=(const CopyFile&) = delete;

  Result<Done> begin();
  Result<Done> write(std::string_view piece);
  Result<std::string> read(int64_t offset, size_t bytes) const;
  void end();

 private:
  const std::string directory_;
  int fd_ = -1;
};

}  // namespace holdfast
