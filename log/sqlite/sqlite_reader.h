// Reads an SQLite log over a connection of its own, beside the writer.
#pragma once

#include <memory>
#include <string>

#include "log/log.h"
#include "log/sqlite/connection.h"

namespace holdfast::sqlite {

class SqliteReader : public LogReader {
 public:
  static Result<std::unique_ptr<LogReader>> open(const std::string& path, Position from);

  Result<size_t> poll(std::vector<LogEntry>* out, size_t max_bytes) override;

 private:
  SqliteReader(std::string path, Connection connection, Position next)
      : path_(std::move(path)), connection_(std::move(connection)), next_(next) {}
  Result<Done> check_hole(Position found);

  std::string path_;
  Connection connection_;  // outlives the statements
  Statement select_;
  Statement find_beginning_;
  Position next_;
};

}  // namespace holdfast::sqlite
