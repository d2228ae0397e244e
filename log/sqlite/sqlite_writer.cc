#include "log/sqlite/sqlite_writer.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "log/sqlite/sqlite_file.h"

namespace holdfast::sqlite {

namespace {

using Outcome = Delivery::Outcome;
using Clock = std::chrono::steady_clock;

// How long deleting what was truncated may hold up appending at a time, and how many entries it deletes before it
// looks at the clock: few, as each may be large.
constexpr std::chrono::milliseconds kPurgeTime{5};
constexpr Position kPurgeStep = 64;
// Of values, in one transaction. A write of half a gigabyte takes seconds: what becomes of it is told bit by bit.
constexpr size_t kTransactionBytes = 32 << 20;

int tell_checkpointer(void* checkpointer, sqlite3*, const char*, int wal_pages) {
  static_cast<Checkpointer*>(checkpointer)->committed(wal_pages);
  return SQLITE_OK;  // anything else would be the result of the commit, which is done
}

}  // namespace

Result<std::unique_ptr<SqliteWriter>> SqliteWriter::start(Connection connection,
                                                          std::unique_ptr<Checkpointer> checkpointer) {
  std::unique_ptr<SqliteWriter> writer(new SqliteWriter(std::move(connection), std::move(checkpointer)));
  if (Result<Done> prepared = writer->prepare_statements(); !prepared) return Error{prepared.error()};
  writer->connection_.on_commit(tell_checkpointer, writer->checkpointer_.get());
  writer->thread_ = std::thread([raw = writer.get()] { raw->run(); });
  return writer;
}

SqliteWriter::~SqliteWriter() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

Result<Done> SqliteWriter::prepare_statements() {
  const std::pair<Statement*, const char*> statements[] = {
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&insert_, "INSERT INTO entries(position, header, value) VALUES (?, ?, ?)"},
      {&find_end_, kFindEnd},
      {&set_beginning_, "UPDATE beginning SET position = ?1 WHERE position < ?1"},
      {&find_first_, "SELECT position, (SELECT position FROM beginning) FROM entries ORDER BY position LIMIT 1"},
      {&delete_before_, "DELETE FROM entries WHERE position < ?"},
  };
  for (const auto& [statement, sql] : statements) {
    Result<Statement> prepared = connection_.prepare(sql);
    if (!prepared) return Error{prepared.error()};
    *statement = std::move(*prepared);
  }
  return Done{};
}

void SqliteWriter::append(uint64_t token, std::string header, std::string value) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back({token, std::move(header), std::move(value)});
  }
  wake_.notify_one();
}

void SqliteWriter::abandon() {
  const std::lock_guard lock(mutex_);
  ++generation_;
  failed_.clear();
  queue_.clear();
  deliveries_.clear();
}

Result<Done> SqliteWriter::truncate(Position before) {
  std::unique_lock lock(mutex_);
  truncate_to_ = before;
  wake_.notify_one();
  truncated_.wait(lock, [this] { return !truncate_to_; });
  return truncate_result_;
}

void SqliteWriter::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stop_ || truncate_to_ || purging_ || !queue_.empty(); });
    if (stop_) return;
    if (!queue_.empty()) work_on_queue(&lock);
    if (truncate_to_) {
      const Position before = *truncate_to_;
      lock.unlock();
      Result<Done> result = move_beginning(before);
      lock.lock();
      purging_ = purging_ || result.ok();
      truncate_result_ = std::move(result);
      truncate_to_.reset();
      truncated_.notify_one();
    }
    if (purging_) {
      lock.unlock();
      const bool more = purge_some();
      lock.lock();
      purging_ = more;
    }
  }
}

