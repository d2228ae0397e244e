// What a script says of itself in its first line, "#!lua flags=no-writes,allow-oom". Redis keeps it to that: one that
// says "no-writes" cannot write.
// Source: https://redis.io/docs/latest/develop/programmability/lua-api/#script_flags
#pragma once

#include <string>
#include <string_view>

namespace holdfast {

struct ScriptFlags {
  bool declared = false;  // there is such a line, and nothing in it that is not known here
  bool no_writes = false;
  bool allow_oom = false;

  // Redis refuses to begin it when memory is over the limit.
  bool takes_memory() const { return declared && !no_writes && !allow_oom; }
};

ScriptFlags script_flags(std::string_view script);

// As EVALSHA names it, in lower case.
std::string script_sha(std::string_view script);

}  // namespace holdfast
