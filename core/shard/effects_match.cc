#include "core/shard/effects_match.h"

#include <charconv>
#include <unordered_set>

#include "core/command/rewrite.h"
#include "core/deliberate_bug.h"
#include "core/resp/request.h"
#include "core/resp/words.h"

namespace holdfast {
namespace {

using Argv = std::vector<std::string_view>;

Argv argv_of(std::string_view command) {
  RequestParser parser(kNoRequestLimits);
  if (parser.parse(command) != RequestParser::Status::kComplete) return {};
  return parser.argv();
}

bool is_removal(const Argv& effect) {
  // HDEL: hash fields expire too.
  return !effect.empty() &&
         (same_word(effect[0], "DEL") || same_word(effect[0], "UNLINK") || same_word(effect[0], "HDEL"));
}

bool same_key(const Argv& command, const Argv& effect) {
  return command.size() > 1 && effect.size() > 1 && command[1] == effect[1];
}

// SET's options that say when to set, or ask for the old value, may be missing in its effect.
bool is_set_without_conditions(const Argv& command, const Argv& effect) {
  size_t at = 0;
  for (size_t i = 0; i < command.size(); i++) {
    if (at < effect.size() && (at == 0 ? same_word(command[i], effect[at]) : command[i] == effect[at])) {
      at++;
    } else if (i < 3 || !(same_word(command[i], "GET") || same_word(command[i], "NX") || same_word(command[i], "XX"))) {
      return false;
    }
  }
  return at == effect.size();
}

// A SET that left nothing changed nothing, unless its time had passed (Valkey then leaves nothing, or an UNLINK, while
// a replica would set the key). A second of distance covers what the clocks of proxy and Redis may differ.
bool set_may_leave_nothing(const Argv& command, int64_t now_ms) {
  for (size_t i = 3; i + 1 < command.size(); i++) {
    if (!same_word(command[i], "PXAT")) continue;
    int64_t at = 0;
    std::from_chars(command[i + 1].data(), command[i + 1].data() + command[i + 1].size(), at);
    return at > now_ms + 1000;
  }
  return true;
}

bool is_getex_effect(const Argv& command, const Argv& effect) {
  if (!same_key(command, effect)) return false;
  if (command.size() == 3 && same_word(command[2], "PERSIST"))
    return same_word(effect[0], "PERSIST") && effect.size() == 2;
  return command.size() == 4 && same_word(command[2], "PXAT") && same_word(effect[0], "PEXPIREAT") &&
         effect.size() == 3 && command[3] == effect[2];
}

bool is_known_rewriting(Effect kind, const Argv& command, const Argv& effect) {
  if (effect.empty()) return false;
  switch (kind) {
    case Effect::kIncrFloat:
      return same_word(effect[0], "SET") && same_key(command, effect) && effect.size() == 4 &&
             same_word(effect[3], "KEEPTTL");
    case Effect::kHashFloat:
      // HSET h f value, or from 8.0 on HSETEX h KEEPTTL FIELDS 1 f value
      if (command.size() != 4 || !same_key(command, effect)) return false;
      return (same_word(effect[0], "HSET") && effect.size() == 4 && command[2] == effect[2]) ||
             (same_word(effect[0], "HSETEX") && effect.size() == 7 && same_word(effect[2], "KEEPTTL") &&
              command[2] == effect[5]);
    case Effect::kGetEx: return is_getex_effect(command, effect);
    case Effect::kSet: return is_set_without_conditions(command, effect);
    case Effect::kGeoAdd: return same_word(effect[0], "ZADD") && same_key(command, effect);
    case Effect::kExact:
    case Effect::kOwnBytes:
    case Effect::kUnknown: return false;
  }
  return false;
}

}  // namespace

bool is_effect_of(const Op& op, std::string_view command, std::string_view effect) {
  return effect == command ||
         (op.effect > Effect::kExact && is_known_rewriting(op.effect, argv_of(command), argv_of(effect)));
}

bool effects_match(const Unit& batch, const EffectList& effects, int64_t now_ms) {
  if (kDeliberateBug == 1) return true;  // effects are not compared
  size_t at = 0;
  std::unordered_set<uint64_t> without_effect;
  for (const Op& op : batch.ops) {
    if (op.kind != Op::Kind::kWrite) continue;
    if (op.effect == Effect::kUnknown) return false;
    const std::string_view own = batch.bytes_of(op);
    bool matched = false;
    if (at < effects.commands.size() && effects.commands[at].db == op.db) {
      const std::string_view effect = effects.bytes_of(effects.commands[at]);
      matched = is_effect_of(op, own, effect);
      // Only where a command before it left nothing can a removal be something else than it seems.
      if (matched && !without_effect.empty() && is_removal(argv_of(effect))) {
        if (op.touches == kTouchesAnything || without_effect.contains(kTouchesAnything) ||
            without_effect.contains(op.touches)) {
          return false;
        }
      }
    }
    if (matched) {
      at++;
    } else if (op.effect == Effect::kOwnBytes) {
      return false;
    } else if (op.effect == Effect::kSet && !set_may_leave_nothing(argv_of(own), now_ms)) {
      return false;
    } else {
      without_effect.insert(op.touches);
    }
  }
  return at == effects.commands.size();
}

bool may_replay_unseen(Effect effect) {
  if (kDeliberateBug == 8) return true;  // the tail's scripts are executed by each replica for itself
  return effect != Effect::kUnknown;
}

bool only_removals(const EffectList& effects, std::vector<uint64_t>* keys) {
  for (const EffectList::Command& command : effects.commands) {
    const Argv argv = argv_of(effects.bytes_of(command));
    if (argv.size() < 2 || !(same_word(argv[0], "DEL") || same_word(argv[0], "UNLINK"))) return false;
    for (size_t i = 1; i < argv.size(); i++) keys->push_back(key_hash(command.db, argv[i]));
  }
  return true;
}

void append_effect(std::string* out, std::string_view effect, int64_t now_ms) {
  std::string absolute;
  *out += make_absolute(argv_of(effect), now_ms, BackendFeatures{}, &absolute) ? std::string_view(absolute) : effect;
}

std::string effects_value(const EffectList& effects, int64_t now_ms, int* db) {
  std::string value;
  for (const EffectList::Command& command : effects.commands) {
    append_select(&value, command.db, db);
    append_effect(&value, effects.bytes_of(command), now_ms);
  }
  return value;
}

}  // namespace holdfast
