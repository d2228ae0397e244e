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
        damaged_ = true;
        return Error{"the record at position " + std::to_string(entry.position) +
                     " of the log stops this: " + chain_.reason()};
      case Chain::Verdict::kCounts:
        if (log_id_.empty() && chain_.record().type == RecordType::kClaim) log_id_ = chain_.record().value;
        replay_.add(chain_.record(), chain_.state());
        if (chain_.state() == expected_) met_ = true;
        break;
      case Chain::Verdict::kPart:
      case Chain::Verdict::kVoid: break;
    }
  }
  return entries.size();
}

}  // namespace holdfast
