// What clients take in memory, and which of them are let go when that is too much.
#include <algorithm>

#include "core/shard/frontdesk.h"

namespace holdfast {
namespace {

constexpr size_t kLeastLimit = 128 << 10;  // as in Redis: below, nobody could talk to the server
constexpr int64_t kIdleMs = 2000;          // after which a client's buffer is given back

}  // namespace

ClientMemory Frontdesk::memory_of(const Session& session) const {
  ClientMemory memory;
  const size_t parsed = std::min(session.parser.parsed(), session.input.size());
  memory.unread = session.input.size() - parsed;
  memory.room = session.input.room();
  memory.requests = parsed + session.request_bytes();
  if (session.executing) memory.requests += session.executing->memory();
  if (session.transaction) memory.queued = session.transaction->memory();
  memory.replies = session.line_bytes() + session.outgoing.size() + session.message_bytes;
  memory.unsent = session.unsent;
  if (!counter_->watches().empty()) memory.interests += counter_->watches().memory_of(session.id());
  if (!pubsub_.empty()) memory.interests += pubsub_.memory_of(session.id());
  if (!tracking_.empty()) memory.interests += tracking_.memory_of(session.id());
  return memory;
}

void Frontdesk::account(Session* session) {
  reply_bytes_ += session->reply_bytes() - session->accounted;
  session->accounted = session->reply_bytes();
  memory_.set(&session->memory, memory_of(*session).buffers());
}

void Frontdesk::account_unsent(Session* session) {
  session->unsent = world_->client_unsent(session->id());
  account(session);
}

// At every check: what has been sent meanwhile is told by nobody.
void Frontdesk::refresh_memory(int64_t now_ms) {
  choose_memory_limit();
  for (const auto& [id, session] : sessions_) {
    session->input.trim(now_ms - session->last_ms > kIdleMs);
    account_unsent(session.get());
  }
}

// 0: none.
void Frontdesk::choose_memory_limit() {
  const int64_t set = limits_.memory;
  const double of = static_cast<double>(set < 0 ? counter_->settings().maxmemory() : 0);
  const size_t bytes = set < 0 ? static_cast<size_t>(of * static_cast<double>(-set) / 100) : static_cast<size_t>(set);
  memory_limit_ = bytes == 0 ? 0 : std::max(bytes, kLeastLimit);
}

bool Frontdesk::clients_take_too_much() const {
  return memory_.buffers() > limits_.total_bytes ||
         (memory_limit_ != 0 && memory_.total() > memory_limit_ && !memory_.all_spared());
}

// Behind flush(), so that who is over a limit of its own goes first. maxmemory-clients spares those with CLIENT
// NO-EVICT; what keeps Holdfast itself from running out of memory does not.
void Frontdesk::evict_clients() {
  if (!clients_take_too_much()) return;
  for (const auto& [id, session] : sessions_) account_unsent(session.get());
  if (!clients_take_too_much()) return;
  std::vector<Session*> largest;
  for (const auto& [id, session] : sessions_) {
    if (session->memory.in) largest.push_back(session.get());
  }
  std::sort(largest.begin(), largest.end(), [](const Session* a, const Session* b) {
    return a->memory.buffers != b->memory.buffers ? a->memory.buffers > b->memory.buffers : a->number() < b->number();
  });
  for (Session* session : largest) {
    if (!clients_take_too_much()) return;
    if (memory_.buffers() > limits_.total_bytes) {
      evict(session, "limits.total-bytes (" + std::to_string(limits_.total_bytes) + ")");
    } else if (!session->memory.spared) {
      evict(session, "maxmemory-clients (" + std::to_string(memory_limit_) + ")");
      evicted_++;
    }
  }
}

void Frontdesk::evict(Session* session, const std::string& limit) {
  world_->note(World::Level::kWarn, "closing client " + session->address() + ": it takes " +
                                        std::to_string(memory_of(*session).total()) +
                                        " bytes of memory, the most of all, and all together are over " + limit);
  cut(session);
}

void Frontdesk::cut(Session* session) {
  session->outgoing.clear();
  session->input.clear();
  session->closing = true;
  memory_.remove(&session->memory);
  world_->client_cut(session->id());
}

}  // namespace holdfast
