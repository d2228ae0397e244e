// What all TLS connections of one kind have in common: our certificate, whom we trust, what may be negotiated. Loaded
// from files once and never changed: to have the files read again a new one is made, and connections go on with theirs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"

struct ssl_ctx_st;

namespace holdfast {

struct TlsOptions {
  enum class Side { kServer, kClient };
  enum class PeerCertificate {
    kNone,      // not asked for
    kOptional,  // none will do; one that is not valid is refused
    kRequired,
  };

  Side side = Side::kServer;
  std::string cert_file;  // with what leads to its CA behind it; a client may have none
  std::string key_file;
  std::string key_file_pass;
  std::string ca_cert_file;
  std::string ca_cert_dir;
  std::string crl_file;
  PeerCertificate peer = PeerCertificate::kRequired;  // of a client's side: always required
  std::string peer_host;                              // a client's side: the name or address that the server goes by
  bool check_peer_host = false;                       // whether its certificate has to be for that one
  std::string protocols = "TLSv1.2 TLSv1.3";
  std::string ciphers;       // up to TLSv1.2; empty: OpenSSL's
  std::string ciphersuites;  // of TLSv1.3; empty: OpenSSL's
  bool prefer_server_ciphers = false;
  bool session_caching = true;
  int64_t session_cache_size = 20480;
  int64_t session_cache_seconds = 300;
};

class TlsContext {
 public:
  // The error names the file and what is wrong with it.
  static Result<std::shared_ptr<const TlsContext>> load(const TlsOptions& options);

  const TlsOptions& options() const { return options_; }
  // The certificate, for people: its subject and how long it is valid. Empty: there is none.
  std::string describe_certificate() const;
  ssl_ctx_st* handle() const { return handle_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* handle) const;
  };
  using Handle = std::unique_ptr<ssl_ctx_st, Free>;

  TlsContext(TlsOptions options, Handle handle) : options_(std::move(options)), handle_(std::move(handle)) {}

  const TlsOptions options_;
  const Handle handle_;
};

}  // namespace holdfast
