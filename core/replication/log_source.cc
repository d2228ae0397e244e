#include "core/replication/log_source.h"

namespace holdfast {

Result<size_t> LogSource::read(size_t max_bytes) {
  if (damaged()) return Error{damage_};
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
    const Chain::Verdict verdict = chain_.next(entry);
    if (verdict == Chain::Verdict::kDamaged) {
      damage_ = stopped_at(entry.position, chain_.reason());
      damaged_at_ = entry.position;
      reader_.reset();
      return Error{damage_};
    }
    position_ = entry.position;
    switch (verdict) {
      case Chain::Verdict::kCounts:
        if (log_id_.empty() && chain_.record().type == RecordType::kClaim) log_id_ = chain_.record().value;
        replay_.add(chain_.record(), chain_.state());
        if (chain_.state() == expected_) met_ = true;
        break;
      default: break;
    }
  }
  return entries.size();
}

}  // namespace holdfast
