// What the settings come to for the log, for the core and for TLS.
#pragma once

#include "config/settings.h"
#include "core/shard/options.h"
#include "log/options.h"
#include "tls/context.h"

namespace holdfast {

LogOptions log_options(const Settings& settings);
ShardOptions shard_options(const Settings& settings);

TlsOptions client_tls_options(const Settings& settings);
TlsOptions redis_tls_options(const Settings& settings);
TlsOptions feed_tls_options(const Settings& settings);

}  // namespace holdfast
