// One client's connection: its requests' line of replies, and the state that commands leave on a connection.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/cluster/admission.h"
#include "core/command/table.h"
#include "core/resp/incoming.h"
#include "core/resp/request.h"
#include "core/shard/batch.h"
#include "core/shard/client_limits.h"
#include "core/shard/client_memory.h"
#include "core/shard/users.h"
#include "core/stats/statistics.h"

namespace holdfast {

class Migration;

struct Transaction {
  std::vector<std::string> commands;  // that wait for EXEC, each an array of bulk strings
  size_t bytes = 0;                   // of all of them
  bool dirty = false;                 // a command was refused while queueing
  uint64_t users = 0;                 // the generation of the users when it began
  int slot = kNoSlot;                 // in a cluster: of all keys

  size_t memory() const { return bytes + commands.size() * sizeof(std::string); }
};

class Session {
 public:
  // So much of a request that has only been announced gets its room at once.
  static constexpr size_t kInputAhead = 16 << 20;

  // `number`: as Redis counts its clients, from 1 on; what clients call their id.
  Session(SessionId id, int64_t number, Peer peer, int64_t now_ms, const RequestLimits& limits, Statistics* statistics)
      : parser(limits),
        statistics_(statistics),
        id_(id),
        number_(number),
        peer_(std::move(peer)),
        since_ms_(now_ms),
        last_ms(now_ms) {}

  SessionId id() const { return id_; }
  int64_t number() const { return number_; }
  const std::string& address() const { return peer_.address; }
  const std::string& local_address() const { return peer_.local_address; }
  bool tls() const { return peer_.tls; }
  const std::string& certificate_user() const { return peer_.certificate_user; }
  int64_t since_ms() const { return since_ms_; }

  // The line: a slot for each request, in order. A slot is released once its reply may be seen; replies leave in order.
  // `header`: what the reply begins with, however often it is begun anew.
  uint64_t open_slot(bool write, int64_t now_ms, std::string_view header = {});
  // Who waits for the reply of such a slot.
  Waiter waiter(uint64_t slot, Filter filter = Filter::kNone) const { return Waiter{id_, slot, filter, protocol}; }
  void add_reply(uint64_t slot, std::string_view reply);
  void release(uint64_t slot);
  // The command will be executed again: what has come of its reply does not count.
  void restart_reply(uint64_t slot);
  // Opens and answers a slot at once.
  void answer(std::string_view reply, int64_t now_ms);
  // Something that nobody asked for: behind all replies that may leave by now, before those still to come.
  void push(std::string_view bytes);
  // Gives up on a slot that is not released: answers `error` in its place; what comes later for it is dropped.
  void give_up(uint64_t slot, std::string_view error);
  bool is_open(uint64_t slot) const;
  // Or will at the end of this turn: nothing before it waits.
  bool has_left(uint64_t slot) const;
  // Whether something in a batch is still to be answered: a write, or a read that rides along. What comes later must
  // then not be executed earlier.
  bool has_open_in_batch() const { return open_in_batch_ > 0; }
  void set_in_batch(uint64_t slot, bool in_batch);

  // For the statistics: the request at hand, which the parser has just read, until it has its reply or its slot …
  void begin_request(const CommandInfo* info);
  Request& request() { return request_; }
  // … is not decided on at once: by then the parser will have forgotten it.
  void keep_request();
  // … is none by itself: it is queued.
  void forget_request() { request_ = {}; }
  // The slot is an EXEC's, and this is its next command.
  void add_part(uint64_t slot, const CommandInfo* info, const RequestParser& command);
  // The client has left: what is under way has been taken all the same.
  void abandon();

  // Moves the replies that may leave to the end of `outgoing`.
  void collect();

