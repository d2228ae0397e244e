#include "core/shard/tracking.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/deliberate_bug.h"

namespace holdfast {
namespace {

bool names(const Batch& batch, const Op& op, const std::string& key) {
  RequestParser parser(kNoRequestLimits);
  parser.parse(batch.bytes_of(op));
  return std::find(parser.argv().begin(), parser.argv().end(), key) != parser.argv().end();
}

}  // namespace

void Tracking::set_most_keys(size_t most_keys) {
  most_keys_ = most_keys;
  drop_some();
}

void Tracking::begin(SessionId session, const Options& options) {
  Options& kept = clients_[session] = options;
  kept.prefix_bytes = 0;
  for (const std::string& prefix : kept.prefixes) kept.prefix_bytes += prefix.size();
}

size_t Tracking::memory_of(SessionId session) const {
  const auto found = clients_.find(session);
  if (found == clients_.end()) return 0;
  return sizeof(Options) + found->second.prefix_bytes + found->second.prefixes.size() * sizeof(std::string);
}

void Tracking::end(SessionId session) {
  if (clients_.erase(session) == 0) return;
  // What it has read goes when the keys change, as in Redis.
  for (const auto& [slot, key] : reading_[session]) {
    const auto entry = by_key_.find(key);
    if (entry == by_key_.end()) continue;
    drop_readers(entry, [&](const Reader& reader) { return reader.session == session && reader.slot != 0; });
  }
  reading_.erase(session);
  if (!clients_.empty()) return;
  by_key_.clear();
  items_ = 0;
  changed_.clear();
  all_changed_ = false;
  due_.clear();
}

Tracking::Options* Tracking::of(SessionId session) {
  const auto found = clients_.find(session);
  return found == clients_.end() ? nullptr : &found->second;
}

Tracking::Counts Tracking::counts() const {
  Counts counts{.clients = clients_.size(), .keys = by_key_.size(), .items = items_};
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
    items_++;
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
    const uint64_t its_slot = line.front().first;
    bool told = false, known = std::any_of(entry->second.begin(), entry->second.end(), [&](const Reader&other) {
                         return other.session == session && other.slot == 0;
                       });
    drop_readers(entry, [&](Reader& reader) {
      if (reader.session != session || reader.slot != its_slot) return false;
      if (reader.changed) {
        if (!std::exchange(told, true)) due_.push_back({session, false, {entry->first}, reader.offset, reader.removal});
        return true;
      }
      reader.slot = 0;
      return std::exchange(known, true);
    });
  }
  if (line.empty()) reading_.erase(reading);
}

void Tracking::on_touched(const Touched& touched) {
  if (touched.anything || !touched.databases.empty()) all_changed_ = true;
  for (const Touched::Key& key : touched.keys) changed_.push_back({key.db, std::string(key.name), commands_});
  commands_++;
}

Tracking::Cause Tracking::cause(const Batch* batch, int64_t offset, uint64_t removal) const {
  Cause cause{batch, offset, removal, {}, {}};
  if (batch != nullptr) {
    for (const Op& op : batch->ops) {
      uint64_t& last = cause.last_reply[op.waiter.session];
      last = std::max(last, op.waiter.filter == Filter::kBlocked ? kBlockedCall : op.waiter.slot);
    }
  }
  for (const Changed& changed : changed_) cause.commands[{changed.db, changed.key}].insert(changed.command);
  return cause;
}

void Tracking::tell(SessionId session, std::vector<std::string> keys, const Cause& cause) {
  const auto last = cause.last_reply.find(session);
  const uint64_t behind = last == cause.last_reply.end() ? 0 : last->second;
  due_.push_back({session, keys.empty(), std::move(keys), cause.offset, cause.removal, behind});
}

void Tracking::on_unit_end(const Batch* batch, int64_t offset, uint64_t removal) {
  const bool missed = kDeliberateBug == 18 && batch == nullptr;  // bug: what expires or is evicted is not told
  if ((all_changed_ || !changed_.empty()) && !missed) {
    const Cause why = cause(batch, offset, removal);
    if (all_changed_) {
      touch_all(why);
    } else {
      for (const Changed& changed : changed_) touch_readers(changed.db, changed.key, why);
      touch_prefixes(why);
    }
  }
  changed_.clear();
  commands_ = 0;
  all_changed_ = false;
}

