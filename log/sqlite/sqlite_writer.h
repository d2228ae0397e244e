// The thread that writes an SQLite log. Everything that is queued when it comes round becomes one transaction (group
// commit), or several if it is very much, synced to disk before anything is told about it.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/result.h"
#include "log/delivery_queue.h"
#include "log/log.h"
#include "log/ready_signal.h"
#include "log/sqlite/checkpointer.h"
#include "log/sqlite/connection.h"

namespace holdfast::sqlite {

class SqliteWriter {
 public:
  // `connection` is to a file that prepare_file() was called for, `checkpointer` the one of that file.
  static Result<std::unique_ptr<SqliteWriter>> start(Connection connection, std::unique_ptr<Checkpointer> checkpointer);
  ~SqliteWriter();
  SqliteWriter(const SqliteWriter&) = delete;
  SqliteWriter& operator=(const SqliteWriter&) = delete;

  void append(uint64_t token, std::string header, std::string value);
  void abandon();
  void poll(const std::function<void(Delivery)>& deliver) { deliveries_.poll(deliver); }
  void set_ready_callback(std::function<void()> ready) { ready_.set(std::move(ready)); }

  // Returns when the new beginning is on disk. The entries before it are deleted behind that, bit by bit.
  Result<Done> truncate(Position before);

 private:
  struct Append {
    uint64_t token = 0;
    std::string header;
    std::string value;
  };
  struct Failure {
    Delivery::Outcome outcome = Delivery::Outcome::kUnknown;
    std::string reason;
  };

  SqliteWriter(Connection connection, std::unique_ptr<Checkpointer> checkpointer)
      : checkpointer_(std::move(checkpointer)), connection_(std::move(connection)) {}
  Result<Done> prepare_statements();

  // On the thread.
  void run();
  std::vector<Append> take_from_queue();
  void work_on_queue(std::unique_lock<std::mutex>* lock);
  std::vector<Delivery> write(const std::vector<Append>& batch, std::string* failed);
  std::optional<Failure> commit(const std::vector<Append>& batch, size_t count);
  Failure failure(int code, Delivery::Outcome outcome);
  std::optional<Failure> find_end();
  Result<Done> move_beginning(Position before);
  bool purge_some();

  std::unique_ptr<Checkpointer> checkpointer_;  // outlives the connection

  // Used by the thread alone, once it runs.
  Connection connection_;
  Statement begin_;
  Statement commit_;
  Statement insert_;
  Statement find_end_;
  Statement set_beginning_;
  Statement find_first_;
  Statement delete_before_;
  Position end_ = kNoPosition;  // kNoPosition: to be looked up

  DeliveryQueue deliveries_;
  ReadySignal ready_;

  std::mutex mutex_;  // for all below
  std::condition_variable wake_;
  std::condition_variable truncated_;
  bool stop_ = false;
  bool purging_ = true;  // entries before the beginning may be left
  std::vector<Append> queue_;
  uint64_t generation_ = 0;  // counts abandon()
  std::string failed_;       // not empty: why nothing more is written until abandon()
  std::optional<Position> truncate_to_;
  Result<Done> truncate_result_ = Done{};

  std::thread thread_;
};

}  // namespace holdfast::sqlite
