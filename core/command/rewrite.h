// Takes time and chance out of a write before it is logged, where that is cheap: relative TTLs become absolute, an
// XADD gets its id. It keeps most commands on the fast path; being right never depends on it (verified effects do
// that).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/command/table.h"

namespace holdfast {

// What the backend's build understands.
struct BackendFeatures {
  bool set_pxat = true;  // SET/GETEX … PXAT: 6.2 and newer
};

// If the request is one of
//   SET k v … EX s | PX ms            -> SET k v … PXAT t (other options stay, in order)
//   SETEX k s v, PSETEX k ms v        -> SET k v PXAT t
//   GETEX k EX s | PX ms | EXAT s     -> GETEX k PXAT t
//   EXPIRE k s […], PEXPIRE k ms […], EXPIREAT k s […] -> PEXPIREAT k t […] (t 0 where s or ms is no time at all)
//   SET k v … EXAT s                  -> SET k v … PXAT t
//   RESTORE k ttl v … (ttl > 0, no ABSTTL) -> RESTORE k t v … ABSTTL
// with arguments that Redis would take (integers in range, TTL > 0 where Redis demands it, no overflow), puts the new
// request, as an array of bulk strings, in `out` and returns true. Anything else, and anything that Redis would refuse,
// is left alone: returns false. `now_ms` is Unix time. The reply must be the one the original would get.
bool make_absolute(const std::vector<std::string_view>& argv, int64_t now_ms, const BackendFeatures& features,
                   std::string* out);

}  // namespace holdfast
