#include "core/shard/effect_units.h"

#include <algorithm>

namespace holdfast {
namespace {

// Whether the effect is on a key that the command names.
bool names_key_of(std::string_view command, std::string_view effect) {
  RequestParser asked(kNoRequestLimits), done(kNoRequestLimits);
  if (asked.parse(command) != RequestParser::Status::kComplete ||
      done.parse(effect) != RequestParser::Status::kComplete || done.argv().size() < 2) {
    return false;
  }
  return std::find(asked.argv().begin() + 1, asked.argv().end(), done.argv()[1]) != asked.argv().end();
}

}  // namespace

std::vector<size_t> effect_units(const Unit& batch, const EffectList& effects) {
  std::vector<size_t> ends;
  size_t at = 0;
  const auto end_unit = [&ends](size_t end) {
    if (end > (ends.empty() ? 0 : ends.back())) ends.push_back(end);
  };
  for (const Op& op : batch.ops) {
    if (op.kind == Op::Kind::kWrite) {
      const bool left = at < effects.commands.size() && effects.commands[at].db == op.db;
      const std::string_view own = batch.bytes_of(op);
      const std::string_view effect = left ? effects.bytes_of(effects.commands[at]) : std::string_view();
      // A blocked call's attempt takes from one key, or finds that it has expired.
      if (left &&
          (is_effect_of(op, own, effect) || (op.waiter.filter == Filter::kBlocked && names_key_of(own, effect)))) {
        at++;
      } else if (op.effect == Effect::kUnknown && op.waiter.filter != Filter::kBlocked) {
        break;
      }
    }
    if (op.last_piece) end_unit(at);
  }
  end_unit(effects.commands.size());
  return ends;
}

ReplicaStream::Effects for_replicas(const Unit* batch, const EffectList& effects, int reserved_db, int64_t now_ms) {
  std::vector<size_t> ends{effects.commands.size()};
  if (batch != nullptr) ends = effect_units(*batch, effects);
  ReplicaStream::Effects out;
  size_t at = 0;
  for (const size_t end : ends) {
    for (; at < end; at++) {
      const EffectList::Command& command = effects.commands[at];
      if (command.db == reserved_db) continue;
      append_effect(&out.bytes, effects.bytes_of(command), now_ms);
      out.commands.push_back({out.bytes.size(), command.db});
    }
    if (out.commands.size() > (out.units.empty() ? 0 : out.units.back())) out.units.push_back(out.commands.size());
  }
  return out;
}

}  // namespace holdfast
