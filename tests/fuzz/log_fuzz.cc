// What stands in a topic: entries with any header and any value. Reading stops at what cannot be, and what counts can
// be replayed; nothing ends in a crash.
#include <string>
#include <string_view>
#include <vector>

#include "core/check.h"
#include "core/record/record.h"
#include "core/record/snapshot_ref.h"
#include "core/replication/replay.h"
#include "tests/fuzz/forged.h"
#include "tests/fuzz/fuzz.h"

namespace holdfast::fuzz {

namespace {

// Lines: header, value, header, value …
void fuzz_log(std::string_view bytes) {
  Chain chain;
  Replay replay;
  for (Position position = 0; !bytes.empty(); position++) {
    const std::string_view header = take_line(&bytes), value = take_line(&bytes);
    const ChainState before = chain.state();
    const LogEntry entry{position, with_checksum(header, value, before.check), std::string(value)};
    const Chain::Verdict verdict = chain.next(entry);
    const bool moved = verdict == Chain::Verdict::kCounts || verdict == Chain::Verdict::kPart;
    if (verdict == Chain::Verdict::kDamaged) {
      HOLDFAST_CHECK(!chain.reason().empty());
      return;
    }
    HOLDFAST_CHECK(moved ? chain.state().position == position : chain.state() == before);
    if (verdict != Chain::Verdict::kCounts) continue;
    HOLDFAST_CHECK(!header.empty() && chain.record().settled.position < position);
    replay.add(chain.record(), chain.state());
    std::vector<ReplayPiece> pieces;
    replay.take(&pieces);
    for (const ReplayPiece& piece : pieces) HOLDFAST_CHECK(piece.batch < position);
  }
}

// What names a state or a file, in a Redis or in the log.
void fuzz_names(std::string_view bytes) {
  if (const Result<Marker> marker = parse_marker(bytes); marker.ok()) {
    const Result<Marker> again = parse_marker(encode_marker(*marker));
    HOLDFAST_CHECK(again.ok() && again->log_id == marker->log_id && again->applied == marker->applied &&
                   again->settled == marker->settled);
  }
  if (const Result<SnapshotRef> ref = parse_snapshot_ref(bytes); ref.ok()) {
    HOLDFAST_CHECK(!ref->file.empty() && ref->file[0] != '.' && ref->file.find('/') == std::string::npos);
    const Result<SnapshotRef> again = parse_snapshot_ref(encode_snapshot_ref(*ref));
    HOLDFAST_CHECK(again.ok() && again->file == ref->file && again->bytes == ref->bytes && again->check == ref->check);
  }
  const Result<Record> record = parse_header(bytes);
  HOLDFAST_CHECK(!record.ok() || (record->part >= 1 && record->part <= record->parts));
}

const Registration kLog("log", fuzz_log), kNames("names", fuzz_names);

}  // namespace

}  // namespace holdfast::fuzz
