// The log in one SQLite file: for one node, with no other service than Redis.
#pragma once

#include <memory>

#include "core/result.h"
#include "log/log.h"
#include "log/options.h"

namespace holdfast {

// Creates a missing file, except read-only. Only one writer at a time, whatever the process; readers as many as like.
Result<std::unique_ptr<Log>> open_sqlite_log(const LogOptions& options);

}  // namespace holdfast
