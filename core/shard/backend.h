// The main link: one pipelined connection to Redis for the reads of all clients and for all batches. The wire gives the
// order. Knows what is owed by Redis and hands each reply to whom it belongs. Database and protocol of the link change
// where a command's client has other ones: SELECT and HELLO work inside MULTI, too.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/incoming.h"
#include "core/resp/reply.h"
#include "core/shard/batch.h"
#include "core/stats/own_calls.h"

namespace holdfast {

// Replies that wait for one offset of the replication stream to be settled.
struct ReplyGroup {
  struct Member {
    Waiter waiter;
    uint64_t touches = kTouchesAnything;
  };
  std::vector<Member> members;
};

class BackendEvents {
 public:
  virtual ~BackendEvents() = default;
  // A reply, or with `last_piece` false a part of a transaction's.
  virtual void on_reply(const Waiter& waiter, std::string_view reply, bool last_piece) = 0;
  // All replies of `group` have been told; what they say is what the effects up to `offset` made.
  virtual void on_reads_done(ReplyGroup group, int64_t offset) = 0;
  // Redis has answered all of the batch. Or it refused to execute any of it (`batch->refusal`): then nobody has been
  // told yet, and Op::reply of those that it did not queue says why.
  virtual void on_batch_replied(Batch* batch) = 0;
  virtual void on_backend_error(const std::string& reason) = 0;
};

class Backend {
 public:
  // `own_password`: of the account that Holdfast has in Redis, and of the shadows of restricted users (see users.h).
  Backend(BackendEvents* events, std::string own_password) : events_(events), own_password_(std::move(own_password)) {}
  OwnCalls& own_calls() { return own_calls_; }
  void set_reserved_db(int db) { reserved_db_ = db; }

  // Forgets all that is owed: the connection is gone, or new.
  void reset();
  // Whom Redis owes the reply to a read, also those whose reply came but not yet the offset; for a connection that
  // was lost.
  std::vector<Waiter> owed_reads() const;
  // Whom it owes the reply to a read, but for the client whose turn it is.
  std::vector<Waiter> reads_behind() const;

  // A read by itself. `user`: in whose name; empty: Holdfast's.
  void read(const Waiter& waiter, uint64_t touches, int db, std::string_view command, std::string_view user = {});
  // Reads, all in one transaction.
  void reads_at_once(std::unique_ptr<Unit> unit);
  // A batch, with the marker last.
  void apply(Batch* batch, std::string_view marker);
  // What Redis says to `command` while queueing it: "" if it takes it, else its error. Changes nothing.
  void ask(int db, std::string_view command, std::string_view user,
           std::function<void(std::string_view refusal)> answer);
  // The same of a WATCH, which not all builds look at inside MULTI.
  void ask_watch(int db, std::string_view command, std::string_view user,
                 std::function<void(std::string_view refusal)> answer);
  // For Holdfast itself. The answer is one whole reply.
  void request(int db, const std::vector<std::string_view>& argv, std::function<void(std::string_view reply)> answer);
  void request_as(std::string_view user, const std::vector<std::string_view>& argv,
                  std::function<void(std::string_view reply)> answer);
  // Executes one read while the marker is gone, which it has back behind it: nobody sees it missing. `answer` gets the
  // reply, or why there is none.
  void without_marker(std::string_view read, std::string_view marker,
                      std::function<void(const std::string& reply)> answer);
  // A client's own AUTH: whether Redis takes it.
  void check_password(const std::vector<std::string_view>& argv, std::function<void(std::string_view reply)> answer);

  // Ends the turn: what is to be sent now. Reads of the turn are followed by a question for the replication offset.
  std::string take_output();

  void on_data(std::string_view data);

  size_t owed() const { return owed_.size(); }
  // Bytes that have come of a reply that is not whole yet.
  size_t incomplete() const { return in_.size(); }

 private:
  enum class Expect : uint8_t {
    kIgnored,  // +OK of MULTI and the like
    kSelect,   // the same of SELECT
    kHello,    // of a change of protocol
    kSignIn,   // of a change of user
    kRead,
    kOffset,    // ROLE: ends a group of reads
    kUnit,      // all answers to MULTI … EXEC
    kAnswer,    // of ask() and request()
    kPassword,  // of check_password(), where it comes
  };
  struct Owed {
    Expect what;
    Waiter waiter;
  };
  // A unit on its way through MULTI, QUEUED …, EXEC.
  struct Running {
    Unit* unit = nullptr;
    Batch* batch = nullptr;       // if it is one
    std::unique_ptr<Unit> owned;  // if it is none
    std::string refusal;          // the first error while queueing
    std::vector<int32_t> plan;    // for each command sent: which op it is, or one of ours:
    static constexpr int32_t kHello = -1;
    static constexpr int32_t kSignIn = -2;  // which must not fail
    static constexpr int32_t kSelect = -3;
    static constexpr int32_t kMarker = -4;
    static constexpr int32_t kLimit = -5;  // of memory
    size_t next = 0;                       // the command whose answer is next
    size_t next_op = 0;                    // the op whose answer is to be told next
    enum class Phase : uint8_t { kMulti, kQueueing, kExec, kExecuted } phase = Phase::kMulti;
  };

  void become(std::string_view user);
  void expect_refusal(std::function<void(std::string_view refusal)> answer);
  void select(int db);
  void speak(Protocol protocol);
  void send_unit(Running running, std::string_view marker);
  size_t one_reply(std::string_view data);
  void dispatch(std::string_view reply);
  void unit_reply(std::string_view reply);
  void executed(Running* running, std::string_view reply);
  void refused(Running* running, std::string_view reply);
  void tell_local_ops(Running* running);
  void unit_done();
  void answered(std::string_view reply);
  void offset_known(std::string_view reply);

  BackendEvents* events_;
  OwnCalls own_calls_;
  const std::string own_password_;
  int reserved_db_ = -1;
  int db_ = -1;
  std::string user_;                                     // in whose name the link speaks; empty: Holdfast's own
  std::optional<Protocol> protocol_ = Protocol::kResp2;  // of the link; none: not known
  std::string out_;
  Incoming in_;
  ReplyFramer framer_;
  std::deque<Owed> owed_;
  std::deque<Running> running_;

  ReplyGroup reads_;                    // sent since the last question for the offset
  std::deque<ReplyGroup> read_groups_;  // whose offset is owed
  std::deque<std::function<void(std::string_view)>> answers_;
};

}  // namespace holdfast
