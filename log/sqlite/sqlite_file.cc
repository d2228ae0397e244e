#include "log/sqlite/sqlite_file.h"

#include <algorithm>
#include <string>

namespace holdfast::sqlite {

namespace {

constexpr int64_t kApplicationId = 0x484F4C44;  // "HOLD"
constexpr int64_t kFormat = 1;

constexpr const char* kCreate =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE entries(position INTEGER PRIMARY KEY, header BLOB NOT NULL, value BLOB NOT NULL);"
    "CREATE TABLE beginning(position INTEGER NOT NULL);"
    "INSERT INTO beginning VALUES (0);"
    "PRAGMA application_id = 1213156420;"
    "PRAGMA user_version = 1;"
    "COMMIT;";

// The write-ahead log is moved into the file by the Checkpointer, which starts it afresh when it has 64 MB. What a
// burst has made of it beyond some more than that is given back.
constexpr const char* kSettings =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA wal_autocheckpoint = 0;"
    "PRAGMA journal_size_limit = 83886080;";

Result<Done> limit_size(Connection* connection, int64_t max_file_bytes) {
  const Result<int64_t> page_size = connection->integer("PRAGMA page_size");
  if (!page_size) return Error{page_size.error()};
  const int64_t pages = std::max<int64_t>(1, max_file_bytes / *page_size);
  return connection->execute(("PRAGMA max_page_count = " + std::to_string(pages)).c_str());
}

}  // namespace

Result<Done> check_file(Connection* connection) {
  const Result<int64_t> id = connection->integer("PRAGMA application_id");
  if (!id) return Error{id.error()};
  if (*id != kApplicationId) return Error{"the file is not a log of Holdfast: name another one"};
  const Result<int64_t> format = connection->integer("PRAGMA user_version");
  if (!format) return Error{format.error()};
  if (*format != kFormat) {
    return Error{"the file has format " + std::to_string(*format) + ", this version reads " + std::to_string(kFormat)};
  }
  return Done{};
}

Result<Done> prepare_file(Connection* connection, int64_t max_file_bytes) {
  const Result<int64_t> objects = connection->integer("SELECT count(*) FROM sqlite_schema");
  if (!objects) return Error{objects.error()};
  if (*objects > 0) {
    if (Result<Done> ours = check_file(connection); !ours) return ours;
  }
  if (Result<Done> set = connection->execute(kSettings); !set) return set;
  const Result<int64_t> wal =
      connection->integer("SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'");
  if (!wal) return Error{wal.error()};
  if (*wal == 0) return Error{"the file system does not support write-ahead logging: use a local disk"};
  if (*objects == 0) {
    if (Result<Done> created = connection->execute(kCreate); !created) {
      connection->rollback();
      return created;
    }
  }
  return max_file_bytes > 0 ? limit_size(connection, max_file_bytes) : Done{};
}

}  // namespace holdfast::sqlite
