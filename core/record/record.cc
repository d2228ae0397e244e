#include "core/record/record.h"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/check.h"
#include "core/record/snapshot_ref.h"

namespace holdfast {
namespace {

constexpr std::string_view kMagic = "hf1";
constexpr std::string_view kCheckField = " c=";
constexpr size_t kCheckDigits = 16;
// More than any header but one with very many segments; those are counted apart.
constexpr size_t kHeaderRoom = 512;

uint64_t checksum(uint64_t previous, std::string_view header, std::string_view value) {
  const uint64_t over_header = XXH3_64bits_withSeed(header.data(), header.size(), previous);
  return XXH3_64bits_withSeed(value.data(), value.size(), over_header);
}

std::string hex(uint64_t number) {
  char digits[kCheckDigits + 1];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(number));
  return digits;
}

template <class Number>
bool parse_number(std::string_view text, Number* number, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

// Takes the text up to `separator` (or all of it) off the front of `text`.
std::string_view take(std::string_view* text, char separator) {
  const size_t end = std::min(text->find(separator), text->size());
  const std::string_view front = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return front;
}

void append_field(std::string* out, char name, std::string_view value) {
  out->push_back(' ');
  out->push_back(name);
  out->push_back('=');
  out->append(value);
}

// All but the checksum, which goes over this.
std::string header_text(const Record& record) {
  std::string out(kMagic);
  out.push_back(' ');
  out.push_back(static_cast<char>(record.type));
  append_field(&out, 'e', std::to_string(record.epoch));
  append_field(&out, 'q', std::to_string(record.sequence));
  append_field(&out, 't', std::to_string(record.time_ms));
  append_field(&out, 's', std::to_string(record.settled.position));
  if (!record.settled.replid.empty()) {
    append_field(
        &out, 'r',
        record.settled.replid + ":" + std::to_string(record.settled.offset) + ":" + std::to_string(record.settled.db));
  }
  if (record.parts > 1) append_field(&out, 'p', std::to_string(record.part) + "/" + std::to_string(record.parts));
  if (!record.segments.empty()) {
    std::string list;
    for (const Segment& segment : record.segments) {
      if (!list.empty()) list.push_back(',');
      list.push_back(static_cast<char>(segment.place));
      list += std::to_string(segment.batch) + ":" + std::to_string(segment.length);
    }
    append_field(&out, 'x', list);
  }
  if (!record.nonce.empty()) append_field(&out, 'n', record.nonce);
  return out;
}

bool parse_segments(std::string_view text, std::vector<Segment>* segments) {
  while (!text.empty()) {
    std::string_view one = take(&text, ',');
    if (one.empty() || (one[0] != 'a' && one[0] != 'r')) return false;
    Segment segment;
    segment.place = static_cast<Segment::Place>(one[0]);
    one.remove_prefix(1);
    const std::string_view batch = take(&one, ':');
    if (!parse_number(batch, &segment.batch) || !parse_number(one, &segment.length)) return false;
    segments->push_back(segment);
  }
  return true;
}

bool parse_field(char name, std::string_view value, Record* record) {
  switch (name) {
    case 'e': return parse_number(value, &record->epoch);
    case 'q': return parse_number(value, &record->sequence);
    case 't': return parse_number(value, &record->time_ms);
    case 's': return parse_number(value, &record->settled.position);
    case 'r': {
      record->settled.replid = std::string(take(&value, ':'));
      const std::string_view offset = take(&value, ':');
      return parse_number(offset, &record->settled.offset) && parse_number(value, &record->settled.db);
    }
    case 'p': {
      const std::string_view part = take(&value, '/');
      return parse_number(part, &record->part) && parse_number(value, &record->parts) && record->part >= 1 &&
             record->part <= record->parts;
    }
    case 'x': return parse_segments(value, &record->segments);
    case 'n': record->nonce = std::string(value); return true;
    case 'c': return true;
    default: return false;  // a field that this version does not know could change the record's meaning
  }
}

std::string describe(const ChainState& state) {
  return std::to_string(state.position) + ":" + std::to_string(state.epoch) + ":" + std::to_string(state.sequence) +
         ":" + hex(state.check);
}

bool parse_state(std::string_view text, ChainState* state) {
  const std::string_view position = take(&text, ':');
  const std::string_view epoch = take(&text, ':');
  const std::string_view sequence = take(&text, ':');
  return parse_number(position, &state->position) && parse_number(epoch, &state->epoch) &&
         parse_number(sequence, &state->sequence) && parse_number(text, &state->check, 16);
}

}  // namespace

Result<Record> parse_header(std::string_view header) {
  std::string_view rest = header;
  if (take(&rest, ' ') != kMagic) return Error{"its header does not begin with " + std::string(kMagic)};
  Record record;
  const std::string_view type = take(&rest, ' ');
  if (type.size() != 1 || std::string_view("BECSDU").find(type[0]) == std::string_view::npos) {
    return Error{"its type is not known to this version: " + std::string(type.substr(0, 20))};
  }
  record.type = static_cast<RecordType>(type[0]);
  std::string fields;
  while (!rest.empty()) {
    const std::string_view field = take(&rest, ' ');
    if (field.size() < 2 || field[1] != '=' || !parse_field(field[0], field.substr(2), &record)) {
      return Error{"its header has a field that this version does not know: " + std::string(field.substr(0, 40))};
    }
    fields.push_back(field[0]);
  }
  if (!fields.starts_with("eqts")) return Error{"its header does not begin with the fields e, q, t and s"};
  return record;
}

std::vector<EncodedEntry> encode(Record record, size_t max_entry_bytes, ChainState* state) {
  const size_t header_room = kHeaderRoom + record.segments.size() * 48;
  HOLDFAST_CHECK(max_entry_bytes > header_room);
  const size_t room = max_entry_bytes - header_room;
  const size_t parts = std::max<size_t>(1, (record.value.size() + room - 1) / room);
  HOLDFAST_CHECK(parts == 1 || record.type != RecordType::kClaim);

  std::vector<EncodedEntry> entries;
  entries.reserve(parts);
  std::string whole = std::exchange(record.value, {});
  Record part = record;
  part.parts = static_cast<uint32_t>(parts);
  for (size_t i = 0; i < parts; i++) {
    EncodedEntry entry;
    entry.value = parts == 1 ? std::move(whole) : whole.substr(i * room, room);
    part.part = static_cast<uint32_t>(i + 1);
    part.segments = i + 1 == parts ? record.segments : std::vector<Segment>();
    if (record.type == RecordType::kClaim) {
      part.sequence = 0;
      entry.header = header_text(part);
      // A claim does not know what stands before it: its checksum covers itself. Readers carry theirs on over it.
      entry.header += std::string(kCheckField) + hex(checksum(0, entry.header, entry.value));
    } else {
      part.epoch = state->epoch;
      part.sequence = ++state->sequence;
      entry.header = header_text(part);
      state->check = checksum(state->check, entry.header, entry.value);
      entry.header += std::string(kCheckField) + hex(state->check);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

Chain::Verdict Chain::void_entry(std::string reason) {
  reason_ = std::move(reason);
  return Verdict::kVoid;
}

Chain::Verdict Chain::damaged(std::string reason) {
  reason_ = std::move(reason);
  return Verdict::kDamaged;
}

// Whatever a leader knew of as committed counts: were it void, its record would be another one now.
std::string Chain::contradiction(const Record& record) const {
  return "it tells that position " + std::to_string(record.settled.position) +
         " is settled, but as the log stands the last record that counts is at position " +
         std::to_string(state_.position) + ": one of those behind that was changed";
}

Chain::Verdict Chain::next(const LogEntry& entry) {
  if (entry.position <= state_.position) return damaged("it was read twice");
  if (entry.header.empty()) return damaged("it was not written by Holdfast: it has no header");
  const size_t end = entry.header.rfind(kCheckField);
  uint64_t check = 0;
  if (end == std::string::npos ||
      !parse_number(std::string_view(entry.header).substr(end + kCheckField.size()), &check, 16)) {
    return damaged("it was not written by Holdfast: no checksum in its header");
  }
  Result<Record> parsed = parse_header(entry.header);
  if (!parsed.ok()) return damaged(parsed.error());
  Record record = std::move(*parsed);
  if (!record.segments.empty() && record.type != RecordType::kEffects)
    return damaged("it has segments and is no EFFECTS");
  const std::string_view checked = std::string_view(entry.header).substr(0, end);

  if (record.type == RecordType::kClaim) {
    if (checksum(0, checked, entry.value) != check) return damaged("its checksum is wrong: damaged or not Holdfast's");
    if (record.epoch != state_.epoch + 1) {
      const std::string claims = "it claims epoch " + std::to_string(record.epoch) + " while the current one is " +
                                 std::to_string(state_.epoch);
      // Too late, or ahead of one that is gone: who claims has read of the epoch before.
      return record.epoch <= state_.epoch ? void_entry(claims) : damaged(claims);
    }
    if (record.settled.position > state_.position) return damaged(contradiction(record));
    // Markers name it between spaces.
    if (entry.value.find_first_of(" \r\n") != std::string::npos) return damaged("it is a claim of what is no log");
    if (record.sequence != 0 || record.parts != 1)
      return damaged("it is a claim and not the first record of its epoch");
    return accept(std::move(record), entry, checked);
  }
  if (record.epoch < state_.epoch) return void_entry("its epoch " + std::to_string(record.epoch) + " has ended");
  if (record.epoch > state_.epoch) return damaged("its epoch " + std::to_string(record.epoch) + " was never claimed");
  if (record.settled.position > state_.position) return damaged(contradiction(record));
  if (broken_) return void_entry("a record of its epoch is missing before it");
  if (record.sequence <= state_.sequence) return void_entry("it is a repetition");
  if (record.sequence > state_.sequence + 1) {
    broken_ = true;
    return void_entry("record " + std::to_string(state_.sequence + 1) + " of its epoch is missing before it");
  }
  if (checksum(state_.check, checked, entry.value) != check) {
    return damaged("the running checksum does not agree: the log was changed, truncated or made anew");
  }
  return accept(std::move(record), entry, checked);
}

Chain::Verdict Chain::accept(Record record, const LogEntry& entry, std::string_view checked_header) {
  state_.check = checksum(state_.check, checked_header, entry.value);
  state_.epoch = record.epoch;
  state_.sequence = record.sequence;
  state_.position = entry.position;
  record.value = entry.value;
  record.position = entry.position;

  if (record.type == RecordType::kClaim) {
    broken_ = false;
    parts_.clear();  // a record whose last part never came does not count
    nonce_ = record.nonce;
    record_ = std::move(record);
    return Verdict::kCounts;
  }
  if (record.part != parts_.size() + 1) return damaged("its parts are not in order");
  if (record.part < record.parts) {
    parts_.push_back(std::move(record));
    return Verdict::kPart;
  }
  std::string whole;
  for (Record& part : parts_) whole += part.value;
  if (!parts_.empty()) record.value = whole + record.value;
  parts_.clear();
  size_t left = record.value.size();
  for (const Segment& segment : record.segments) {
    if (segment.length > left) return damaged("its segments do not fit its value");
    if (segment.batch >= record.position) return damaged("it tells what batches did that come behind it");
    left -= segment.length;
  }
  if (!record.segments.empty() && left > 0) return damaged("its segments do not fit its value");
  if (record.type == RecordType::kSnapshot) {
    if (const Result<SnapshotRef> ref = parse_snapshot_ref(record.value); !ref.ok()) return damaged(ref.error());
  }
  record_ = std::move(record);
  return Verdict::kCounts;
}

std::string stopped_at(Position position, const std::string& reason) {
  std::string text = "the record at position " + std::to_string(position) + " of the log stops this: " + reason +
                     ". Nothing is passed over: ";
  if (position <= 0) return text + "give a log of Holdfast's own";
  return text + "'holdfast-recover copy --to-position " + std::to_string(position - 1) +
         "' makes a log that ends before it, see docs/operations.md";
}

std::string encode_marker(const Marker& marker) {
  std::string out(kMagic);
  out += " " + marker.log_id + " " + describe(marker.applied) + " " + describe(marker.settled);
  if (marker.users != kNoPosition) out += " " + std::to_string(marker.users);
  return out;
}

Result<Marker> parse_marker(std::string_view text) {
  const std::string whole(text);
  Marker marker;
  const bool magic = take(&text, ' ') == kMagic;
  marker.log_id = std::string(take(&text, ' '));
  const std::string_view applied = take(&text, ' ');
  const std::string_view settled = take(&text, ' ');
  if (!magic || marker.log_id.empty() || !parse_state(applied, &marker.applied) ||
      !parse_state(settled, &marker.settled) || (!text.empty() && !parse_number(text, &marker.users))) {
    return Error{"the key " + std::string(kMarkerKey) + " does not hold a marker of Holdfast: " + whole.substr(0, 100)};
  }
  return marker;
}

}  // namespace holdfast
