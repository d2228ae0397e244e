// The RDB of a live Redis at one moment, by way of its replication: as any replica would get it.
#pragma once

#include <string>

#include "config/address.h"
#include "core/result.h"
#include "recovery/redis_client.h"

namespace holdfast {

// Writes it to `file`; returns its size.
Result<uint64_t> fetch_live_snapshot(const Address& redis, const Login& login, const std::string& file);

}  // namespace holdfast
