#include "config/address.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace holdfast {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";
constexpr std::string_view kOff = "off";

std::optional<in_addr> ipv4(const std::string& host) {
  in_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) != 1) return std::nullopt;
  return address;
}

// An address with a zone ("fe80::1%eth0") counts as the address without it.
std::optional<in6_addr> ipv6(const std::string& host) {
  in6_addr address{};
  if (inet_pton(AF_INET6, host.substr(0, host.find('%')).c_str(), &address) != 1) return std::nullopt;
  return address;
}

bool is_host_name(const std::string& host) {
  auto is_digit_or_dot = [](char c) { return (c >= '0' && c <= '9') || c == '.'; };
  if (std::all_of(host.begin(), host.end(), is_digit_or_dot)) return ipv4(host).has_value();
  return std::all_of(host.begin(), host.end(), [&](char c) {
    return is_digit_or_dot(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
}

}  // namespace

bool Address::is_loopback() const {
  if (is_unix() || host == "localhost") return true;
  if (auto address = ipv4(host)) return ntohl(address->s_addr) >> 24 == 127;
  if (auto address = ipv6(host)) {
    return IN6_IS_ADDR_LOOPBACK(&*address) || (IN6_IS_ADDR_V4MAPPED(&*address) && address->s6_addr[12] == 127);
  }
  return false;
}

bool Address::is_wildcard() const {
  if (is_unix()) return false;
  if (auto address = ipv4(host)) return address->s_addr == INADDR_ANY;
  if (auto address = ipv6(host)) return IN6_IS_ADDR_UNSPECIFIED(&*address);
  return false;
}

Result<Address> parse_tcp_address(std::string_view text, int lowest_port) {
  auto refuse = [&](const std::string& why) { return Error{'"' + std::string(text) + "\": " + why}; };

  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || (!text.empty() && text.back() == ']')) {
    return refuse("the port is missing; write HOST:PORT");
  }
  Address address;
  address.host = text.substr(0, colon);
  if (address.host.empty()) return refuse("the host is missing; write HOST:PORT");

  if (address.host.front() == '[') {
    if (address.host.back() != ']') return refuse("the ] is missing; write [IPV6]:PORT");
    address.host = address.host.substr(1, address.host.size() - 2);
    if (!ipv6(address.host)) return refuse('"' + address.host + "\" is not an IPv6 address");
  } else if (address.host.find(':') != std::string::npos) {
    return refuse("an IPv6 address needs brackets; write [IPV6]:PORT");
  } else if (!is_host_name(address.host)) {
    return refuse('"' + address.host + "\" is neither a host name nor an IPv4 address");
  }

  std::string_view port = text.substr(colon + 1);
  auto [end, problem] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (problem != std::errc() || end != port.data() + port.size() || address.port < lowest_port ||
      address.port > 65535) {
    return refuse("the port must be a number from " + std::to_string(lowest_port) + " to 65535");
  }
  return address;
}

Result<Address> parse_redis_address(std::string_view text) {
  if (!text.starts_with(kUnixPrefix)) return parse_tcp_address(text, 1);
  Address address;
  address.unix_path = text.substr(kUnixPrefix.size());
  if (!address.unix_path.starts_with('/')) {
    return Error{'"' + std::string(text) + "\": a Unix socket is named by its full path; write unix:/PATH"};
  }
  if (address.unix_path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Error{'"' + std::string(text) + "\": the path of a Unix socket has at most " +
                 std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes"};
  }
  return address;
}

Result<Address> parse_optional_address(std::string_view text) {
  if (text.empty() || text == kOff) return Address{};
  return parse_tcp_address(text, 0);
}

std::string to_string(const Address& address) {
  if (address.is_off()) return std::string(kOff);
  if (address.is_unix()) return std::string(kUnixPrefix) + address.unix_path;
  bool brackets = address.host.find(':') != std::string::npos;
  return (brackets ? '[' + address.host + ']' : address.host) + ':' + std::to_string(address.port);
}

}  // namespace holdfast
