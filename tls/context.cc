#include "tls/context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <sstream>

#include "tls/errors.h"

namespace holdfast {
namespace {

// Never asks at the terminal.
int give_pass(char* to, int room, int /*writing*/, void* options) {
  const std::string& pass = static_cast<const TlsOptions*>(options)->key_file_pass;
  if (pass.empty() || pass.size() > static_cast<size_t>(room)) return -1;
  std::copy(pass.begin(), pass.end(), to);
  return static_cast<int>(pass.size());
}

Error refuse(const std::string& what) { return Error{what + ": " + take_openssl_error()}; }

Result<Done> use_certificate(SSL_CTX* ctx, const TlsOptions& options) {
  if (options.cert_file.empty()) return Done{};
  if (SSL_CTX_use_certificate_chain_file(ctx, options.cert_file.c_str()) != 1) {
    return refuse("the certificate " + options.cert_file + " cannot be used");
  }
  SSL_CTX_set_default_passwd_cb(ctx, give_pass);
  SSL_CTX_set_default_passwd_cb_userdata(ctx, const_cast<TlsOptions*>(&options));
  const int used = SSL_CTX_use_PrivateKey_file(ctx, options.key_file.c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_set_default_passwd_cb_userdata(ctx, nullptr);
  if (used != 1) return refuse("the key " + options.key_file + " of " + options.cert_file + " cannot be used");
  return Done{};
}

Result<Done> trust(SSL_CTX* ctx, const TlsOptions& options) {
  if (!options.ca_cert_file.empty() && SSL_CTX_load_verify_file(ctx, options.ca_cert_file.c_str()) != 1) {
    return refuse("the CA certificates in " + options.ca_cert_file + " cannot be used");
  }
  if (!options.ca_cert_dir.empty() && SSL_CTX_load_verify_dir(ctx, options.ca_cert_dir.c_str()) != 1) {
    return refuse("the CA certificates in " + options.ca_cert_dir + " cannot be used");
  }
  if (options.crl_file.empty()) return Done{};
  X509_STORE* store = SSL_CTX_get_cert_store(ctx);
  X509_LOOKUP* files = X509_STORE_add_lookup(store, X509_LOOKUP_file());
  if (files == nullptr || X509_load_crl_file(files, options.crl_file.c_str(), X509_FILETYPE_PEM) <= 0) {
    return refuse("the revocation list " + options.crl_file + " cannot be used");
  }
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return Done{};
}

Result<Done> choose_protocols(SSL_CTX* ctx, const TlsOptions& options) {
  bool tls12 = false, tls13 = false;
  std::istringstream words(options.protocols);
  for (std::string word; words >> word;) {
    if (word == "TLSv1.2") {
      tls12 = true;
    } else if (word == "TLSv1.3") {
      tls13 = true;
    } else {
      return Error{"the protocol " + word + " is not known; there are TLSv1.2 and TLSv1.3"};
    }
  }
  if (!tls12 && !tls13) return Error{"no protocol is allowed; there are TLSv1.2 and TLSv1.3"};
  SSL_CTX_set_min_proto_version(ctx, tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(ctx, tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  if (!options.ciphers.empty() && SSL_CTX_set_cipher_list(ctx, options.ciphers.c_str()) != 1) {
    return refuse("the ciphers \"" + options.ciphers + '"');
  }
  if (!options.ciphersuites.empty() && SSL_CTX_set_ciphersuites(ctx, options.ciphersuites.c_str()) != 1) {
    return refuse("the ciphersuites \"" + options.ciphersuites + '"');
  }
  if (options.prefer_server_ciphers) SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
  return Done{};
}

void set_up_sessions(SSL_CTX* ctx, const TlsOptions& options) {
  if (options.side == TlsOptions::Side::kClient || !options.session_caching) {
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(ctx, 0);
    return;
  }
  constexpr unsigned char kName[] = "holdfast";
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER);
  SSL_CTX_sess_set_cache_size(ctx, options.session_cache_size);
  SSL_CTX_set_timeout(ctx, options.session_cache_seconds);
  SSL_CTX_set_session_id_context(ctx, kName, sizeof kName - 1);
}

int verify_mode(const TlsOptions& options) {
  if (options.side == TlsOptions::Side::kClient) return SSL_VERIFY_PEER;
  switch (options.peer) {
    case TlsOptions::PeerCertificate::kNone: return SSL_VERIFY_NONE;
    case TlsOptions::PeerCertificate::kOptional: return SSL_VERIFY_PEER;
    case TlsOptions::PeerCertificate::kRequired: break;
  }
  return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

// What OpenSSL prints into memory.
template <class Print>
std::string printed(Print print) {
  BIO* memory = BIO_new(BIO_s_mem());
  if (memory == nullptr) return {};
  print(memory);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  std::string text(data, static_cast<size_t>(std::max(size, 0L)));
  BIO_free(memory);
  return text;
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* handle) const { SSL_CTX_free(handle); }

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsOptions& options) {
  ERR_clear_error();
  Handle handle(SSL_CTX_new(TLS_method()));
  SSL_CTX* ctx = handle.get();
  if (ctx == nullptr) return refuse("no TLS");
  SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  // An idle connection gives its buffers back.
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_dh_auto(ctx, 1);
  SSL_CTX_set_verify(ctx, verify_mode(options), nullptr);
  if (auto done = use_certificate(ctx, options); !done) return Error{done.error()};
  if (auto done = trust(ctx, options); !done) return Error{done.error()};
  if (auto done = choose_protocols(ctx, options); !done) return Error{done.error()};
  set_up_sessions(ctx, options);
  return std::shared_ptr<const TlsContext>(new TlsContext(options, std::move(handle)));
}

std::string TlsContext::describe_certificate() const {
  const X509* certificate = SSL_CTX_get0_certificate(handle_.get());
  if (certificate == nullptr) return {};
  return printed([&](BIO* to) {
    X509_NAME_print_ex(to, X509_get_subject_name(certificate), 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
    BIO_puts(to, ", valid until ");
    ASN1_TIME_print(to, X509_get0_notAfter(certificate));
  });
}

}  // namespace holdfast
