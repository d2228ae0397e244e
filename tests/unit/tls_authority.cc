#include "tests/unit/tls_authority.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "core/check.h"

namespace holdfast {
namespace {

constexpr long kDaySeconds = 86400;

std::string make_directory() {
  std::string path = (std::filesystem::temp_directory_path() / "holdfast-tls-XXXXXX").string();
  HOLDFAST_CHECK(mkdtemp(path.data()) != nullptr);
  return path;
}

template <class Write>
void to_file(const std::string& path, Write write) {
  FILE* file = std::fopen(path.c_str(), "w");
  HOLDFAST_CHECK(file != nullptr && write(file) == 1 && std::fclose(file) == 0);
}

void add_extension(X509* to, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  HOLDFAST_CHECK(extension != nullptr && X509_add_ext(to, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

}  // namespace

TlsAuthority::TlsAuthority(const std::string& name) : directory_(make_directory()), key_(EVP_EC_gen("P-256")) {
  certificate_ = make(name, key_, 30);
  to_file(ca_file(), [&](FILE* file) { return PEM_write_X509(file, certificate_); });
}

TlsAuthority::~TlsAuthority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
  std::filesystem::remove_all(directory_);
}

// The first one is the authority's own.
X509* TlsAuthority::make(const std::string& common_name, EVP_PKEY* key, int valid_for_days) {
  X509* made = X509_new();
  X509_set_version(made, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made), ++last_serial_);
  X509_gmtime_adj(X509_getm_notBefore(made), -10 * kDaySeconds);
  X509_gmtime_adj(X509_getm_notAfter(made), valid_for_days * kDaySeconds);
  X509_set_pubkey(made, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.data()),
                             static_cast<int>(common_name.size()), -1, 0);
  X509* issuer = certificate_ != nullptr ? certificate_ : made;
  X509_set_issuer_name(made, X509_get_subject_name(issuer));
  if (issuer == made) {
    add_extension(made, issuer, NID_basic_constraints, "critical,CA:TRUE");
  } else {
    add_extension(made, issuer, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  }
  HOLDFAST_CHECK(X509_sign(made, key_, EVP_sha256()) > 0);
  return made;
}

TlsAuthority::Files TlsAuthority::issue(const std::string& common_name, int valid_for_days, const std::string& pass) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* made = make(common_name, key, valid_for_days);
  const std::string base = directory_ + '/' + std::to_string(last_serial_);
  to_file(base + ".crt", [&](FILE* file) { return PEM_write_X509(file, made); });
  to_file(base + ".key", [&](FILE* file) {
    return PEM_write_PrivateKey(file, key, pass.empty() ? nullptr : EVP_aes_256_cbc(),
                                reinterpret_cast<const unsigned char*>(pass.data()), static_cast<int>(pass.size()),
                                nullptr, nullptr);
  });
  X509_free(made);
  EVP_PKEY_free(key);
  return {base + ".crt", base + ".key"};
}

std::string TlsAuthority::revoke_last() {
  X509_CRL* list = X509_CRL_new();
  X509_CRL_set_version(list, 1);
  X509_CRL_set_issuer_name(list, X509_get_subject_name(certificate_));
  ASN1_TIME* when = X509_gmtime_adj(nullptr, -kDaySeconds);
  X509_CRL_set1_lastUpdate(list, when);
  X509_REVOKED* one = X509_REVOKED_new();
  ASN1_INTEGER* serial = ASN1_INTEGER_new();
  ASN1_INTEGER_set(serial, last_serial_);
  X509_REVOKED_set_serialNumber(one, serial);
  X509_REVOKED_set_revocationDate(one, when);
  X509_CRL_add0_revoked(list, one);
  X509_gmtime_adj(when, kDaySeconds);
  X509_CRL_set1_nextUpdate(list, when);
  HOLDFAST_CHECK(X509_CRL_sign(list, key_, EVP_sha256()) > 0);
  const std::string path = directory_ + "/revoked.crl";
  to_file(path, [&](FILE* file) { return PEM_write_X509_CRL(file, list); });
  ASN1_INTEGER_free(serial);
  ASN1_TIME_free(when);
  X509_CRL_free(list);
  return path;
}

}  // namespace holdfast
