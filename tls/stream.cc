#include "tls/stream.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/check.h"
#include "tls/errors.h"

namespace holdfast {
namespace {

constexpr size_t kRecordBytes = 16 << 10;
constexpr size_t kRecordExtra = 64;  // at most, around the plain bytes

// Where the plain bytes of receive() are put: shared, so that an idle connection costs none. Not larger than the
// largest piece that is read from a socket, and a record.
std::vector<char>& plain_buffer() {
  thread_local std::vector<char> buffer(4 * kRecordBytes);
  return buffer;
}

bool is_address(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 || inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

void set_peer_host(SSL* ssl, const TlsOptions& options) {
  const bool address = is_address(options.peer_host);
  if (!address) SSL_set_tlsext_host_name(ssl, options.peer_host.c_str());
  if (!options.check_peer_host) return;
  X509_VERIFY_PARAM* rules = SSL_get0_param(ssl);
  const int set = address ? X509_VERIFY_PARAM_set1_ip_asc(rules, options.peer_host.c_str())
                          : X509_VERIFY_PARAM_set1_host(rules, options.peer_host.c_str(), 0);
  HOLDFAST_CHECK(set == 1);
}

}  // namespace

// OpenSSL's end of the wire: reads where the bytes are, so that none is copied on the way.
struct WireBio {
  static TlsStream* stream(BIO* bio) { return static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* to, int room) {
    BIO_clear_retry_flags(bio);
    std::string_view& input = stream(bio)->input_;
    if (input.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const size_t taken = std::min(input.size(), static_cast<size_t>(room));
    std::memcpy(to, input.data(), taken);
    input.remove_prefix(taken);
    return static_cast<int>(taken);
  }

  static int write(BIO* bio, const char* from, int bytes) {
    BIO_clear_retry_flags(bio);
    stream(bio)->output_.append(from, static_cast<size_t>(bytes));
    return bytes;
  }

  static long control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static BIO* make(TlsStream* stream) {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "holdfast's wire");
      HOLDFAST_CHECK(made != nullptr);
      BIO_meth_set_read(made, read);
      BIO_meth_set_write(made, write);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    BIO* bio = BIO_new(method);
    HOLDFAST_CHECK(bio != nullptr);
    BIO_set_data(bio, stream);
    BIO_set_init(bio, 1);
    return bio;
  }
};

void TlsStream::Free::operator()(ssl_st* handle) const { SSL_free(handle); }

TlsStream::TlsStream(const TlsContext& context) : ssl_(SSL_new(context.handle())) {
  HOLDFAST_CHECK(ssl_ != nullptr);  // out of memory
  BIO* wire = WireBio::make(this);
  SSL_set_bio(ssl_.get(), wire, wire);
  if (context.options().side == TlsOptions::Side::kServer) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
    set_peer_host(ssl_.get(), context.options());
    shake_hands();
  }
}

// True: done.
bool TlsStream::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    open_ = true;
  } else if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) {
    fail();
  }
  return open_;
}

void TlsStream::fail() {
  failure_ = take_openssl_error();
  // Then the reason in the queue may be about the arithmetic of it.
  if (const long verified = SSL_get_verify_result(ssl_.get()); verified != X509_V_OK) {
    failure_ = std::string("certificate verify failed: ") + X509_verify_cert_error_string(verified);
  }
}

std::string_view TlsStream::receive(std::string_view wire) {
  if (!failure_.empty() || peer_ended_) return {};
  input_ = wire;
  std::vector<char>& plain = plain_buffer();
  size_t used = 0;
  if (open_ || shake_hands()) {
    for (;;) {
      if (plain.size() - used < kRecordBytes) plain.resize(2 * plain.size());
      size_t got = 0;
      ERR_clear_error();
      const int result = SSL_read_ex(ssl_.get(), plain.data() + used, plain.size() - used, &got);
      used += got;
      if (result == 1) continue;
      const int why = SSL_get_error(ssl_.get(), result);
      if (why == SSL_ERROR_ZERO_RETURN) {
        peer_ended_ = true;
      } else if (why != SSL_ERROR_WANT_READ) {
        fail();
      }
      break;
    }
  }
  input_ = {};
  return {plain.data(), used};
}

void TlsStream::send(std::string_view plain) {
  if (!open() || ended_ || plain.empty()) return;
  output_.reserve(output_.size() + plain.size() + (plain.size() / kRecordBytes + 1) * kRecordExtra);
  ERR_clear_error();
  size_t sent = 0;
  // The wire takes everything, so this does too.
  if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &sent) != 1) fail();
}

void TlsStream::end() {
  if (!open() || ended_) return;
  ended_ = true;
  ERR_clear_error();
  if (SSL_shutdown(ssl_.get()) < 0) ERR_clear_error();
}

std::string TlsStream::describe() const {
  return std::string(SSL_get_version(ssl_.get())) + ", " + SSL_get_cipher_name(ssl_.get());
}

std::string TlsStream::peer_common_name() const {
  const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr || SSL_get_verify_result(ssl_.get()) != X509_V_OK) return {};
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return {};
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return {};
  std::string name(reinterpret_cast<const char*>(text), static_cast<size_t>(size));
  OPENSSL_free(text);
  return name.find('\0') == std::string::npos ? name : std::string();
}

}  // namespace holdfast
