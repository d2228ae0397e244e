// A connection to an SQLite file and its prepared statements, owned. Each connection is used by one thread at a time.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace holdfast::sqlite {

class Statement {
 public:
  Statement() = default;

  // Parameters count from 1. The blob must stay where it is until the statement is reset.
  void bind(int index, int64_t value) { sqlite3_bind_int64(handle_.get(), index, value); }
  void bind(int index, std::string_view blob) {
    sqlite3_bind_blob64(handle_.get(), index, blob.data(), blob.size(), SQLITE_STATIC);
  }

  // SQLITE_ROW, SQLITE_DONE or an extended error code.
  int step() { return sqlite3_step(handle_.get()); }
  void reset() { sqlite3_reset(handle_.get()); }

  // For statements without rows: SQLITE_OK or an extended error code.
  int run() {
    const int code = step();
    reset();
    return code == SQLITE_DONE ? SQLITE_OK : code;
  }

  // Columns of the current row count from 0.
  int64_t integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  std::string_view blob(int column) const {
    const void* data = sqlite3_column_blob(handle_.get(), column);
    return {static_cast<const char*>(data), static_cast<size_t>(sqlite3_column_bytes(handle_.get(), column))};
  }

 private:
  friend class Connection;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

// What a checkpoint met.
struct Checkpointed {
  int64_t wal_pages = -1;  // that are in the write-ahead log; -1: not known
  bool busy = false;       // it failed because of a lock that others hold
};

class Connection {
 public:
  enum class Mode { kReadOnly, kReadWrite };
  // Opening waits up to `busy` for locks that others hold. Only kReadWrite creates a missing file. Closing leaves the
  // write-ahead log as it is.
  static Result<Connection> open(const std::string& path, Mode mode, std::chrono::milliseconds busy);

  Result<Statement> prepare(const char* sql);
  Result<Done> execute(const char* sql);
  Result<int64_t> integer(const char* sql);  // the one value that the query gives

  void set_busy_timeout(std::chrono::milliseconds busy) {
    sqlite3_busy_timeout(handle_.get(), static_cast<int>(busy.count()));
  }
  // `hook` is called with `argument` and the pages that are in the write-ahead log, after each commit.
  using CommitHook = int (*)(void* argument, sqlite3*, const char* schema, int wal_pages);
  void on_commit(CommitHook hook, void* argument) { sqlite3_wal_hook(handle_.get(), hook, argument); }

  // Moves the write-ahead log into the file; `mode` is one of SQLITE_CHECKPOINT_*. Needs to have read something before.
  Result<Done> checkpoint(int mode, Checkpointed* met);
  // Returns when all that was written to the file itself is on disk.
  Result<Done> sync_file();

  // Undoes a transaction, if one is open still (some errors end it by themselves).
  void rollback();

  // What went wrong last, for people.
  std::string problem() const;

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace holdfast::sqlite
