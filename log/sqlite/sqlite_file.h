// How a log lies in an SQLite file. Two tables: the entries; and one row with the position of the beginning, so that a
// log truncated to its end goes on counting where it was.
#pragma once

#include <cstddef>

#include "core/result.h"
#include "log/sqlite/connection.h"

namespace holdfast::sqlite {

// SQLite would take more; but every entry shall fit Kafka's default too, so that a log can be copied there.
inline constexpr size_t kMaxEntryBytes = size_t{900} * 1024;

inline constexpr const char* kFindBeginning = "SELECT position FROM beginning";
inline constexpr const char* kFindEnd =
    "SELECT max((SELECT position FROM beginning), ifnull((SELECT max(position) + 1 FROM entries), 0))";

// Makes a new file a log, and refuses a file that is something else. Sets how it is written: every commit synced.
Result<Done> prepare_file(Connection* connection, int64_t max_file_bytes);

// Refuses a file that is no log.
Result<Done> check_file(Connection* connection);

}  // namespace holdfast::sqlite
