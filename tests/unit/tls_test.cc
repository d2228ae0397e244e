#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "tests/unit/tls_authority.h"
#include "tls/context.h"
#include "tls/stream.h"

namespace holdfast {
namespace {

using Peer = TlsOptions::PeerCertificate;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TlsAuthority& authority() {
  static TlsAuthority one("the CA");
  return one;
}

TlsOptions server_options(Peer peer = Peer::kNone) {
  static const TlsAuthority::Files files = authority().issue("server");
  TlsOptions options;
  options.cert_file = files.cert;
  options.key_file = files.key;
  options.ca_cert_file = authority().ca_file();
  options.peer = peer;
  return options;
}

TlsOptions client_options(const TlsAuthority::Files& own = {}) {
  TlsOptions options;
  options.side = TlsOptions::Side::kClient;
  options.cert_file = own.cert;
  options.key_file = own.key;
  options.ca_cert_file = authority().ca_file();
  options.peer_host = "127.0.0.1";
  options.check_peer_host = true;
  return options;
}

std::shared_ptr<const TlsContext> load(const TlsOptions& options) {
  auto context = TlsContext::load(options);
  REQUIRE_MESSAGE(context.ok(), context.error());
  return *context;
}

std::string error_of(const TlsOptions& options) {
  auto context = TlsContext::load(options);
  return context ? "accepted" : context.error();
}

// Both ends, and a wire that delivers in pieces of `piece` bytes.
struct Pair {
  Pair(const TlsOptions& server_side, const TlsOptions& client_side, size_t piece_bytes = SIZE_MAX)
      : server(*load(server_side)), client(*load(client_side)), piece(piece_bytes) {
    exchange();
  }

  void exchange() {
    for (bool moved = true; moved;) {
      const std::string up = client.take_output(), down = server.take_output();
      moved = !up.empty() || !down.empty();
      for (size_t at = 0; at < up.size(); at += std::min(piece, up.size() - at)) {
        at_server += server.receive(std::string_view(up).substr(at, piece));
      }
      for (size_t at = 0; at < down.size(); at += std::min(piece, down.size() - at)) {
        at_client += client.receive(std::string_view(down).substr(at, piece));
      }
    }
  }
  bool open() const { return server.open() && client.open(); }

