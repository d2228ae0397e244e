// Certificates for tests of TLS: an authority of its own, and what it signs, as files in a directory of its own.
#pragma once

#include <memory>
#include <string>

struct evp_pkey_st;
struct x509_st;

namespace holdfast {

class TlsAuthority {
 public:
  explicit TlsAuthority(const std::string& name);
  ~TlsAuthority();
  TlsAuthority(const TlsAuthority&) = delete;
  TlsAuthority& operator=(const TlsAuthority&) = delete;

  struct Files {
    std::string cert, key;
  };
  // For `common_name`, and as a server for the host "localhost" and 127.0.0.1.
  Files issue(const std::string& common_name, int valid_for_days = 1, const std::string& pass = "");
  // Lists the one that was issued last as revoked.
  std::string revoke_last();

  std::string ca_file() const { return directory_ + "/ca.crt"; }

 private:
  x509_st* make(const std::string& common_name, evp_pkey_st* key, int valid_for_days);

  const std::string directory_;
  evp_pkey_st* key_ = nullptr;
  x509_st* certificate_ = nullptr;
  long last_serial_ = 0;
};

}  // namespace holdfast
