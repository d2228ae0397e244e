// What OpenSSL has to say about a failure.
#pragma once

#include <string>

namespace holdfast {

// The oldest reason in OpenSSL's queue of this thread, which is emptied.
std::string take_openssl_error();

}  // namespace holdfast
