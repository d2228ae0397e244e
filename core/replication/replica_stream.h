// The stream that Holdfast serves to replicas: what its Redis did, as the tap shows it, once the log holds it. Units go
// in as they are seen and come out, as bytes, as they are settled. The last part of it is kept, for replicas that come
// back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

class ReplicaStream {
 public:
  // What stood together in Redis's stream: one or more units, which replicas execute all or nothing.
  struct Effects {
    struct Command {
      size_t end;  // in `bytes`; it begins where the one before it ends
      int db;
    };
    std::string bytes;  // without SELECT, MULTI and EXEC
    std::vector<Command> commands;
    std::vector<size_t> units;  // where they end in `commands`
    int64_t offset = 0;         // of Redis's stream behind them
    uint64_t removal = 0;       // the removal (see Settler) that must be in the log before
  };

  // A new stream, with another name; nothing of an earlier one counts.
  void begin(std::string replid);
  void end();
  bool active() const { return !replid_.empty(); }
  const std::string& replid() const { return replid_; }

  void add(Effects effects) { seen_.push_back(std::move(effects)); }
  // Through `offset` of Redis's stream all is settled, and the removals through `removals` are.
  void settle(int64_t offset, uint64_t removals);
  // Whether all that was seen through that offset of Redis's stream has come out.
  bool passed(int64_t redis_offset) const { return seen_.empty() || seen_.front().offset > redis_offset; }
  // Behind all that was seen so far: passed() of it tells when that has come out.
  int64_t seen_through() const { return seen_.empty() ? 0 : seen_.back().offset; }
  void ping();
  // Replicas are to say how far they have come.
  void ask_confirmation();

  // For a replica that begins with a copy of Redis's data. Where in this stream the copy stands is known only when
  // Redis has told its offset, and this stream may be further by then: so places are kept from mark() on, and each of
  // them begins with a SELECT.
  void mark();
  void unmark();
  // The place behind `redis_offset`, from which on a replica with that copy goes on; passed(redis_offset) must hold.
  // Ends the marking.
  int64_t place_of(int64_t redis_offset);

  // In bytes since it began, as Redis counts them.
  int64_t offset() const { return offset_; }
  int64_t kept_from() const { return kept_.empty() ? offset_ : kept_.front().start; }
  // A piece of it from `from` on, which is within what is kept. Valid until the next call of another kind.
  std::string_view read(int64_t from) const;
  // What is before both is dropped.
  void keep(int64_t from, size_t bytes);

 private:
  struct Block {
    int64_t start;
    std::string bytes;
  };
  struct Place {
    int64_t redis_offset;  // behind what stands there
    int64_t here;
  };

  void append(std::string_view bytes);
  void select(int db);
  void write(const Effects& effects);

  std::string replid_;
  std::deque<Effects> seen_;
  std::deque<Block> kept_;
  int64_t offset_ = 0;
  int db_ = -1;  // that is selected; -1: none
  bool marking_ = false;
  std::vector<Place> places_;
};

}  // namespace holdfast
