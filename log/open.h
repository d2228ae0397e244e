// Opens the log that the options name, and checks that it is fit to be one.
#pragma once

#include <memory>

#include "core/result.h"
#include "log/log.h"
#include "log/options.h"

namespace holdfast {

Result<std::unique_ptr<Log>> open_log(const LogOptions& options);

}  // namespace holdfast
