#include "proxy/client_tls.h"

#include <algorithm>
#include <climits>
#include <optional>

#include "core/resp/integer.h"
#include "core/resp/words.h"
#include "core/shard/client_limits.h"

namespace holdfast {
namespace {

using PeerCertificate = TlsOptions::PeerCertificate;

constexpr struct {
  std::string_view name;
  PeerCertificate peer;
} kAuthClients[] = {
    {"no", PeerCertificate::kNone}, {"yes", PeerCertificate::kRequired}, {"optional", PeerCertificate::kOptional}};

constexpr struct {
  std::string_view name;
  std::string TlsOptions::*text;
} kTexts[] = {{"tls-ca-cert-dir", &TlsOptions::ca_cert_dir},    {"tls-ca-cert-file", &TlsOptions::ca_cert_file},
              {"tls-cert-file", &TlsOptions::cert_file},        {"tls-ciphers", &TlsOptions::ciphers},
              {"tls-ciphersuites", &TlsOptions::ciphersuites},  {"tls-key-file", &TlsOptions::key_file},
              {"tls-key-file-pass", &TlsOptions::key_file_pass}};

constexpr struct {
  std::string_view name;
  bool TlsOptions::*flag;
} kFlags[] = {{"tls-prefer-server-ciphers", &TlsOptions::prefer_server_ciphers},
              {"tls-session-caching", &TlsOptions::session_caching}};

constexpr struct {
  std::string_view name;
  int64_t TlsOptions::*number;
} kNumbers[] = {{"tls-session-cache-size", &TlsOptions::session_cache_size},
                {"tls-session-cache-timeout", &TlsOptions::session_cache_seconds}};

template <class Rows>
auto row_of(const Rows& rows, std::string_view name) {
  const auto found = std::find_if(std::begin(rows), std::end(rows), [&](const auto& row) { return row.name == name; });
  return found == std::end(rows) ? nullptr : &*found;
}

Result<int64_t> number_up_to(int64_t most, const std::string& text) {
  const std::optional<int64_t> number = parse_integer(text);
  if (const std::string wrong = parse_within(number, kNoInteger, 0, most); !wrong.empty()) return Error{wrong};
  return *number;
}

}  // namespace

Result<Done> set_tls_value(ClientTls* tls, const std::string& name, const std::string& value) {
  TlsOptions& options = tls->options;
  if (name == "tls-port") {
    const Result<int64_t> port = number_up_to(65535, value);
    if (!port.ok()) return Error{port.error()};
    tls->port = static_cast<int>(*port);
  } else if (name == "tls-auth-clients") {
    const auto* row = row_of(kAuthClients, lowered(value));
    if (row == nullptr) return Error{"argument(s) must be one of the following: no, yes, optional"};
    options.peer = row->peer;
  } else if (name == "tls-protocols") {
    options.protocols = value.empty() ? TlsOptions().protocols : value;
  } else if (const auto* text = row_of(kTexts, name)) {
    options.*text->text = value;
  } else if (const auto* flag = row_of(kFlags, name)) {
    if (!same_word(value, "yes") && !same_word(value, "no")) return Error{"argument must be 'yes' or 'no'"};
    options.*flag->flag = same_word(value, "yes");
  } else if (const auto* count = row_of(kNumbers, name)) {
    const Result<int64_t> number = number_up_to(INT_MAX, value);
    if (!number.ok()) return Error{number.error()};
    options.*count->number = *number;
  }
  return Done{};
}

TlsSettingValues tls_values(const ClientTls& tls) {
  const TlsOptions& options = tls.options;
  TlsSettingValues values = {{"tls-port", std::to_string(tls.port)}, {"tls-protocols", options.protocols}};
  for (const auto& row : kAuthClients) {
    if (row.peer == options.peer) values["tls-auth-clients"] = row.name;
  }
  for (const auto& row : kTexts) values[std::string(row.name)] = options.*row.text;
  for (const auto& row : kFlags) values[std::string(row.name)] = options.*row.flag ? "yes" : "no";
  for (const auto& row : kNumbers) values[std::string(row.name)] = std::to_string(options.*row.number);
  return values;
}

}  // namespace holdfast