  TlsStream server, client;
  const size_t piece;
  std::string at_server, at_client;
};

std::string some_bytes(size_t size) {
  std::string bytes(size, '\0');
  uint32_t state = 1;
  for (char& c : bytes) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

}  // namespace

TEST_CASE("plain bytes come out as they went in, whatever pieces the wire makes of them") {
  for (const char* protocol : {"TLSv1.2", "TLSv1.3"}) {
    for (const size_t piece : {size_t{1}, size_t{7}, size_t{1000}, size_t{65536}, SIZE_MAX}) {
      CAPTURE(protocol);
      CAPTURE(piece);
      TlsOptions options = server_options();
      options.protocols = protocol;
      Pair pair(options, client_options(), piece);
      REQUIRE(pair.open());
      CHECK(contains(pair.server.describe(), protocol));
      const std::string bytes = some_bytes(piece < 100 ? 50'000 : 1'000'000);
      pair.client.send("PING\r\n");
      pair.server.send(bytes);
      pair.exchange();
      pair.client.send(bytes);
      pair.client.send("");
      pair.exchange();
      CHECK(pair.at_server == "PING\r\n" + bytes);
      CHECK(pair.at_client == bytes);
    }
  }
}

TEST_CASE("each side ends by itself, and what it has said before counts") {
  Pair pair(server_options(), client_options());
  pair.client.send("QUIT\r\n");
  pair.client.end();
  pair.client.send("never sent");
  pair.exchange();
  CHECK(pair.at_server == "QUIT\r\n");
  CHECK(pair.server.peer_ended());
  CHECK(pair.server.open());
  CHECK_FALSE(pair.client.peer_ended());
  pair.server.send("+OK\r\n");
  pair.server.end();
  pair.server.end();
  pair.exchange();
  CHECK(pair.at_client == "+OK\r\n");
  CHECK(pair.client.peer_ended());
}

TEST_CASE("what is no TLS fails at once, and stays so") {
  const auto context = load(server_options());
  for (const char* plain : {"*1\r\n$4\r\nPING\r\n", "GET / HTTP/1.0\r\n\r\n", "PING\r\n"}) {
    TlsStream server(*context);
    CHECK(server.receive(plain).empty());
    CHECK(server.failure() != "");
    CHECK_FALSE(server.open());
    (void)server.take_output();
    CHECK(server.receive(plain).empty());
    server.send("x");
    CHECK(server.take_output().empty());
  }
}

TEST_CASE("bytes that were changed on the way are never handed out") {
  Pair pair(server_options(), client_options());
  pair.client.send("SET a 1\r\n");
  std::string wire = pair.client.take_output();
  wire[wire.size() / 2] ^= 1;
  CHECK(pair.server.receive(wire).empty());
  CHECK(pair.server.failure() != "");
}

TEST_CASE("the certificate of a client: required, optional, not asked for") {
  TlsAuthority stranger("the CA");  // of the same name
  const auto good = authority().issue("alice"), expired = authority().issue("alice", -1);
  const auto wrong = stranger.issue("alice");
  const auto name_seen = [](Peer peer, const TlsAuthority::Files& own) {
    Pair pair(server_options(peer), client_options(own));
    return pair.open() ? "open as " + pair.server.peer_common_name() : pair.server.failure();
  };
  CHECK(name_seen(Peer::kRequired, good) == "open as alice");
  CHECK(contains(name_seen(Peer::kRequired, {}), "peer did not return a certificate"));
  CHECK(contains(name_seen(Peer::kRequired, expired), "certificate has expired"));
  CHECK(contains(name_seen(Peer::kRequired, wrong), "certificate verify failed"));
  CHECK(name_seen(Peer::kOptional, good) == "open as alice");
  CHECK(name_seen(Peer::kOptional, {}) == "open as ");
  CHECK(contains(name_seen(Peer::kOptional, wrong), "certificate verify failed"));
  CHECK(name_seen(Peer::kNone, good) == "open as ");
  CHECK(name_seen(Peer::kNone, wrong) == "open as ");
}

TEST_CASE("the other side is told why it is refused") {
  Pair pair(server_options(Peer::kRequired), client_options());
  CHECK(contains(pair.client.failure(), "alert certificate required"));
}

TEST_CASE("a revoked certificate is refused") {
  const auto good = authority().issue("alice"), revoked = authority().issue("alice");
  TlsOptions options = server_options(Peer::kRequired);
  options.crl_file = authority().revoke_last();
  CHECK(Pair(options, client_options(good)).open());
  CHECK(contains(Pair(options, client_options(revoked)).server.failure(), "certificate revoked"));
}

TEST_CASE("a name with a zero byte in it is no name") {
  const auto files = authority().issue(std::string("alice\0.evil", 11));
  CHECK(Pair(server_options(Peer::kRequired), client_options(files)).server.peer_common_name() == "");
}

TEST_CASE("a client checks whom it talks to") {
  TlsAuthority stranger("another CA");
  TlsOptions wrong = server_options();
  const auto files = stranger.issue("server");
  wrong.cert_file = files.cert;
  wrong.key_file = files.key;
  CHECK(contains(Pair(wrong, client_options()).client.failure(), "certificate verify failed"));

  TlsOptions elsewhere = client_options();
  elsewhere.peer_host = "10.9.8.7";
  CHECK(contains(Pair(server_options(), elsewhere).client.failure(), "IP address mismatch"));
  elsewhere.peer_host = "redis.example";
  CHECK(contains(Pair(server_options(), elsewhere).client.failure(), "hostname mismatch"));
  elsewhere.check_peer_host = false;
  CHECK(Pair(server_options(), elsewhere).open());
  elsewhere.check_peer_host = true;
  elsewhere.peer_host = "localhost";
  CHECK(Pair(server_options(), elsewhere).open());
}

TEST_CASE("only the protocols and ciphers that are set are agreed on") {
  TlsOptions server = server_options(), client = client_options();
  server.protocols = "TLSv1.3";
  client.protocols = "TLSv1.2";
  CHECK(contains(Pair(server, client).server.failure(), "unsupported protocol"));

  server.protocols = "TLSv1.2 TLSv1.3";
  server.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384";
  CHECK(Pair(server, client).server.describe() == "TLSv1.2, ECDHE-ECDSA-AES256-GCM-SHA384");
  client.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
  CHECK(contains(Pair(server, client).server.failure(), "no shared cipher"));

  client.protocols = "TLSv1.3";
  server.ciphersuites = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256";
  CHECK(Pair(server, client).server.describe() == "TLSv1.3, TLS_CHACHA20_POLY1305_SHA256");  // the client's order
  server.prefer_server_ciphers = true;
  CHECK(Pair(server, client).server.describe() == "TLSv1.3, TLS_AES_128_GCM_SHA256");
}

TEST_CASE("what cannot be loaded is named, with the reason") {
  TlsOptions options = server_options();
  options.cert_file = "/nowhere/a.crt";
  CHECK(error_of(options) == "the certificate /nowhere/a.crt cannot be used: No such file or directory");
  options = server_options();
  options.key_file = authority().issue("other").key;
  CHECK(contains(error_of(options), "of " + options.cert_file + " cannot be used: key values mismatch"));
  options = server_options();
  options.ca_cert_file = options.key_file;
  CHECK(contains(error_of(options), "the CA certificates in " + options.key_file + " cannot be used: "));
  options = server_options();
  options.crl_file = options.cert_file;
  CHECK(contains(error_of(options), "the revocation list " + options.cert_file + " cannot be used: "));
  options = server_options();
  options.protocols = "TLSv1.1 TLSv1.2";
  CHECK(error_of(options) == "the protocol TLSv1.1 is not known; there are TLSv1.2 and TLSv1.3");
  options.protocols = " ";
  CHECK(error_of(options) == "no protocol is allowed; there are TLSv1.2 and TLSv1.3");
  options = server_options();
  options.ciphers = "NO-SUCH-CIPHER";
  CHECK(error_of(options) == "the ciphers \"NO-SUCH-CIPHER\": no cipher match");
  options = server_options();
  options.ciphersuites = "NO-SUCH-SUITE";
  CHECK(contains(error_of(options), "the ciphersuites \"NO-SUCH-SUITE\": "));
}

TEST_CASE("a key with a pass phrase") {
  const auto files = authority().issue("server", 1, "sesame");
  TlsOptions options = server_options();
  options.cert_file = files.cert;
  options.key_file = files.key;
  CHECK(contains(error_of(options), "the key " + files.key));
  options.key_file_pass = "wrong";
  CHECK(contains(error_of(options), "the key " + files.key));
  options.key_file_pass = "sesame";
  CHECK(Pair(options, client_options()).open());
}

TEST_CASE("a certificate is described for people") {
  CHECK(contains(load(server_options())->describe_certificate(), "CN = server, valid until "));
  CHECK(load(client_options())->describe_certificate().empty());
}

}  // namespace holdfast
