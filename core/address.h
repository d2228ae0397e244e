// Addresses as CLIENT LIST writes them: "1.2.3.4:567", "[::1]:567".
#pragma once

#include <string_view>

namespace holdfast {

// Without port and brackets.
inline std::string_view host_of(std::string_view address) {
  std::string_view host = address.substr(0, address.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host;
}

}  // namespace holdfast