std::vector<SqliteWriter::Append> SqliteWriter::take_from_queue() {
  size_t count = 0;
  for (size_t bytes = 0; count < queue_.size() && bytes < kTransactionBytes; ++count)
    bytes += queue_[count].value.size();
  if (count == queue_.size()) return std::exchange(queue_, {});
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<Append> taken(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  return taken;
}

void SqliteWriter::work_on_queue(std::unique_lock<std::mutex>* lock) {
  std::vector<Append> batch = take_from_queue();
  const uint64_t generation = generation_;
  std::string failed = failed_;
  lock->unlock();
  std::vector<Delivery> outcomes = write(batch, &failed);
  lock->lock();
  if (generation != generation_) return;  // abandoned in the meantime: nobody wants to know
  failed_ = std::move(failed);
  deliveries_.push(std::move(outcomes));
  lock->unlock();
  ready_.raise();
  lock->lock();
}

std::vector<Delivery> SqliteWriter::write(const std::vector<Append>& batch, std::string* failed) {
  std::vector<Delivery> outcomes;
  outcomes.reserve(batch.size());
  const auto too_large = [](const Append& entry) { return entry.header.size() + entry.value.size() > kMaxEntryBytes; };
  if (failed->empty()) {
    const auto end = std::find_if(batch.begin(), batch.end(), too_large);
    const size_t count = static_cast<size_t>(end - batch.begin());
    const std::optional<Failure> failure = count == 0 ? std::nullopt : commit(batch, count);
    for (size_t i = 0; i < count; ++i) {
      if (failure) {
        outcomes.push_back({batch[i].token, failure->outcome, kNoPosition, failure->reason});
      } else {
        const Position position = end_ - static_cast<Position>(count - i);
        outcomes.push_back({batch[i].token, Outcome::kCommitted, position, {}});
      }
    }
    if (failure) {
      *failed = failure->reason;
    } else if (end != batch.end()) {
      *failed = "an entry is larger than " + std::to_string(kMaxEntryBytes) + " bytes";
    }
  }
  for (size_t i = outcomes.size(); i < batch.size(); ++i) {
    outcomes.push_back({batch[i].token, Outcome::kNotWritten, kNoPosition, *failed});
  }
  return outcomes;
}

std::optional<SqliteWriter::Failure> SqliteWriter::commit(const std::vector<Append>& batch, size_t count) {
  const Checkpointer::Turn turn(checkpointer_.get());
  if (const int code = begin_.run(); code != SQLITE_OK) return failure(code, Outcome::kNotWritten);
  if (end_ == kNoPosition) {
    if (std::optional<Failure> unknown_end = find_end()) return unknown_end;
  }
  for (size_t i = 0; i < count; ++i) {
    insert_.bind(1, end_ + static_cast<Position>(i));
    insert_.bind(2, batch[i].header);
    insert_.bind(3, batch[i].value);
    if (const int code = insert_.run(); code != SQLITE_OK) return failure(code, Outcome::kNotWritten);
  }
  if (const int code = commit_.run(); code != SQLITE_OK) {
    // A disk that is full did not take the last page of the transaction, which is what makes it count. After any other
    // error it may be in the file and count after a crash, until the next transaction is written over it.
    return failure(code, (code & 0xff) == SQLITE_FULL ? Outcome::kNotWritten : Outcome::kUnknown);
  }
  end_ += static_cast<Position>(count);
  return std::nullopt;
}

SqliteWriter::Failure SqliteWriter::failure(int code, Outcome outcome) {
  Failure failure{outcome, connection_.problem() + " (SQLite's code " + std::to_string(code) + ")"};
  connection_.rollback();
  if ((code & 0xff) == SQLITE_FULL) checkpointer_->out_of_room();
  end_ = kNoPosition;
  return failure;
}

std::optional<SqliteWriter::Failure> SqliteWriter::find_end() {
  const int code = find_end_.step();
  const Position end = code == SQLITE_ROW ? find_end_.integer(0) : kNoPosition;
  find_end_.reset();
  if (code != SQLITE_ROW) return failure(code, Outcome::kNotWritten);
  end_ = end;
  return std::nullopt;
}

Result<Done> SqliteWriter::move_beginning(Position before) {
  const Checkpointer::Turn turn(checkpointer_.get());
  set_beginning_.bind(1, before);
  if (set_beginning_.run() != SQLITE_OK) return Error{connection_.problem()};
  return Done{};
}

// Returns whether there is more to delete. An error leaves the rest to the next truncation or the next start: what
// readers see does not depend on it.
bool SqliteWriter::purge_some() {
  const Checkpointer::Turn turn(checkpointer_.get());
  const Clock::time_point until = Clock::now() + kPurgeTime;
  if (begin_.run() != SQLITE_OK) return false;
  bool more = true;
  bool good = true;
  do {
    const int code = find_first_.step();
    const Position first = code == SQLITE_ROW ? find_first_.integer(0) : kNoPosition;
    const Position beginning = code == SQLITE_ROW ? find_first_.integer(1) : kNoPosition;
    find_first_.reset();
    more = code == SQLITE_ROW && first < beginning;
    good = code == SQLITE_ROW || code == SQLITE_DONE;
    if (more) {
      delete_before_.bind(1, std::min(beginning, first + kPurgeStep));
      good = delete_before_.run() == SQLITE_OK;
    }
  } while (good && more && Clock::now() < until);
  if (good && commit_.run() == SQLITE_OK) return more;
  connection_.rollback();
  return false;
}

}  // namespace holdfast::sqlite
