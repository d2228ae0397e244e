#include "log/sqlite/sqlite_reader.h"

#include <chrono>

#include "log/sqlite/sqlite_file.h"

namespace holdfast::sqlite {

namespace {

using Clock = std::chrono::steady_clock;

// A poll stops after this time, which it looks at after so many entries.
constexpr std::chrono::milliseconds kPollTime{5};
constexpr size_t kEntriesPerLook = 128;
// Readers meet a lock only while the file is opened or closed by others.
constexpr std::chrono::milliseconds kBusy{5};

}  // namespace

Result<std::unique_ptr<LogReader>> SqliteReader::open(const std::string& path, Position from) {
  Result<Connection> connection = Connection::open(path, Connection::Mode::kReadOnly, std::chrono::seconds(1));
  if (!connection) return Error{connection.error()};
  std::unique_ptr<SqliteReader> reader(new SqliteReader(path, std::move(*connection), from));
  Result<Statement> select =
      reader->connection_.prepare("SELECT position, header, value FROM entries WHERE position >= ? ORDER BY position");
  if (!select) return Error{"cannot read " + path + ": " + select.error()};
  reader->select_ = std::move(*select);
  Result<Statement> find_beginning = reader->connection_.prepare(kFindBeginning);
  if (!find_beginning) return Error{"cannot read " + path + ": " + find_beginning.error()};
  reader->find_beginning_ = std::move(*find_beginning);
  reader->connection_.set_busy_timeout(kBusy);
  return std::unique_ptr<LogReader>(std::move(reader));
}

Result<size_t> SqliteReader::poll(std::vector<LogEntry>* out, size_t max_bytes) {
  const Clock::time_point until = Clock::now() + kPollTime;
  size_t count = 0;
  size_t bytes = 0;
  Result<Done> state = Done{};
  select_.bind(1, next_);
  int code = SQLITE_ROW;
  while ((code = select_.step()) == SQLITE_ROW) {
    const Position position = select_.integer(0);
    if (position != next_ && !(state = check_hole(position))) break;
    out->push_back({position, std::string(select_.blob(1)), std::string(select_.blob(2))});
    bytes += out->back().header.size() + out->back().value.size();
    ++next_;
    ++count;
    if (bytes >= max_bytes || (count % kEntriesPerLook == 0 && Clock::now() >= until)) break;
  }
  if (code != SQLITE_ROW && code != SQLITE_DONE && (code & 0xff) != SQLITE_BUSY) {
    state = Error{"cannot read " + path_ + ": " + connection_.problem()};
  }
  select_.reset();
  if (state.ok() && count == 0 && code == SQLITE_DONE) state = check_hole(kNoPosition);
  if (!state) return Error{state.error()};
  return count;
}

// Called when the next entry is not there: `found` is the one after it, or kNoPosition.
Result<Done> SqliteReader::check_hole(Position found) {
  const int code = find_beginning_.step();
  const Position beginning = code == SQLITE_ROW ? find_beginning_.integer(0) : kNoPosition;
  find_beginning_.reset();
  if (beginning > next_) {
    return Error{path_ + ": position " + std::to_string(next_) + " was truncated, the log begins at " +
                 std::to_string(beginning)};
  }
  if (found == kNoPosition) return Done{};
  return Error{path_ + " is damaged: position " + std::to_string(next_) + " is missing before " +
               std::to_string(found)};
}

}  // namespace holdfast::sqlite
