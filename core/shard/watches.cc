#include "core/shard/watches.h"

#include <algorithm>

#include "core/check.h"
#include "core/deliberate_bug.h"
#include "core/resp/words.h"

namespace holdfast {

void Watches::add(SessionId session, int db, std::string_view name) {
  Watcher& watcher = sessions_[session];
  const uint64_t hash = key_hash(db, name);
  const auto same = [&](const Key& key) { return key.db == db && key.name == name; };
  if (std::any_of(watcher.keys.begin(), watcher.keys.end(), same)) return;
  watcher.keys.push_back({db, std::string(name), hash});
  watcher.name_bytes += name.size();
  by_key_[hash].push_back(session);
}

size_t Watches::memory_of(SessionId session) const {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return 0;
  return found->second.name_bytes + found->second.keys.size() * (sizeof(Key) + sizeof(SessionId));
}

void Watches::learn(SessionId session, const std::vector<int64_t>& pttls) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  size_t next = 0;
  for (Key& key : found->second.keys) {
    if (key.pttl != kUnknown) continue;
    HOLDFAST_CHECK(next < pttls.size());
    key.pttl = pttls[next++];
    // Gone before it was looked at, as seen by the look: it was watched as one that is not there.
    if (key.removed && key.pttl != -2) found->second.touched = true;
  }
}

void Watches::forget(SessionId session) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  for (const Key& key : found->second.keys) {
    const auto watchers = by_key_.find(key.hash);
    if (watchers == by_key_.end()) continue;  // two keys with one hash: all was erased with the first
    std::erase(watchers->second, session);
    if (watchers->second.empty()) by_key_.erase(watchers);
  }
  sessions_.erase(found);
}

bool Watches::touched(SessionId session) const {
  const auto found = sessions_.find(session);
  if (kDeliberateBug == 12) return false;  // changes of watched keys are not looked at
  return found != sessions_.end() && found->second.touched;
}

void Watches::touch(uint64_t hash, bool removal) {
  const auto watchers = by_key_.find(hash);
  if (watchers == by_key_.end()) return;
  for (SessionId session : watchers->second) {
    Watcher& watcher = sessions_.at(session);
    for (Key& key : watcher.keys) {
      if (key.hash != hash) continue;
      if (removal && key.pttl == kUnknown) {
        key.removed = true;
      } else if (!removal || key.pttl != -2 || (key.swapped && !watcher.last_look)) {
        // Otherwise what had expired before is only now seen to be gone.
        watcher.touched = true;
      }
    }
  }
}

void Watches::on_touched(const Touched& touched, const CommandInfo* command) {
  if (touched.anything) touch_all();
  const bool removal = command != nullptr && (command->name == "del" || command->name == "unlink");
  for (const Touched::Key& key : touched.keys) touch(key_hash(key.db, key.name), removal);
  if (touched.databases.empty()) return;
  // A key that was not there is not changed by a flush. What SWAPDB puts in its place must be looked at.
  const bool flush = command->name != "swapdb";
  for (auto& [session, watcher] : sessions_) {
    for (Key& key : watcher.keys) {
      const bool in = std::find(touched.databases.begin(), touched.databases.end(), key.db) != touched.databases.end();
      if (!in) continue;
      if (key.pttl == -2 && !watcher.last_look) {
        key.swapped = key.swapped || !flush;
      } else if (key.pttl != -2 || !flush) {
        watcher.touched = true;
      }
    }
  }
}

void Watches::touch_all() {
  for (auto& [session, watcher] : sessions_) watcher.touched = true;
}

}  // namespace holdfast
