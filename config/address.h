// Where something listens: HOST:PORT, [IPV6]:PORT, or the path of a Unix socket.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace holdfast {

struct Address {
  std::string host;  // a name or an address, IPv6 without its brackets
  int port = 0;
  std::string unix_path;  // not empty: a Unix socket; host and port say nothing then

  bool is_off() const { return host.empty() && !is_unix(); }  // where there may be none
  bool is_unix() const { return !unix_path.empty(); }
  bool is_loopback() const;  // this machine, by the text alone; a Unix socket too
  bool is_wildcard() const;  // 0.0.0.0 or ::, which can be listened on but not connected to

  bool operator==(const Address&) const = default;
};

// HOST:PORT or [IPV6]:PORT. Port 0 (any free port) only where `lowest_port` is 0.
Result<Address> parse_tcp_address(std::string_view text, int lowest_port);

// The same, or unix:/PATH.
Result<Address> parse_redis_address(std::string_view text);

// The same as parse_tcp_address(), or off, or nothing, for none at all.
Result<Address> parse_optional_address(std::string_view text);

// Parses to the same address again.
std::string to_string(const Address& address);

}  // namespace holdfast
