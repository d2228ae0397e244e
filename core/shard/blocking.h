// Blocked clients. A blocked client holds neither Redis nor the log: its call is parked here until a key it waits for
// changes. Then Redis is asked once for that key how much is there, and as many calls as that can serve are attempted,
// in the order of their arrival, as ordinary commands through the log (LPOP, LMOVE, ZPOPMIN …). A push for which calls
// are waiting takes their attempts along in its own batch: the element changes hands at once, as in Redis.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/command/blocking_call.h"
#include "core/command/touched.h"
#include "core/shard/batch.h"
#include "core/shard/session.h"

namespace holdfast {

class Counter;
class Frontdesk;

class Blocking {
 public:
  Blocking(World* world, Frontdesk* desk, Counter* counter) : world_(world), desk_(desk), counter_(counter) {}

  // The session waits for `call` from now on. Its own writes must be done.
  void begin(Session* session, BlockingCall call);
  // It has left.
  void forget(SessionId session);

  // Something in Redis has changed, or may have: dealt with in work(), once for each key.
  void on_touched(const Touched& touched);
  void work();
  // Anything may have changed, and Redis cannot be asked yet.
  void mark_all();

  // What a unit of writes brings for calls that wait, by key and in the order of the writes …
  using KeyName = std::pair<int, std::string>;
  struct Push {
    KeyName key;
    enum class Kind : uint8_t { kList, kSorted, kStream } kind;
    size_t count;  // elements
  };
  std::vector<Push> pushes_in(const Unit& unit) const;
  // … for which the attempts are to come behind it.
  void attempt_behind(std::vector<Push> pushes);

  // Of an attempt's waiter (Filter::kBlocked; its slot is the attempt's number).
  void on_reply(const Waiter& waiter, std::string_view reply);
  void on_settled(const Waiter& waiter);
  void on_given_up(const Waiter& waiter, std::string_view error);  // without "-" and line end
  void on_restart(const Waiter& waiter);

  // CLIENT UNBLOCK: whether it was blocked. `error`: what it is answered; empty: as if its time were over.
  bool unblock(SessionId session, std::string_view error);
  void check_deadlines(int64_t now_ms);
  // What could not be attempted is attempted again; what takes too long is given up.
  void check_time(int64_t now_ms, int64_t write_timeout_ms);

  bool empty() const { return calls_.empty(); }
  size_t count() const;  // of calls that wait: not of those that are just tried
  // Whether what it takes from Redis may be under way already.
  bool attempting(SessionId session) const;

 private:
  struct Call {
    enum class State : uint8_t {
      kLooking,     // what is there for it is being found out
      kParked,      // nothing is there
      kAttempting,  // its command is under way
    };
    BlockingCall call;
    SessionId session = 0;
    uint64_t serial = 0;
    int db = 0;
    Protocol protocol = Protocol::kResp2;
    int64_t since_ms = 0;
    int64_t deadline_ms = 0;  // 0: none
    State state = State::kLooking;
    bool again = false;    // a key of it has changed since it was last looked at
    bool first = true;     // it has never been parked: errors are its own
    uint64_t attempt = 0;  // its number
    size_t key = 0;        // from which it takes
    int64_t attempted_ms = 0;
    std::string attempted;  // the reply
    bool over = false;      // it shall wait no longer; but first its attempt must end
    std::string error;      // … and be answered this

    bool sorted() const { return call.kind() == BlockingCall::Kind::kSortedPop; }
  };
  struct Queue {
    std::deque<SessionId> calls;  // in the order of arrival
    bool looking = false;
    bool again = false;  // it has changed since
  };

  Call* find(SessionId session) const;
  Call* find(const Waiter& waiter) const;
  void give_up(Call* call, std::string_view error);
  void look(Call* call);
  void looked(Call* call, const std::vector<ReplyValue>& replies, const std::vector<std::string>& raw);
  void learn_last_ids(Call* call);
  void go_on(Call* call);
  void signal(const KeyName& key, Queue* queue);
  void look_at(const KeyName& key, Queue* queue);
  void serve(const KeyName& key, int64_t elements, bool sorted);
  void serve_streams(const Queue& queue, bool only_groups);
  void attempt(Call* call, size_t key);
  void park(Call* call);
  void find_out_what_is_gone(Call* call);
  void time_is_over(Call* call);
  void finish(Call* call, std::string_view reply);
  void finish_when_settled(Call* call, std::string_view reply);
  bool has_ahead(const Call& call, const std::string& key, int64_t elements) const;

  World* world_;
  Frontdesk* desk_;
  Counter* counter_;
  std::unordered_map<SessionId, std::unique_ptr<Call>> calls_;
  std::map<KeyName, Queue> queues_;
  std::vector<Push> moved_;  // by attempts, not looked at yet
  std::set<KeyName> changed_;
  std::set<std::pair<int64_t, SessionId>> deadlines_;
  uint64_t next_serial_ = 1;
};

}  // namespace holdfast
