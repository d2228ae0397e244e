#include "log/log_id.h"

#include <thread>
#include <vector>

#include "core/record/record.h"

namespace holdfast {

Result<std::string> read_log_id(Log* log, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const Result<Position> begin = log->begin();
  if (!begin.ok()) return Error{begin.error()};
  const Result<Position> end = log->end();
  if (!end.ok()) return Error{end.error()};
  if (*begin == *end) return std::string();
  Result<std::unique_ptr<LogReader>> reader = log->read_from(*begin);
  if (!reader.ok()) return Error{reader.error()};
  std::vector<LogEntry> entries;
  for (;;) {
    const Result<size_t> read = (*reader)->poll(&entries, 1);
    if (!read.ok()) return Error{read.error()};
    if (!entries.empty()) break;
    if (std::chrono::steady_clock::now() > deadline) return Error{"the log's first entry cannot be read: time-out"};
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const Result<Record> record = parse_header(entries[0].header);
  if (!record.ok() || record->type != RecordType::kClaim || entries[0].value.empty()) {
    return Error{"this is no log of Holdfast: its first entry is not a claim"};
  }
  return entries[0].value;
}

}  // namespace holdfast
