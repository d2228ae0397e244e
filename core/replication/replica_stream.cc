#include "core/replication/replica_stream.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/resp/request.h"

namespace holdfast {
namespace {

constexpr size_t kBlockBytes = 64 << 10;
constexpr std::string_view kMulti = "*1\r\n$5\r\nMULTI\r\n";
constexpr std::string_view kExec = "*1\r\n$4\r\nEXEC\r\n";
constexpr std::string_view kGetAck = "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";
constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";

}  // namespace

void ReplicaStream::begin(std::string replid) {
  end();
  replid_ = std::move(replid);
}

void ReplicaStream::end() {
  replid_.clear();
  seen_.clear();
  kept_.clear();
  offset_ = 0;
  db_ = -1;
  unmark();
}

void ReplicaStream::append(std::string_view bytes) {
  if (kept_.empty() || kept_.back().bytes.size() >= kBlockBytes) {
    kept_.push_back({offset_, {}});
    kept_.back().bytes.reserve(std::max(kBlockBytes, bytes.size()));
  }
  kept_.back().bytes.append(bytes);
  offset_ += static_cast<int64_t>(bytes.size());
}

void ReplicaStream::select(int db) {
  if (std::exchange(db_, db) == db) return;
  std::string command;
  append_request(&command, {"SELECT", std::to_string(db)});
  append(command);
}

void ReplicaStream::ping() { append(kPing); }
void ReplicaStream::ask_confirmation() { append(kGetAck); }

void ReplicaStream::settle(int64_t offset, uint64_t removals) {
  while (!seen_.empty() && seen_.front().offset <= offset && seen_.front().removal <= removals) {
    if (marking_) {
      db_ = -1;
      places_.push_back({seen_.front().offset, offset_});
    }
    write(seen_.front());
    seen_.pop_front();
  }
}

// As Redis 7 does: a single command goes plain, and SELECT comes before MULTI.
void ReplicaStream::write(const Effects& effects) {
  size_t at = 0, begin = 0;
  for (const size_t end : effects.units) {
    const bool several = end - at > 1;
    select(effects.commands[at].db);
    if (several) append(kMulti);
    for (; at < end; at++) {
      const ReplicaStream::Effects::Command& command = effects.commands[at];
      select(command.db);
      append(std::string_view(effects.bytes).substr(begin, command.end - begin));
      begin = command.end;
    }
    if (several) append(kExec);
  }
}

void ReplicaStream::mark() { marking_ = true; }

void ReplicaStream::unmark() {
  marking_ = false;
  places_.clear();
}

int64_t ReplicaStream::place_of(int64_t redis_offset) {
  const auto found = std::find_if(places_.begin(), places_.end(),
                                  [=](const Place& place) { return place.redis_offset > redis_offset; });
  const int64_t place = found == places_.end() ? offset_ : found->here;
  if (found == places_.end()) db_ = -1;
  unmark();
  return place;
}

std::string_view ReplicaStream::read(int64_t from) const {
  if (from >= offset_) return {};
  auto block = std::upper_bound(kept_.begin(), kept_.end(), from,
                                [](int64_t wanted, const Block& one) { return wanted < one.start; });
  HOLDFAST_CHECK(block != kept_.begin());
  --block;
  return std::string_view(block->bytes).substr(static_cast<size_t>(from - block->start));
}

void ReplicaStream::keep(int64_t from, size_t bytes) {
  const int64_t oldest = std::min(from, offset_ - static_cast<int64_t>(bytes));
  while (!kept_.empty() && kept_.front().start + static_cast<int64_t>(kept_.front().bytes.size()) <= oldest) {
    kept_.pop_front();
  }
}

}  // namespace holdfast
