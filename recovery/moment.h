// Moments as people write and read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace holdfast {

// Unix time in ms (12 digits or more) or s, ISO 8601 in UTC ("2025-03-01T12:30:00.250Z", also "2025-03-01 12:30" and
// "2025-03-01"), or how long ago it was ("-90s", "-5m", "-2h", "-1d", "-250ms"). Gives Unix ms.
Result<int64_t> parse_moment(std::string_view text, int64_t now_ms);

// "2025-03-01T12:30:00.250Z"
std::string utc_text(int64_t unix_ms);
// "2025-03-01 13:30:00.250 +0100", in the time zone of this process.
std::string local_text(int64_t unix_ms);

int64_t now_unix_ms();

}  // namespace holdfast
