#include "log/sqlite/connection.h"

#include <cstring>

namespace holdfast::sqlite {

Result<Connection> Connection::open(const std::string& path, Mode mode, std::chrono::milliseconds busy) {
  const int access = mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Connection connection;
  connection.handle_.reset(handle);
  if (code != SQLITE_OK) return Error{"cannot open " + path + ": " + connection.problem()};
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  connection.set_busy_timeout(busy);
  return connection;
}

Result<Statement> Connection::prepare(const char* sql) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK) return Error{problem()};
  Statement statement;
  statement.handle_.reset(handle);
  return statement;
}

Result<Done> Connection::execute(const char* sql) {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return Error{problem()};
  return Done{};
}

Result<int64_t> Connection::integer(const char* sql) {
  Result<Statement> statement = prepare(sql);
  if (!statement) return Error{statement.error()};
  if (statement->step() != SQLITE_ROW) return Error{problem()};
  return statement->integer(0);
}

Result<Done> Connection::checkpoint(int mode, Checkpointed* met) {
  int wal_pages = -1;
  const int code = sqlite3_wal_checkpoint_v2(handle_.get(), "main", mode, &wal_pages, nullptr);
  *met = {wal_pages, (code & 0xff) == SQLITE_BUSY};
  if (code != SQLITE_OK) return Error{problem()};
  return Done{};
}

Result<Done> Connection::sync_file() {
  sqlite3_file* file = nullptr;
  int code = sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code == SQLITE_OK) code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
  if (code != SQLITE_OK) return Error{"the file cannot be synced (SQLite's code " + std::to_string(code) + ")"};
  return Done{};
}

void Connection::rollback() {
  if (sqlite3_get_autocommit(handle_.get()) == 0) {
    sqlite3_exec(handle_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

std::string Connection::problem() const {
  if (!handle_) return "out of memory";
  std::string text = sqlite3_errmsg(handle_.get());
  const int system_error = sqlite3_system_errno(handle_.get());
  const int code = sqlite3_extended_errcode(handle_.get()) & 0xff;
  const bool from_system = code == SQLITE_IOERR || code == SQLITE_CANTOPEN || code == SQLITE_FULL;
  if (from_system && system_error != 0) text += std::string(" (") + std::strerror(system_error) + ")";
  return text;
}

}  // namespace holdfast::sqlite
