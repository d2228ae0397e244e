// Redis denies writes while it cannot write its own files (MISCONF): the AOF, or an RDB.
#pragma once

#include <string_view>

namespace holdfast {

// Whether a reply says so: of a command, or of the EXEC that it would have been executed by.
inline bool is_denial(std::string_view reply) {
  return reply.starts_with("-MISCONF ") || reply.starts_with("-EXECABORT Transaction discarded because of: MISCONF ");
}

// To a client whose write cannot be tried a second time.
inline constexpr std::string_view kDenied = "NOTWRITTEN Redis could not write its own files; it has executed nothing";

}  // namespace holdfast
