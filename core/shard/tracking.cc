#include "core/shard/tracking.h"

#include <algorithm>
#include <set>
#include <utility>

namespace holdfast {
namespace {

bool names(const Batch& batch, const Op& op, const std::string& key) {
  RequestParser parser(RequestLimits{.max_bulk_bytes = INT64_MAX / 2, .max_args = INT32_MAX});
  parser.parse(batch.bytes_of(op));
  return std::find(parser.argv().begin(), parser.argv().end(), key) != parser.argv().end();
}

// See Invalidation::behind.
uint64_t last_reply_to(SessionId session, const Batch* batch) {
  uint64_t last = 0;
  if (batch == nullptr) return last;
  for (const Op& op : batch->ops) {
    if (op.waiter.session != session) continue;
    last = std::max(last, op.waiter.filter == Filter::kBlocked ? Tracking::kBlockedCall : op.waiter.slot);
  }
  return last;
}

}  // namespace

void Tracking::set_most_keys(size_t most_keys) {
  most_keys_ = most_keys;
  drop_some();
}

void Tracking::begin(SessionId session, const Options& options) { clients_[session] = options; }

void Tracking::end(SessionId session) {
  if (clients_.erase(session) == 0) return;
  // What it has read goes when the keys change, as in Redis.
  for (const auto& [slot, key] : reading_[session]) {
    const auto entry = by_key_.find(key);
    if (entry == by_key_.end()) continue;
    std::erase_if(entry->second, [&](const Reader& reader) { return reader.session == session && reader.slot != 0; });
    if (entry->second.empty()) by_key_.erase(entry);
  }
  reading_.erase(session);
  if (!clients_.empty()) return;
  by_key_.clear();
  changed_.clear();
  all_changed_ = false;
  due_.clear();
}

Tracking::Options* Tracking::of(SessionId session) {
  const auto found = clients_.find(session);
  return found == clients_.end() ? nullptr : &found->second;
}

Tracking::Counts Tracking::counts() const {
  Counts counts{.clients = clients_.size(), .keys = by_key_.size()};
  for (const auto& [key, readers] : by_key_) counts.items += readers.size();
  std::set<std::string_view> prefixes;
  for (const auto& [session, options] : clients_) {
    if (options.broadcast) prefixes.insert(options.prefixes.begin(), options.prefixes.end());
  }
  counts.prefixes = prefixes.size();
  return counts;
}

void Tracking::on_read(SessionId session, uint64_t slot, const std::vector<std::string_view>& keys) {
  for (const std::string_view key : keys) {
    by_key_[std::string(key)].push_back({session, slot});
    reading_[session].emplace_back(slot, key);
  }
  drop_some();
}

void Tracking::on_left(SessionId session, uint64_t slot) {
  const auto reading = reading_.find(session);
  if (reading == reading_.end()) return;
  auto& line = reading->second;
  for (; !line.empty() && line.front().first < slot; line.pop_front()) {
    const auto entry = by_key_.find(line.front().second);
    if (entry == by_key_.end()) continue;
    std::vector<Reader>& readers = entry->second;
    const auto it = std::find_if(readers.begin(), readers.end(), [&](const Reader& reader) {
      return reader.session == session && reader.slot == line.front().first;
    });
    if (it == readers.end()) continue;
    if (it->changed) {
      due_.push_back({session, false, {entry->first}, it->offset, it->removal});
      readers.erase(it);
    } else {
      it->slot = 0;
      const auto known = [&](const Reader& other) {
        return &other != &*it && other.session == session && other.slot == 0;
      };
      if (std::any_of(readers.begin(), readers.end(), known)) readers.erase(it);
    }
    if (readers.empty()) by_key_.erase(entry);
  }
  if (line.empty()) reading_.erase(reading);
}

void Tracking::on_touched(const Touched& touched) {
  if (touched.anything || !touched.databases.empty()) all_changed_ = true;
  for (const Touched::Key& key : touched.keys) changed_.push_back({key.db, std::string(key.name), commands_});
  commands_++;
}

void Tracking::on_unit_end(const Batch* batch, int64_t offset, uint64_t removal) {
  if (all_changed_) {
    touch_all(batch, offset, removal);
  } else {
    for (const Changed& changed : changed_) touch_readers(changed, batch, offset, removal);
    touch_prefixes(batch, offset, removal);
  }
  changed_.clear();
  commands_ = 0;
  all_changed_ = false;
}

// Whether the session itself has changed the key in the batch, and nothing else can have: a key that it wrote may have
// expired at once.
bool Tracking::only_by(SessionId session, const Batch* batch, const Changed& changed) const {
  if (batch == nullptr) return false;
  const uint64_t hash = key_hash(changed.db, changed.key);
  size_t its_own = 0;
  for (const Op& op : batch->ops) {
    if (op.kind != Op::Kind::kWrite || (op.touches != hash && op.touches != kTouchesAnything)) continue;
    if (op.waiter.session != session) return false;
    // What was evicted beside it is not.
    if (op.touches == hash || names(*batch, op, changed.key)) its_own++;
  }
  std::set<size_t> commands;
  for (const Changed& other : changed_) {
    if (other.db == changed.db && other.key == changed.key) commands.insert(other.command);
  }
  return its_own > 0 && commands.size() <= its_own;
}

void Tracking::touch_readers(const Changed& changed, const Batch* batch, int64_t offset, uint64_t removal) {
  const auto entry = by_key_.find(changed.key);
  if (entry == by_key_.end()) return;
  // Who is just reading it again is told once, behind that reply, which would otherwise bring it back into its cache.
  std::vector<SessionId> reading;
  for (const Reader& reader : entry->second) {
    if (reader.slot != 0) reading.push_back(reader.session);
  }
  std::erase_if(entry->second, [&](Reader& reader) {
    const Options* options = of(reader.session);
    if (options == nullptr || options->broadcast) return true;
    if (options->no_loop && only_by(reader.session, batch, changed)) return reader.slot == 0;
    if (reader.slot != 0) {
      reader.changed = true;
      reader.offset = offset;
      reader.removal = removal;
      return false;
    }
    const bool again = std::find(reading.begin(), reading.end(), reader.session) != reading.end();
    if (!again) {
      due_.push_back({reader.session, false, {changed.key}, offset, removal, last_reply_to(reader.session, batch)});
    }
    return true;
  });
  if (entry->second.empty()) by_key_.erase(entry);
}

// One message for each prefix, as in Redis.
void Tracking::touch_prefixes(const Batch* batch, int64_t offset, uint64_t removal) {
  if (changed_.empty()) return;
  for (const auto& [session, options] : clients_) {
    if (!options.broadcast) continue;
    for (const std::string& prefix : options.prefixes) {
      std::set<std::string> keys;
      for (const Changed& changed : changed_) {
        if (!changed.key.starts_with(prefix)) continue;
        if (!options.no_loop || !only_by(session, batch, changed)) keys.insert(changed.key);
      }
      if (!keys.empty()) {
        due_.push_back({session, false, {keys.begin(), keys.end()}, offset, removal, last_reply_to(session, batch)});
      }
    }
  }
}

void Tracking::restart() {
  changed_.clear();
  all_changed_ = false;
  due_.clear();
  touch_all(nullptr, 0, 0);
}

void Tracking::touch_all(const Batch* batch, int64_t offset, uint64_t removal) {
  for (const auto& [session, options] : clients_) {
    due_.push_back({session, true, {}, offset, removal, last_reply_to(session, batch)});
  }
  // Reads under way may show the state before: those are told once more, behind their reply.
  for (auto entry = by_key_.begin(); entry != by_key_.end();) {
    std::erase_if(entry->second, [&](Reader& reader) {
      reader.changed = true;
      reader.offset = offset;
      reader.removal = removal;
      return reader.slot == 0;
    });
    entry = entry->second.empty() ? by_key_.erase(entry) : std::next(entry);
  }
}

// As Redis does when its table is full. Not those whose reply is still to come: what it says would not be tracked.
void Tracking::drop_some() {
  for (auto entry = by_key_.begin(); by_key_.size() > most_keys_ && entry != by_key_.end();) {
    std::erase_if(entry->second, [&](const Reader& reader) {
      if (reader.slot == 0) due_.push_back({reader.session, false, {entry->first}, 0, 0});
      return reader.slot == 0;
    });
    entry = entry->second.empty() ? by_key_.erase(entry) : std::next(entry);
  }
}

std::vector<Tracking::Invalidation> Tracking::take(int64_t settled_offset, uint64_t removals_committed,
                                                   const std::function<bool(const Invalidation&)>& waits) {
  std::vector<Invalidation> ready;
  if (due_.empty()) return ready;
  std::erase_if(due_, [&](Invalidation& one) {
    if (one.offset > settled_offset || one.removal > removals_committed || waits(one)) return false;
    ready.push_back(std::move(one));
    return true;
  });
  return ready;
}

std::string invalidation_push(const Tracking::Invalidation& invalidation, Protocol protocol) {
  std::string out;
  if (protocol == Protocol::kResp3) {
    append_push_header(&out, 2, protocol);
    append_bulk(&out, "invalidate");
  } else {
    append_array_header(&out, 3);
    append_bulk(&out, "message");
    append_bulk(&out, "__redis__:invalidate");
  }
  if (invalidation.all) {
    append_null_array(&out, protocol);
  } else {
    append_array_header(&out, invalidation.keys.size());
    for (const std::string& key : invalidation.keys) append_bulk(&out, key);
  }
  return out;
}

}  // namespace holdfast
