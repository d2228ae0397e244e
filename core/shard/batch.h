// A unit of work for Redis: commands that are applied all or nothing, in one MULTI … EXEC. A batch is a unit whose
// writes stand in the log; reads that must come behind them ride along.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/command/table.h"
#include "core/record/record.h"
#include "core/resp/reply.h"
#include "core/resp/request.h"
#include "core/shard/world.h"

namespace holdfast {

// What must be done to a reply before a client sees it: the reserved database is hidden.
enum class Filter : uint8_t {
  kNone,
  kInfo,
  kConfigGet,
  kAclLog,
  kMemoryStats,
  kResetStat,   // CONFIG RESETSTAT: from here on all counts begin anew
  kReceivers,   // of PUBLISH: Waiter::receivers are added
  kReading,     // of a script that may not write now, see Frontdesk::run_reading()
  kOnlyErrors,  // the reply is there already, unless Redis refuses the command
  kBlocked,     // not for the client as it is: a blocked call looks at it first, see Blocking
};

// Who waits for a reply: a slot in a session's line, see Session. Session 0: nobody.
struct Waiter {
  SessionId session = 0;
  uint64_t slot = 0;
  Filter filter = Filter::kNone;
  Protocol protocol = Protocol::kResp2;  // what Redis is to answer in: one cannot be made of the other afterwards
  int32_t receivers = 0;                 // subscribers of Holdfast's that a message is for
  uint32_t command = 0;                  // of a read by itself: what Redis executes; see CommandInfo::number
};

// Hashes of keys stand for keys; two values mean something else.
inline constexpr uint64_t kTouchesNothing = 0;
inline constexpr uint64_t kTouchesAnything = ~uint64_t{0};

struct Op {
  enum class Kind : uint8_t {
    kWrite,  // in the log
    kRead,   // rides along
    kLocal,  // not sent to Redis: `reply` is the answer (SELECT inside a transaction)
  };
  Kind kind = Kind::kWrite;
  Effect effect = Effect::kUnknown;
  bool in_transaction = false;
  bool last_piece = true;  // false: more ops of the same transaction follow
  bool answered = false;
  bool again = false;       // refused with its batch, it gets a second try
  bool second_try = false;  // this is it: there is no third
  bool at_limit = false;    // a script that is to find a limit of memory: see Shard::stop_scripts()
  uint64_t last_slot = 0;   // … if this is still the last one of its session then
  int db = 0;
  uint64_t touches = kTouchesNothing;  // hash of its key
  uint32_t command = 0;                // what Redis executes: CommandInfo::number
  std::string user;                    // in whose name Redis executes it; empty: Holdfast's
  Waiter waiter;
  size_t offset = 0;  // of its bytes in Unit::bytes
  size_t length = 0;
  std::string reply;  // kLocal: the answer; else why Redis refused to queue it
};

struct Unit {
  std::vector<Op> ops;
  std::string bytes;  // of all ops, one behind the other, each an array of bulk strings

  std::string_view bytes_of(const Op& op) const { return std::string_view(bytes).substr(op.offset, op.length); }
  void add_read(int db, std::string_view command) {
    Op op;
    op.kind = Op::Kind::kRead;
    op.db = db;
    add(std::move(op), command);
  }
  void add_question(int db, const std::vector<std::string_view>& argv) {
    std::string command;
    append_request(&command, argv);
    add_read(db, command);
  }
  void add(Op op, std::string_view command) {
    op.offset = bytes.size();
    op.length = command.size();
    bytes.append(command);
    ops.push_back(std::move(op));
  }
  // … without a copy if it is the first one: it may be large.
  void take(Op op, std::string command) {
    if (!ops.empty()) return add(std::move(op), command);
    op.length = command.size();
    bytes = std::move(command);
    ops.push_back(std::move(op));
  }
  // All of `more`, behind what there is.
  void append(Unit more) {
    if (ops.empty()) {
      bytes = std::move(more.bytes);
      ops = std::move(more.ops);
      return;
    }
    for (Op& op : more.ops) {
      const std::string_view command = more.bytes_of(op);
      add(std::move(op), command);
    }
  }
};

struct Batch : Unit {
  enum class State : uint8_t {
    kGathering,
    kInFlight,   // handed to the log
    kCommitted,  // in the log, not yet sent to Redis
    kSent,       // sent to Redis, its effects have not been seen yet
    kSeen,       // its effects have been seen on the tap and compared
  };
  State state = State::kGathering;
  uint64_t serial = 0;  // counts batches in the order they were begun; this process only
  Position position = kNoPosition;
  ChainState chain;        // of the log at this batch
  ChainState settled;      // of the log at the settled position that its record tells
  bool replied = false;    // Redis has answered all of it, or its answers are lost for good
  std::string refusal;     // Redis refused it as a whole, it did nothing: the first error, of queueing or EXEC
  bool set_aside = false;  // refused for what can be put right: see Shard::set_aside()
  int times_set_aside = 0;
  int64_t seen_offset = 0;  // of the replication stream behind its effects
  // The number of the EFFECTS record that says what it did; 0: it did what it says.
  uint64_t effects_record = 0;

  bool refused() const { return !refusal.empty(); }
};

// What goes into the log for a batch: its writes, with a SELECT first and wherever the database changes.
std::string log_value(const Unit& unit);

// Appends SELECT `db` unless `*current` is it already.
void append_select(std::string* out, int db, int* current);

}  // namespace holdfast
