// Writes a log as a leader does, entry by entry, into memory. A copy of it is a second leader that knows no better.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/record/record.h"

namespace holdfast::testing {

class LogWriter {
 public:
  std::vector<LogEntry> entries;
  int64_t time_ms = 1000;
  size_t max_entry_bytes = 1 << 20;

  Position end() const { return static_cast<Position>(entries.size()); }
  const ChainState& state() const { return state_; }

  // Claims the epoch behind the one of this writer and leads from there on.
  Position claim(const std::string& nonce = "a") {
    Record record;
    record.type = RecordType::kClaim;
    record.epoch = state_.epoch + 1;
    record.time_ms = time_ms;
    record.nonce = nonce;
    record.value = "the-log";
    ChainState unused;
    append_all(encode(record, max_entry_bytes, &unused));
    Chain chain(state_);
    chain.next(entries.back());
    state_ = chain.state();
    return end() - 1;
  }

  Position write(Record record) {
    record.time_ms = time_ms;
    append_all(encode(record, max_entry_bytes, &state_));
    state_.position = end() - 1;
    return end() - 1;
  }

  Position batch(std::string value, Position settled = kNoPosition) {
    Record record;
    record.value = std::move(value);
    record.settled.position = settled;
    return write(std::move(record));
  }

  struct Piece {
    Segment::Place place;
    Position batch;
    std::string commands;
  };
  Position effects(const std::vector<Piece>& pieces, Position settled = kNoPosition) {
    Record record;
    record.type = RecordType::kEffects;
    record.settled.position = settled;
    for (const Piece& piece : pieces) {
      record.segments.push_back({piece.place, piece.batch, piece.commands.size()});
      record.value += piece.commands;
    }
    return write(std::move(record));
  }

  Position settled(Position position) {
    Record record;
    record.type = RecordType::kSettled;
    record.settled.position = position;
    return write(std::move(record));
  }

  // What somebody else has written, or this one's own once more.
  void append(EncodedEntry entry) {
    entries.push_back(LogEntry{end(), std::move(entry.header), std::move(entry.value)});
  }
  void append_all(std::vector<EncodedEntry> encoded) {
    for (EncodedEntry& entry : encoded) append(std::move(entry));
  }
  void append_again(const LogEntry& entry) { append({entry.header, entry.value}); }

 private:
  ChainState state_;
};

}  // namespace holdfast::testing
