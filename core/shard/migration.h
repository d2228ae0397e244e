// One MIGRATE: keys that go to another server and, but for COPY, away from here. Redis transfers them, always as copies
// and one by one, so that it is known of each what became of it. Their removal is a write like any other, which stands
// in the log; it is made only of keys that are here as they went there. A key that has changed since is transferred
// again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/command/touched.h"

namespace holdfast {

class Migration {
 public:
  // So often a key is transferred that changes all the time.
  static constexpr int kMostTransfers = 5;

  // Of a request in database `db`. None: it is not well formed or names no key, so it does nothing, and Redis has the
  // words for that.
  static std::optional<Migration> parse(int db, const std::vector<std::string_view>& argv);

  int db() const { return db_; }
  bool copies() const { return copies_; }
  // For so long Redis waits for one transfer: for the connection, AUTH, SELECT and RESTORE as long as the request says.
  int64_t patience_ms() const { return 4 * timeout_ms_; }
  bool begun() const { return begun_; }
  const std::vector<uint64_t>& hashes() const { return hashes_; }

  // What Redis is to be asked next, a whole request; empty: nothing.
  std::string transfer();
  void on_reply(std::string_view reply);
  // From a transfer on changes of its key count.
  void on_touched(const Touched& touched);
  // When all transfers are done: whether some must be done again.
  bool again();

  // DEL of the keys that are to go; empty: none is.
  std::string removal() const;
  // What the client is told.
  std::string reply() const;

 private:
  struct Key {
    enum class State : uint8_t {
      kWaiting,      // to be transferred
      kTransferred,  // the target has it
      kGone,         // it is not here, or not any more
      kStays,        // the target did not take it
    };
    std::string name;
    State state = State::kWaiting;
    bool changed = false;
    int transfers = 0;  // that the target took
  };

  int db_ = 0;
  bool copies_ = false, begun_ = false;
  int64_t timeout_ms_ = 0;
  std::vector<std::string> target_;   // host and port
  std::vector<std::string> options_;  // as they came, but for KEYS
  std::string target_db_, timeout_text_;
  std::vector<Key> keys_;
  std::vector<uint64_t> hashes_;
  size_t at_ = 0;      // the key that is being transferred
  std::string error_;  // the first
};

}  // namespace holdfast
