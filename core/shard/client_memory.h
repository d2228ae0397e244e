// What clients take of Holdfast's memory: each by itself, as CLIENT LIST tells it, and all together, which
// maxmemory-clients (Redis's) and limits.total-bytes (Holdfast's own) are limits of.
#pragma once

#include <cstddef>
#include <cstdint>

namespace holdfast {

// Of one client. To Redis's names for it: qbuf, qbuf-free, argv-mem, multi-mem, obl, omem.
struct ClientMemory {
  // What a client takes that only is there, as was measured: session, connection, and what belongs to them.
  static constexpr size_t kItself = 3 << 10;

  size_t unread = 0;     // sent by it, not dealt with yet
  size_t room = 0;       // of its buffer
  size_t requests = 0;   // under way, or as far as they have come
  size_t queued = 0;     // in MULTI
  size_t replies = 0;    // that may not leave yet
  size_t unsent = 0;     // that the kernel has not taken
  size_t interests = 0;  // watched keys, subscriptions, prefixes of keys it tracks

  size_t buffers() const { return unread + room + requests + queued + replies + unsent + interests; }
  size_t total() const { return kItself + buffers(); }
};

// The sum over all clients, kept up to date as each of them changes.
class ClientMemorySum {
 public:
  // What one client has in it.
  struct Share {
    bool in = false;
    size_t buffers = 0;
    bool spared = false;  // CLIENT NO-EVICT
  };

  void add(Share* share) {
    share->in = true;
    clients_++;
    spared_ += share->spared ? 1 : 0;
  }
  void set(Share* share, size_t buffers) {
    if (!share->in) return;
    buffers_ += buffers - share->buffers;
    share->buffers = buffers;
  }
  void spare(Share* share, bool on) {
    if (share->in && share->spared != on) on ? spared_++ : spared_--;
    share->spared = on;
  }
  void remove(Share* share) {
    if (!share->in) return;
    set(share, 0);
    clients_--;
    spared_ -= share->spared ? 1 : 0;
    share->in = false;
  }

  size_t buffers() const { return buffers_; }
  size_t total() const { return buffers_ + clients_ * ClientMemory::kItself; }
  bool all_spared() const { return spared_ == clients_; }

 private:
  size_t clients_ = 0, spared_ = 0;
  size_t buffers_ = 0;
};

}  // namespace holdfast
