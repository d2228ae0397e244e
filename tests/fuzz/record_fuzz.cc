// Records: headers, logs and markers as others may have left them. What was written comes back, no damage makes a
// record count as something else, and nothing ends in a crash.
#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/record/record.h"
#include "core/record/snapshot_ref.h"
#include "core/replication/replay.h"
#include "tests/fuzz/fuzz.h"

namespace holdfast::fuzz {

namespace {

constexpr size_t kMaxEntryBytes = 8000;

int64_t random_number(Random* random) {
  const auto number = static_cast<int64_t>(random->next() >> random->below(64));
  return random->chance(20) ? -number : number;
}

std::string random_hex(Random* random, size_t digits) {
  std::string text(digits, '0');
  for (char& c : text) c = "0123456789abcdef"[random->below(16)];
  return text;
}

Record random_record(Random* random) {
  static constexpr RecordType kTypes[] = {RecordType::kBatch, RecordType::kEffects, RecordType::kSettled,
                                          RecordType::kSnapshot, RecordType::kUsers};
  Record record;
  record.type = random->pick(kTypes);
  record.time_ms = random_number(random);
  record.settled.position = random_number(random);
  if (random->chance(50)) {
    record.settled.replid = random_hex(random, 40);
    record.settled.offset = random_number(random);
    record.settled.db = static_cast<int>(random->between(0, 16)) - 1;
  }
  record.value = random->bytes(random->chance(10) ? random->below(20'000) : random->below(60));
  if (record.type == RecordType::kEffects) {
    size_t left = record.value.size();
    for (size_t i = random->below(5); i > 0; i--) {
      const size_t length = i == 1 ? left : random->below(left + 1);
      const auto place = random->chance(50) ? Segment::Place::kAfter : Segment::Place::kInsteadOf;
      record.segments.push_back({place, random_number(random), length});
      left -= length;
    }
    if (record.segments.empty()) record.value.clear();
  }
  return record;
}

void fuzz_headers(Random* random) {
  Record record = random_record(random);
  ChainState state{0, random->next(), random->next() >> 1, random->next()};
  const uint64_t epoch = state.epoch;
  std::vector<EncodedEntry> entries = encode(record, kMaxEntryBytes, &state);
  for (const EncodedEntry& entry : entries) {
    HOLDFAST_CHECK(entry.header.size() + entry.value.size() <= kMaxEntryBytes);
    const ExactCopy copy(entry.header);
    const Result<Record> parsed = parse_header(copy.view());
    HOLDFAST_CHECK(parsed.ok() && parsed->type == record.type && parsed->epoch == epoch);
    HOLDFAST_CHECK(parsed->time_ms == record.time_ms && parsed->settled == record.settled);
    HOLDFAST_CHECK(parsed->parts == entries.size());
  }
  HOLDFAST_CHECK(parse_header(entries.back().header)->segments == record.segments);

  std::string header = entries[random->below(entries.size())].header;
  mutate(random, &header);
  if (random->chance(20)) mutate(random, &header);
  const ExactCopy copy(header);
  const size_t before = allocated_bytes();
  const Result<Record> parsed = parse_header(copy.view());
  HOLDFAST_CHECK(allocated_bytes() - before <= 64 * header.size() + 4096);
  HOLDFAST_CHECK(!parsed.ok() || (parsed->part >= 1 && parsed->part <= parsed->parts));
  HOLDFAST_CHECK(parsed.ok() || !parsed.error().empty());
}

// Several leaders write one log, one after the other, while the entries of earlier ones still come in, some twice,
// some never. Keeps by itself which of them count.
class RandomLog {
 public:
  explicit RandomLog(Random* random) : random_(random) {}

  void write(size_t steps) {
    claim();
    for (; steps > 0; steps--) {
      if (random_->chance(10)) {
        claim();
      } else if (random_->chance(20) && !old_.empty()) {
        const EncodedEntry entry = old_[random_->below(old_.size())];
        add(entry, false, {});  // repeated, or of an older epoch
      } else {
        record();
      }
    }
  }

  std::vector<LogEntry> entries;
  struct Expected {
    bool counts;  // complete with this entry
    std::string value;
  };
  std::vector<Expected> expected;
  ChainState state;  // behind the last entry that counts

 private:
  void claim() {
    Record record;
    record.type = RecordType::kClaim;
    record.epoch = state.epoch + 1;
    record.nonce = random_hex(random_, 16);
    record.value = "log";
    const bool counts = !random_->chance(10);
    if (!counts) record.epoch = state.epoch - random_->below(std::min<size_t>(state.epoch, 3) + 1);
    ChainState unused;
    const EncodedEntry entry = encode(record, kMaxEntryBytes, &unused)[0];
    add(entry, counts, record.value);
    if (!counts) {
      if (state.epoch == 0) claim();
      return;
    }
    Chain chain(state);
    HOLDFAST_CHECK(chain.next(entries.back()) == Chain::Verdict::kCounts);
    state = chain.state();
    writing_ = state;
    broken_ = false;
  }

  void record() {
    Record record = random_record(random_);
    // Never further than what its leader knows of.
    record.settled.position = static_cast<Position>(random_->below(static_cast<size_t>(state.position) + 2)) - 1;
    for (Segment& segment : record.segments) segment.batch = record.settled.position;
    if (record.type == RecordType::kSnapshot) record.value = encode_snapshot_ref({"base.rdb", 1, 1});
    std::vector<EncodedEntry> parts = encode(record, kMaxEntryBytes, &writing_);
    for (size_t i = 0; i < parts.size(); i++) {
      if (broken_) {
        // Behind a missing one: void, if it comes at all.
        if (random_->chance(50)) add(parts[i], false, {});
      } else if (random_->chance(3)) {
        broken_ = true;  // this one never comes
      } else {
        const bool whole = i + 1 == parts.size();
        old_.push_back(parts[i]);
        add(parts[i], whole, record.value);
        state = state_behind(whole);
      }
    }
  }

  ChainState state_behind(bool whole) {
    ChainState now = writing_;
    now.position = static_cast<Position>(entries.size()) - 1;
    if (!whole) {
      Chain chain(state);
      chain.next(entries.back());
      now = chain.state();
    }
    return now;
  }

  void add(const EncodedEntry& entry, bool counts, std::string value) {
    entries.push_back({static_cast<Position>(entries.size()), entry.header, entry.value});
    expected.push_back({counts, std::move(value)});
  }

  Random* random_;
  ChainState writing_;
  bool broken_ = false;
  std::vector<EncodedEntry> old_;
};

// Reads as far as reading may go; each record that counts is handed to `counted`.
template <class Counted>
bool read(const std::vector<LogEntry>& entries, Chain* chain, Counted counted) {
  for (const LogEntry& entry : entries) {
    const Chain::Verdict verdict = chain->next(entry);
    if (verdict == Chain::Verdict::kDamaged) return false;
    if (verdict == Chain::Verdict::kCounts) counted(chain->record());
  }
  return true;
}

void fuzz_chain(Random* random) {
  RandomLog log(random);
  log.write(random->between(1, 40));
  size_t counted = 0;
  Chain chain;
  HOLDFAST_CHECK(read(log.entries, &chain, [&](const Record& record) {
    const RandomLog::Expected& expected = log.expected[static_cast<size_t>(record.position)];
    HOLDFAST_CHECK(expected.counts && record.value == expected.value);
    counted++;
  }));
  HOLDFAST_CHECK(counted == static_cast<size_t>(std::count_if(log.expected.begin(), log.expected.end(),
                                                              [](const auto& one) { return one.counts; })));
  HOLDFAST_CHECK(chain.state() == log.state);

  // Damage: what counts all the same is what was written.
  std::vector<LogEntry> entries = log.entries;
  LogEntry& entry = entries[random->below(entries.size())];
  std::string& part = random->chance(70) || entry.value.empty() ? entry.header : entry.value;
  mutate(random, &part);
  Chain damaged;
  read(entries, &damaged, [&](const Record& record) {
    // Where the first of two is damaged so that it is void, the repetition counts in its place.
    HOLDFAST_CHECK(std::any_of(log.expected.begin(), log.expected.begin() + record.position + 1,
                               [&](const auto& one) { return one.counts && one.value == record.value; }));
  });
}

std::string signed_header(uint64_t previous, const std::string& header, const std::string& value) {
  const uint64_t over_header = XXH3_64bits_withSeed(header.data(), header.size(), previous);
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx",
                static_cast<unsigned long long>(XXH3_64bits_withSeed(value.data(), value.size(), over_header)));
  return header + " c=" + digits;
}

// A writer that is not ours but knows the checksum: whatever its headers say, reading and replaying do not fall over.
void fuzz_foreign_writer(Random* random) {
  Chain chain;
  Replay replay;
  std::vector<LogEntry> entries;
  for (size_t steps = random->between(1, 30); steps > 0; steps--) {
    Record record = random_record(random);
    record.settled.position = static_cast<Position>(random->below(entries.size() + 2)) - 1;
    for (Segment& segment : record.segments)
      segment.batch = static_cast<Position>(random->below(entries.size() + 2)) - 1;
    if (random->chance(20) || entries.empty()) {
      record = Record();
      record.type = RecordType::kClaim;
      record.epoch = chain.state().epoch + 1;
    }
    ChainState state = chain.state();
    EncodedEntry entry = encode(record, 1 << 20, &state)[0];
    std::string header = entry.header.substr(0, entry.header.rfind(" c="));
    if (random->chance(30)) mutate(random, &header);
    const uint64_t previous = header.starts_with("hf1 C") ? 0 : chain.state().check;
    entry.header = signed_header(previous, header, entry.value);
    entries.push_back({static_cast<Position>(entries.size()), entry.header, entry.value});
    if (chain.next(entries.back()) == Chain::Verdict::kCounts) replay.add(chain.record(), chain.state());
    std::vector<ReplayPiece> pieces;
    replay.take(&pieces);
  }
}

void fuzz_markers(Random* random) {
  const auto state = [&] { return ChainState{random_number(random), random->next(), random->next(), random->next()}; };
  const Marker marker{random_hex(random, random->between(1, 32)), state(), state()};
  std::string text = encode_marker(marker);
  const Result<Marker> parsed = parse_marker(text);
  HOLDFAST_CHECK(parsed.ok() && parsed->log_id == marker.log_id && parsed->applied == marker.applied &&
                 parsed->settled == marker.settled);
  mutate(random, &text);
  const ExactCopy copy(text);
  const Result<Marker> other = parse_marker(copy.view());
  if (!other.ok()) {
    HOLDFAST_CHECK(!other.error().empty() && other.error().size() < 400);
    return;
  }
  const Result<Marker> again = parse_marker(encode_marker(*other));
  HOLDFAST_CHECK(again.ok() && again->log_id == other->log_id && again->applied == other->applied &&
                 again->settled == other->settled);
}

void fuzz_snapshot_refs(Random* random) {
  const SnapshotRef ref{"base-" + random_hex(random, 8) + ".rdb", random_number(random), random->next()};
  std::string text = encode_snapshot_ref(ref);
  const Result<SnapshotRef> parsed = parse_snapshot_ref(text);
  HOLDFAST_CHECK(parsed.ok() && parsed->file == ref.file && parsed->bytes == ref.bytes && parsed->check == ref.check);
  mutate(random, &text);
  if (random->chance(30)) text.insert(random->below(text.size() + 1), random->chance(50) ? "../" : "/");
  const ExactCopy copy(text);
  const Result<SnapshotRef> other = parse_snapshot_ref(copy.view());
  HOLDFAST_CHECK(!other.ok() ||
                 (!other->file.empty() && other->file[0] != '.' && other->file.find('/') == std::string::npos));
}

void fuzz_record(Random* random) {
  static constexpr void (*kParts[])(Random*) = {fuzz_headers, fuzz_chain, fuzz_foreign_writer, fuzz_markers,
                                                fuzz_snapshot_refs};
  random->pick(kParts)(random);
}

const Registration kRecord("record", fuzz_record);

}  // namespace

}  // namespace holdfast::fuzz
