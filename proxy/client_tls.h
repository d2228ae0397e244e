// TLS for clients in the words of Redis's settings ("tls-port", "tls-auth-clients" …), as CONFIG GET and CONFIG SET
// have them. Source: config.c of Redis.
#pragma once

#include "core/result.h"
#include "core/shard/world.h"
#include "tls/context.h"

namespace holdfast {

struct ClientTls {
  TlsOptions options;
  int port = 0;  // 0: nobody comes with TLS
};

TlsSettingValues tls_values(const ClientTls& tls);

// `name` is one of tls_values(). The error is what CONFIG SET answers.
Result<Done> set_tls_value(ClientTls* tls, const std::string& name, const std::string& value);

}  // namespace holdfast
