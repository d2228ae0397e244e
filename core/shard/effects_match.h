// Verified effects: is what Redis did what the log says? Compares the effects of one batch, as they came on the tap,
// with the batch's commands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/shard/batch.h"

namespace holdfast {

// The effects of one unit of the replication stream: a single command or what stood between MULTI and EXEC.
struct EffectList {
  struct Command {
    size_t offset;
    size_t length;
    int db;
  };
  std::string bytes;
  std::vector<Command> commands;  // without SELECT, MULTI, EXEC, and without the marker

  void add(std::string_view raw, int db) {
    commands.push_back({bytes.size(), raw.size(), db});
    bytes.append(raw);
  }
  std::string_view bytes_of(const Command& command) const {
    return std::string_view(bytes).substr(command.offset, command.length);
  }
  void clear() {
    constexpr size_t kLarge = 1 << 20;
    if (bytes.capacity() > kLarge) std::string().swap(bytes);  // an assignment would keep the memory
    bytes.clear();
    commands.clear();
  }
};

// True if a replica that executes the batch's own commands ends where Redis is now: each effect is the next command's
// own bytes or a rewriting of it known to be deterministic, and commands without an effect are of a kind that then
// changed nothing.
//
// A removal needs care: it may come from an expiry rather than from a command, and a replica does not expire. So a
// removal that would be matched while a command before it left no effect on the same key is taken for a deviation.
bool effects_match(const Unit& batch, const EffectList& effects, int64_t now_ms);

// Whether `effect` is what the command leaves, as it is or in a rewriting that is known.
bool is_effect_of(const Op& op, std::string_view command, std::string_view effect);

// Whether a replica may execute the command as it was logged although its effects were never seen: then nobody can
// have been told more than that.
bool may_replay_unseen(Effect effect);

// True if all effects remove keys (DEL, UNLINK); their hashes are appended to `keys`.
bool only_removals(const EffectList& effects, std::vector<uint64_t>* keys);

// The effects as commands for the log, with a SELECT wherever the database changes from `*db` on. Relative TTLs (a 6.2
// sends them) become absolute.
std::string effects_value(const EffectList& effects, int64_t now_ms, int* db);

// One of them, made absolute where it has a relative TTL.
void append_effect(std::string* out, std::string_view effect, int64_t now_ms);

}  // namespace holdfast