// Whether the session itself has changed the key in the batch, and nothing else can have: a key that it wrote may have
// expired at once.
bool Tracking::only_by(SessionId session, int db, const std::string& key, const Cause& cause) {
  if (cause.batch == nullptr) return false;
  const uint64_t hash = key_hash(db, key);
  size_t its_own = 0;
  for (const Op& op : cause.batch->ops) {
    if (op.kind != Op::Kind::kWrite || (op.touches != hash && op.touches != kTouchesAnything)) continue;
    if (op.waiter.session != session) return false;
    // What was evicted beside it is not.
    if (op.touches == hash || names(*cause.batch, op, key)) its_own++;
  }
  return its_own > 0 && cause.commands.at({db, key}).size() <= its_own;
}

// Whether the reply shows the change: what is in one batch is executed in one go, so a read in it shows what comes
// before it, and only what comes behind it makes it out of date.
bool Tracking::shows(const Reader& reader, int db, const std::string& key, const Batch* batch) {
  if (batch == nullptr || reader.slot == 0) return false;
  const uint64_t hash = key_hash(db, key);
  bool read = false;
  for (const Op& op : batch->ops) {
    if (!read) {
      read = op.kind == Op::Kind::kRead && op.waiter.session == reader.session && op.waiter.slot == reader.slot &&
             names(*batch, op, key);
    } else if (op.kind != Op::Kind::kLocal && (op.touches == hash || op.touches == kTouchesAnything)) {
      return false;  // also a read: it may find that the key has expired
    }
  }
  return read;
}

void Tracking::touch_readers(int db, const std::string& key, const Cause& cause) {
  const auto entry = by_key_.find(key);
  if (entry == by_key_.end()) return;
  // Who is just reading it again is told once, behind that reply, which would otherwise bring it back into its cache.
  std::vector<SessionId> reading;
  for (const Reader& reader : entry->second) {
    if (reader.slot != 0 && !shows(reader, db, key, cause.batch)) reading.push_back(reader.session);
  }
  drop_readers(entry, [&](Reader& reader) {
    const Options* options = of(reader.session);
    if (options == nullptr || options->broadcast) return true;
    if (options->no_loop && only_by(reader.session, db, key, cause)) return reader.slot == 0;
    if (shows(reader, db, key, cause.batch)) return false;
    if (reader.slot != 0) {
      reader.changed = true;
      reader.offset = cause.offset;
      reader.removal = cause.removal;
      return false;
    }
    const bool again = std::find(reading.begin(), reading.end(), reader.session) != reading.end();
    if (!again) tell(reader.session, {key}, cause);
    return true;
  });
}

// One message for each prefix, as in Redis.
void Tracking::touch_prefixes(const Cause& cause) {
  for (const auto& [session, options] : clients_) {
    if (!options.broadcast) continue;
    for (const std::string& prefix : options.prefixes) {
      std::set<std::string> keys;
      for (const auto& [where, commands] : cause.commands) {
        const auto& [db, key] = where;
        if (!key.starts_with(prefix)) continue;
        if (!options.no_loop || !only_by(session, db, std::string(key), cause)) keys.emplace(key);
      }
      if (!keys.empty()) tell(session, {keys.begin(), keys.end()}, cause);
    }
  }
}

void Tracking::restart() {
  changed_.clear();
  all_changed_ = false;
  due_.clear();
  touch_all(Cause{});
}

void Tracking::touch_all(const Cause& cause) {
  for (const auto& [session, options] : clients_) tell(session, {}, cause);
  // Reads under way may show the state before: those are told once more, behind their reply.
  for (auto entry = by_key_.begin(); entry != by_key_.end();) {
    entry = drop_readers(entry, [&](Reader& reader) {
      reader.changed = true;
      reader.offset = cause.offset;
      reader.removal = cause.removal;
      return reader.slot == 0;
    });
  }
}

// As Redis does when its table is full. Not those whose reply is still to come: what it says would not be tracked.
void Tracking::drop_some() {
  for (auto entry = by_key_.begin(); by_key_.size() > most_keys_ && entry != by_key_.end();) {
    entry = drop_readers(entry, [&](const Reader& reader) {
      if (reader.slot == 0) due_.push_back({reader.session, false, {entry->first}, 0, 0});
      return reader.slot == 0;
    });
  }
}

std::vector<Tracking::Invalidation> Tracking::take(int64_t settled_offset, uint64_t removals_committed,
                                                   const std::function<bool(const Invalidation&)>& waits) {
  std::vector<Invalidation> ready;
  if (due_.empty()) return ready;
  std::erase_if(due_, [&](Invalidation& one) {
    const bool settled = one.offset <= settled_offset && one.removal <= removals_committed;
    if ((!settled && kDeliberateBug != 17) || waits(one)) return false;  // bug: invalidations do not wait for the log
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
