// Where messages for people go.
#pragma once

#include <string>

#include "config/settings.h"
#include "core/result.h"

namespace holdfast {

Result<Done> set_up_logging(const LoggingSettings& settings);

// Why the process ends: one line in the log, and on standard error wherever the log goes.
void log_failure(const std::string& reason);

}  // namespace holdfast
