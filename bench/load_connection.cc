#include "bench/load_connection.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace holdfast::bench {
namespace {

constexpr size_t kKeyDigits = 12;
constexpr std::string_view kKeyPrefix = "key:";
constexpr size_t kReadBytes = 64 << 10;

std::string bulk_head(size_t bytes) { return "$" + std::to_string(bytes) + "\r\n"; }

}  // namespace

CommandMaker::CommandMaker(std::string_view name, size_t value_bytes) {
  std::string upper(name);
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) { return static_cast<char>(c & ~0x20); });
  const bool has_value = upper == "SET";
  before_key_ = (has_value ? "*3\r\n" : "*2\r\n") + bulk_head(upper.size()) + upper + "\r\n" +
                bulk_head(kKeyPrefix.size() + kKeyDigits) + std::string(kKeyPrefix);
  after_key_ = "\r\n";
  if (!has_value) return;
  // Nothing that could be compressed away.
  std::string value;
  uint32_t state = 1;
  while (value.size() < value_bytes) {
    state = state * 1664525 + 1013904223;
    value += "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-"[state >> 26];
  }
  after_key_ += bulk_head(value_bytes) + value + "\r\n";
}

void CommandMaker::append(uint64_t key, std::string* out) const {
  char digits[kKeyDigits];
  for (size_t i = kKeyDigits; i-- > 0; key /= 10) digits[i] = static_cast<char>('0' + key % 10);
  out->append(before_key_).append(digits, kKeyDigits).append(after_key_);
}

uint64_t ReplyCounter::feed(std::string_view data) {
  replies_ = 0;
  while (!data.empty()) {
    if (skip_ > 0) {
      const uint64_t here = std::min<uint64_t>(skip_, data.size());
      data.remove_prefix(here);
      skip_ -= here;
      if (skip_ == 0) ++replies_;
      continue;
    }
    const size_t end = data.find('\n');
    line_.append(data.substr(0, end));
    if (end == std::string_view::npos) break;
    data.remove_prefix(end + 1);
    end_line();
    line_.clear();
  }
  return replies_;
}

void ReplyCounter::end_line() {
  int64_t bulk = -1;
  if (line_[0] == '$') std::from_chars(line_.data() + 1, line_.data() + line_.size(), bulk);
  if (bulk >= 0) {
    skip_ = static_cast<uint64_t>(bulk) + 2;
    return;
  }
  ++replies_;
  const bool known = line_[0] == '+' || line_[0] == ':' || line_[0] == '$';
  if (known) return;
  if (errors_++ == 0) first_error_ = line_.substr(0, line_.find('\r'));
}

Connection::Connection(const std::string& host, int port, const TlsContext* tls) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int failed = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); failed != 0) {
    error_ = host + ": " + gai_strerror(failed);
    return;
  }
  fd_ = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0 || connect(fd_, found->ai_addr, found->ai_addrlen) != 0) fail("connecting to " + host);
  freeaddrinfo(found);
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (tls == nullptr || !error_.empty()) return;
  tls_ = std::make_unique<TlsStream>(*tls);
  shake_hands();
}

void Connection::shake_hands() {
  char buffer[kReadBytes];
  for (;;) {
    const std::string out = tls_->take_output();
    if (::send(fd_, out.data(), out.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out.size())) return fail("sending");
    if (!tls_->failure().empty()) error_ = "TLS failed: " + tls_->failure();
    if (tls_->open() || !error_.empty()) return;
    const ssize_t bytes = recv(fd_, buffer, sizeof buffer, 0);
    if (bytes <= 0) return fail("receiving");
    tls_->receive({buffer, static_cast<size_t>(bytes)});
  }
}

Connection::~Connection() {
  if (fd_ >= 0) close(fd_);
}

void Connection::send(uint64_t count, int64_t now) {
  outstanding_ += count;
  sent_at_ = now;
  written_ = 0;
  if (tls_ == nullptr) return;
  tls_->send(out_);
  out_ = tls_->take_output();
}

bool Connection::flush() {
  while (written_ < out_.size()) {
    const ssize_t written = ::send(fd_, out_.data() + written_, out_.size() - written_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0) {
      if (errno == EAGAIN) return false;
      if (errno == EINTR) continue;
      fail("sending");
      return true;
    }
    written_ += static_cast<size_t>(written);
  }
  return true;
}

uint64_t Connection::receive() {
  static char buffer[kReadBytes];
  const ssize_t bytes = recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
  if (bytes > 0) {
    std::string_view come(buffer, static_cast<size_t>(bytes));
    if (tls_ != nullptr) {
      come = tls_->receive(come);
      if (!tls_->failure().empty()) error_ = "TLS failed: " + tls_->failure();
    }
    const uint64_t replies = std::min(replies_.feed(come), outstanding_);
    outstanding_ -= replies;
    return replies;
  }
  if (bytes == 0) {
    error_ = "the server closed the connection";
  } else if (errno != EAGAIN && errno != EINTR) {
    fail("receiving");
  }
  return 0;
}

void Connection::fail(const std::string& what) { error_ = what + ": " + std::strerror(errno); }

}  // namespace holdfast::bench
