#include "core/replication/log_source.h"

namespace holdfast {

Result<size_t> LogSource::read(size_t max_bytes) {
  if (!started_) {
    position_ = chain_.state().position;
    started_ = true;
  }
  if (expected_ == chain_.state()) met_ = true;
  if (!reader_) {
    Result<std::unique_ptr<LogReader>> opened = log_->read_from(position_ + 1);
    if (!opened.ok()) return Error{opened.error()};
    reader_ = std::move(*opened);
  }
  std::vector<LogEntry> entries;
  const Result<size_t> read = reader_->poll(&entries, max_bytes);
  if (!read.ok()) {
    reader_.reset();
    return read;
  }
  for (const LogEntry& entry : entries) {
    position_ = entry.position;
    switch (chain_.next(entry)) {
      case Chain::Verdict::kDamaged:
        return Error{"the record at position " + std::to_string(entry.position) +
                     " of the log stops this: " + chain_.reason()};
      case Chain::Verdict::kCounts:
        replay_.add(chain_.record(), chain_.state());
        if (chain_.state() == expected_) met_ = true;
        break;
      case Chain::Verdict::kPart:
      case Chain::Verdict::kVoid: break;
    }
  }
  return entries.size();
}

Result<std::string> read_log_id(Log* log) {
  const Result<Position> begin = log->begin();
  if (!begin.ok()) return Error{begin.error()};
  const Result<Position> end = log->end();
  if (!end.ok()) return Error{end.error()};
  if (*begin == *end) return std::string();
  Result<std::unique_ptr<LogReader>> reader = log->read_from(*begin);
  if (!reader.ok()) return Error{reader.error()};
  std::vector<LogEntry> entries;
  // A remote log may need some rounds before its first entry comes.
  for (int round = 0; round < 1000 && entries.empty(); round++) {
    const Result<size_t> read = (*reader)->poll(&entries, 1);
    if (!read.ok()) return Error{read.error()};
  }
  if (entries.empty()) return Error{"the log's first entry cannot be read"};
  const Result<Record> record = parse_header(entries[0].header);
  if (!record.ok() || record->type != RecordType::kClaim || entries[0].value.empty()) {
    return Error{"this is no log of Holdfast: its first entry is not a claim"};
  }
  return entries[0].value;
}

}  // namespace holdfast