  size_t waiting() const { return line_.size(); }
  // The newest slot, or the one before the next.
  uint64_t last_slot() const { return first_slot_ + line_.size() - 1; }
  // The oldest slot whose reply has not left.
  uint64_t first_slot() const { return first_slot_; }
  // Bytes of the replies in the line, and about how many are to come.
  bool reply_size_known() const { return usual_reply_ > 0; }
  size_t reply_bytes() const { return line_bytes_ + line_.size() * usual_reply_ + kept_.bytes(); }
  size_t line_bytes() const { return line_bytes_ + line_.size() * sizeof(Slot) + kept_.bytes(); }
  size_t usual_reply() const { return usual_reply_; }
  // Bytes of the requests that are under way: in the line, or waiting for something before they get there.
  size_t request_bytes() const { return line_requests_ + (asking || blocked ? asked_bytes : 0); }
  // The oldest request without a reply: when it came, its slot, whether it writes.
  struct Oldest {
    uint64_t slot;
    int64_t since_ms;
    bool write;
  };
  std::optional<Oldest> oldest() const;

  RequestParser parser;
  Incoming input{kInputAhead};  // bytes of requests that have not been dealt with
  std::string outgoing;         // replies that may leave, until the end of the turn
  int db = 0;
  Protocol protocol = Protocol::kResp2;
  std::string name, lib_name, lib_version;
  std::string user = std::string(kDefaultUser);
  bool at_the_door = false;    // protected mode has not let it in yet: it is not served
  bool authenticated = false;  // has signed in, or need not have when it came
  bool restricted = false;     // the user is
  uint64_t waits_for = 0;      // nothing more is read before this slot has its reply; 0: none
  std::string last_command;
  std::optional<Transaction> transaction;
  std::vector<uint64_t> batches;  // serials of the batches with writes of its own that Redis may not have got yet
  bool asking = false;            // the last request waits for something: nothing more is read before that is there
  uint64_t question = 0;          // the number of what it waits for
  int64_t asked_ms = 0;
  size_t asked_bytes = 0;  // of the request that waits so, or is blocked
  size_t at_hand = 0;      // bytes of the request that is being decided on
  // Tried every turn while it waits; ends that, or says that it is not time yet (false).
  std::function<bool()> step;
  int64_t expires_ms = INT64_MAX;        // when the first of its watched keys is as good as expired
  std::optional<Transaction> executing;  // EXEC waits to know what became of watched keys
  std::shared_ptr<Migration> migration;  // MIGRATE is under way
  // CLIENT REPLY: no replies until ON; none to the next request.
  bool silent = false, skip = false;
  bool mute = false;            // the request at hand gets no reply
  bool refused = false;         // the request at hand
  std::optional<bool> caching;  // CLIENT CACHING: of the next request, or of the transaction
  bool no_touch = false, readonly = false, redirects = false;  // CLIENT NO-TOUCH, READONLY, CLIENT CAPA: only told
  uint64_t received = 0, sent = 0, commands = 0;               // bytes of its connection, and its requests
  bool replica = false;      // it follows Holdfast, see Replicas: all it sends is about that
  bool blocked = false;      // its last request waits in Blocking
  size_t message_bytes = 0;  // of messages that it gets once they are settled
  OutputWatch output;
  bool parked = false;   // not reading: something must happen first
  bool paused = false;   // … the end of CLIENT PAUSE
  bool ended = false;    // the client sends no more
  bool closing = false;  // nothing more is read; closed once all is answered
  size_t accounted = 0;  // of reply_bytes(), in the sum over all sessions
  size_t unsent = 0;     // of its replies, by the kernel, when it was last looked at
  ClientMemorySum::Share memory;
  bool listed = false;  // in the list of those with something to send

 private:
  struct Slot {
    std::string reply;
    size_t header_bytes;
    size_t request_bytes;
    int64_t since_ms;
    bool write;
    bool in_batch;
    bool released;
    bool mute;
    Request request = {};
    std::unique_ptr<TransactionParts> parts = {};  // of EXEC
  };
  Slot* find(uint64_t slot);
  void close(Slot* slot);
  Shown shown(const KeptRequests::Text& text) const;
  void drop_kept();

  Statistics* statistics_;
  Request request_;
  KeptRequests kept_;
  SessionId id_;
  int64_t number_;
  Peer peer_;
  int64_t since_ms_;
  std::deque<Slot> line_;
  size_t line_bytes_ = 0;
  size_t line_requests_ = 0;  // bytes of those that have no reply yet
  size_t usual_reply_ = 0;    // the largest of late
  size_t open_in_batch_ = 0;
  uint64_t first_slot_ = 1;  // the number of line_.front()

 public:
  int64_t last_ms;  // when it last sent a request
};

}  // namespace holdfast
