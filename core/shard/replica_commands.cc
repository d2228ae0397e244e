// What clients say that are replicas, or ask about them.
#include <algorithm>
#include <charconv>
#include <utility>

#include "core/address.h"
#include "core/resp/integer.h"
#include "core/resp/words.h"
#include "core/shard/frontdesk.h"
#include "core/shard/outcomes.h"

namespace holdfast {
// Behind the replies to what it has sent before.
void Frontdesk::follow(Session* session, const Argv& argv) {
  if (same_word(argv[0], "PSYNC") && !parse_integer(argv[2]))
    return refuse(session, "ERR value is not an integer or out of range");
  if (const std::string down = counter_->refuse_read(); !down.empty()) return refuse(session, down);
  wait_for(session, [this, session, kept = std::vector<std::string>(argv.begin(), argv.end())] {
    if (session->waiting() > 0 || !session->outgoing.empty()) return false;
    session->asking = false;
    session->replica = true;
    replicas_.follow(session->id(), {kept.begin(), kept.end()}, host_of(session->address()));
    return true;
  });
}

// A replica gets its stream and nothing else: as in Redis, it is let go if it asks for more.
void Frontdesk::on_replica_request(Session* session, const Argv& argv) {
  if (same_word(argv[0], "REPLCONF")) {
    replicas_.configure(session->id(), argv);
  } else if (!same_word(argv[0], "SYNC") && !same_word(argv[0], "PSYNC")) {
    session->closing = true;
    touch(session);
  }
}

void Frontdesk::serve_replicas(const RedisView& redis) {
  int64_t ping_ms = Replicas::kPingMs;
  for (const auto& [name, value] : counter_->settings().kept()) {
    int64_t seconds = 0;
    const bool period = name == "repl-ping-replica-period" || name == "repl-ping-slave-period";
    if (period && parse_int(value, &seconds)) ping_ms = seconds * 1000;
  }
  replicas_.work(redis, limits_.replicas, ping_ms);
}

// How many replicas have confirmed all that the client has written: it counts what Redis's own would, no more. The log
// has it in any case, else it would not have been answered.
void Frontdesk::wait_for_replicas(Session* session, const Argv& argv) {
  int64_t wanted = 0, timeout = 0;
  if (!parse_int(argv[1], &wanted)) return refuse(session, "ERR value is not an integer or out of range");
  if (!parse_int(argv[2], &timeout)) return refuse(session, "ERR timeout is not an integer or out of range");
  if (timeout < 0) return refuse(session, "ERR timeout is negative");
  const int64_t until = timeout == 0 ? INT64_MAX : world_->monotonic_ms() + timeout;
  wait_for(session, [this, session, wanted, until, seen = int64_t{-1}, offset = int64_t{-1}]() mutable {
    if (session->closing || session->ended) {
      session->asking = false;
      touch(session);
      return true;
    }
    const int64_t now = world_->monotonic_ms();
    if (session->waiting() > 0) return false;
    session->asked_ms = now;  // its own time-out counts
    if (seen < 0) seen = replicas_.seen_through();
    if (offset < 0 && !replicas_.passed(seen)) return false;
    if (offset < 0) {
      offset = replicas_.offset();
      replicas_.ask_confirmation();
    }
    const int64_t confirmed = replicas_.confirmed(offset);
    if (confirmed < wanted && now < until) return false;
    session->asking = false;
    answer(session, integer(confirmed).reply);
    return true;
  });
}

// Inside a transaction only, where it waits for nobody.
LocalCommands::Outcome LocalCommands::wait(const Argv& argv) {
  int64_t replicas = 0, timeout = 0;
  if (!parse_int(argv[1], &replicas)) return error("ERR value is not an integer or out of range");
  if (!parse_int(argv[2], &timeout)) return error("ERR timeout is not an integer or out of range");
  if (timeout < 0) return error("ERR timeout is negative");
  return integer(0);
}

LocalCommands::Outcome LocalCommands::replconf(const Argv& argv) {
  return {.reply = desk_->replicas_.configure(session_->id(), argv)};
}

LocalCommands::Outcome LocalCommands::sync(const Argv& argv) {
  return error("ERR " + std::string(argv[0]) + " is not allowed inside a transaction");
}

LocalCommands::Outcome LocalCommands::role(const Argv&) {
  const std::vector<Replicas::Line> lines = desk_->replicas_.lines();
  const auto online = std::count_if(lines.begin(), lines.end(), [](const Replicas::Line& line) { return line.online; });
  Outcome outcome;
  append_array_header(&outcome.reply, 3);
  append_bulk(&outcome.reply, "master");
  append_integer(&outcome.reply, desk_->replicas_.offset());
  append_array_header(&outcome.reply, static_cast<size_t>(online));
  for (const Replicas::Line& line : lines) {
    if (!line.online) continue;
    append_array_header(&outcome.reply, 3);
    append_bulk(&outcome.reply, line.address);
    append_bulk(&outcome.reply, std::to_string(line.port));
    append_bulk(&outcome.reply, std::to_string(line.offset));
  }
  return outcome;
}

}  // namespace holdfast
