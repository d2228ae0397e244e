#include "tls/errors.h"

#include <openssl/err.h>

#include <cstring>

namespace holdfast {

std::string take_openssl_error() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  if (error == 0) return "no reason given";
  // "No such file or directory" and the like come with a code of the system.
  if (ERR_SYSTEM_ERROR(error)) return std::strerror(ERR_GET_REASON(error));
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "OpenSSL's error " + std::to_string(error);
}

}  // namespace holdfast
