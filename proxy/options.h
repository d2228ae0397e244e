// What the settings come to for the log and for the core.
#pragma once

#include "config/settings.h"
#include "core/shard/options.h"
#include "log/options.h"

namespace holdfast {

LogOptions log_options(const Settings& settings);
ShardOptions shard_options(const Settings& settings);

}  // namespace holdfast
