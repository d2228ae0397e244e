#include "recovery/later_effects.h"

#include "recovery/interrupt.h"
#include "recovery/record_text.h"

namespace holdfast {
namespace {

constexpr size_t kReadBytes = 1 << 20;

void note(const RecordCommand& command, const CommandTable& table, LaterEffects* effects) {
  const auto& argv = command.argv;
  const CommandInfo* info = table.find(argv);
  if (info != nullptr && info->first_key == 0 && !info->write) return;  // PUBLISH
  if (info == nullptr || info->movable_keys || info->first_key <= 0 || info->key_step <= 0) {
    effects->sweeping = std::string(argv[0]);
    return;
  }
  const int count = static_cast<int>(argv.size());
  const int last = info->last_key < 0 ? count + info->last_key : info->last_key;
  for (int i = info->first_key; i <= last && i < count; i += info->key_step) {
    effects->keys.emplace(command.db, argv[static_cast<size_t>(i)]);
  }
}

}  // namespace

Result<LaterEffects> read_later_effects(Log* log, const ChainState& from, Position batch, const CommandTable& table) {
  const Result<Position> end = log->end();
  if (!end) return Error{end.error()};
  Result<std::unique_ptr<LogReader>> reader = log->read_from(from.position + 1);
  if (!reader) return Error{reader.error()};
  LaterEffects effects;
  Chain chain(from);
  std::vector<LogEntry> entries;
  for (Position at = from.position; at + 1 < *end;) {
    if (interrupted()) return interrupted_error();
    entries.clear();
    const Result<size_t> read = (*reader)->poll(&entries, kReadBytes);
    if (!read) return Error{read.error()};
    for (const LogEntry& entry : entries) {
      at = entry.position;
      const Chain::Verdict verdict = chain.next(entry);
      if (verdict == Chain::Verdict::kDamaged) {
        return Error{stopped_at(at, chain.reason())};
      }
      if (verdict != Chain::Verdict::kCounts) continue;
      for (const RecordPart& part : parts_of(chain.record())) {
        if (part.segment == nullptr || part.segment->place != Segment::Place::kAfter) continue;
        if (part.segment->batch != batch) continue;
        for (const RecordCommand& command : part.commands) note(command, table, &effects);
      }
    }
  }
  return effects;
}

}  // namespace holdfast
