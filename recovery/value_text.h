// A key's value, read from a Redis and written in one normal form, so that equal values give equal texts whatever their
// encoding.
#pragma once

#include <string>

#include "core/result.h"
#include "recovery/redis_client.h"

namespace holdfast {

// `type` as Redis's TYPE says; `field_expiry`: fields of hashes may expire on this build. A type that Redis does not
// have by itself (a module's) has no normal form: then the result is empty.
Result<std::string> normal_form(RedisClient* redis, const std::string& type, const std::string& key, bool field_expiry);

}  // namespace holdfast
