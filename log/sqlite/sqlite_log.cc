#include "log/sqlite/sqlite_log.h"

#include <filesystem>
#include <optional>
#include <utility>

#include "core/check.h"
#include "log/sqlite/checkpointer.h"
#include "log/sqlite/connection.h"
#include "log/sqlite/file_lock.h"
#include "log/sqlite/sqlite_file.h"
#include "log/sqlite/sqlite_reader.h"
#include "log/sqlite/sqlite_writer.h"

namespace holdfast {

namespace {

using sqlite::Checkpointer;
using sqlite::Connection;
using sqlite::FileLock;
using sqlite::SqliteReader;
using sqlite::SqliteWriter;

class SqliteLog : public Log {
 public:
  // Without a lock and a writer it is read-only.
  SqliteLog(std::string path, Connection connection, std::optional<FileLock> lock, std::unique_ptr<SqliteWriter> writer)
      : path_(std::move(path)),
        lock_(std::move(lock)),
        connection_(std::move(connection)),
        writer_(std::move(writer)) {}

  void append(uint64_t token, std::string header, std::string value) override {
    HOLDFAST_CHECK(writer_ != nullptr);
    writer_->append(token, std::move(header), std::move(value));
  }
  void abandon() override {
    if (writer_) writer_->abandon();
  }
  void poll(const std::function<void(Delivery)>& deliver) override {
    if (writer_) writer_->poll(deliver);
  }
  void set_ready_callback(std::function<void()> ready) override {
    if (writer_) writer_->set_ready_callback(std::move(ready));
  }

  Result<Position> begin() override { return look_up(sqlite::kFindBeginning); }
  Result<Position> end() override { return look_up(sqlite::kFindEnd); }

  Result<std::unique_ptr<LogReader>> read_from(Position from) override;
  Result<Done> truncate(Position before) override;

  size_t max_entry_bytes() const override { return sqlite::kMaxEntryBytes; }
  std::string describe() const override { return "sqlite " + path_; }

 private:
  Result<Position> look_up(const char* sql) {
    Result<int64_t> position = connection_.integer(sql);
    if (!position) return Error{describe() + ": " + position.error()};
    return position;
  }

  std::string path_;
  std::optional<FileLock> lock_;
  Connection connection_;  // for begin() and end()
  std::unique_ptr<SqliteWriter> writer_;
};

Result<std::unique_ptr<LogReader>> SqliteLog::read_from(Position from) {
  const Result<Position> first = begin();
  if (!first) return Error{first.error()};
  const Result<Position> last = end();
  if (!last) return Error{last.error()};
  if (from < *first || from > *last) {
    return Error{describe() + ": position " + std::to_string(from) + " is out of range: the log begins at " +
                 std::to_string(*first) + " and ends at " + std::to_string(*last)};
  }
  return SqliteReader::open(path_, from);
}

Result<Done> SqliteLog::truncate(Position before) {
  if (!writer_) return Error{describe() + " is open read-only"};
  const Result<Position> last = end();
  if (!last) return Error{last.error()};
  if (before < 0 || before > *last) {
    return Error{describe() + ": cannot truncate before position " + std::to_string(before) + ": the log ends at " +
                 std::to_string(*last)};
  }
  Result<Done> truncated = writer_->truncate(before);
  if (!truncated) return Error{describe() + ": cannot truncate: " + truncated.error()};
  return Done{};
}

Error in_file(const std::string& path, const std::string& reason) { return Error{"sqlite " + path + ": " + reason}; }

}  // namespace

Result<std::unique_ptr<Log>> open_sqlite_log(const LogOptions& options) {
  if (options.sqlite.path.empty()) return Error{"no path is given for the SQLite log"};
  // The lock shall be the same by whatever link the file is reached.
  std::error_code error;
  const std::string path = std::filesystem::weakly_canonical(options.sqlite.path, error).string();
  if (error) return in_file(options.sqlite.path, error.message());

  std::optional<FileLock> lock;
  std::unique_ptr<SqliteWriter> writer;
  if (!options.read_only) {
    Result<FileLock> taken = FileLock::take(path + ".lock");
    if (!taken) return in_file(path, taken.error());
    lock.emplace(std::move(*taken));
    Result<Connection> connection = Connection::open(path, Connection::Mode::kReadWrite, options.timeout);
    if (!connection) return Error{connection.error()};
    const Result<Done> prepared = sqlite::prepare_file(&*connection, options.sqlite.max_file_bytes);
    if (!prepared) return in_file(path, prepared.error());
    Result<std::unique_ptr<Checkpointer>> checkpointer = Checkpointer::start(path);
    if (!checkpointer) return in_file(path, checkpointer.error());
    Result<std::unique_ptr<SqliteWriter>> started =
        SqliteWriter::start(std::move(*connection), std::move(*checkpointer));
    if (!started) return in_file(path, started.error());
    writer = std::move(*started);
  }
  Result<Connection> connection = Connection::open(path, Connection::Mode::kReadOnly, options.timeout);
  if (!connection) return Error{connection.error()};
  const Result<Done> checked = sqlite::check_file(&*connection);
  if (!checked) return in_file(path, checked.error());
  return std::unique_ptr<Log>(
      std::make_unique<SqliteLog>(path, std::move(*connection), std::move(lock), std::move(writer)));
}

}  // namespace holdfast
