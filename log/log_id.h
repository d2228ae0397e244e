// Every claim in a log names the log; the first one stands at its beginning.
#pragma once

#include <chrono>
#include <string>

#include "core/result.h"
#include "log/log.h"

namespace holdfast {

// The log's id; empty for an empty log. Blocks for at most `timeout`.
Result<std::string> read_log_id(Log* log, std::chrono::milliseconds timeout = std::chrono::seconds(15));

}  // namespace holdfast
