// Framing of requests: what a client (or a replication stream) sends. RESP arrays of bulk strings and inline commands.
// Source: https://redis.io/docs/latest/develop/reference/protocol-spec/ and networking.c of Redis, whose limits and
// error texts are kept to the letter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

struct RequestLimits {
  int64_t max_bulk_bytes = 512LL * 1024 * 1024;  // proto-max-bulk-len
  int64_t max_args = 1024LL * 1024;              // Redis: 1024*1024 before 7.0, INT_MAX since; memory is the real limit
  size_t max_inline_bytes = 64UL * 1024;         // PROTO_INLINE_MAX_SIZE
  bool unauthenticated = false;                  // of who must sign in first: 10 arguments of 16 KB each
};

// For requests that were taken before: the limits may have been others then.
inline constexpr RequestLimits kNoRequestLimits{.max_bulk_bytes = INT64_MAX / 2, .max_args = INT32_MAX};

// Parses one request after the other out of a growing buffer, whatever pieces the bytes come in.
//
// The caller keeps the bytes. parse() is given everything from the first byte of the request not yet complete; when it
// answers kIncomplete, the next call must give the same bytes and more behind them (they may have moved in memory):
// the work done so far is not done again.
class RequestParser {
 public:
  enum class Status { kComplete, kIncomplete, kError };

  explicit RequestParser(RequestLimits limits = {}) : limits_(limits) {}

  void set_limits(const RequestLimits& limits) { limits_ = limits; }

  Status parse(std::string_view data);

  // After kComplete, until the next parse() and as long as the bytes stay where they are:
  const std::vector<std::string_view>& argv() const { return argv_; }  // empty for an empty line or *0: skip it
  size_t consumed() const { return consumed_; }                        // bytes of `data` that the request took
  // The request as an array of bulk strings: the very bytes that came when they had this form, else built anew. Empty
  // when argv() is.
  std::string_view canonical() const { return canonical_; }

  // After kError: Redis's text without "-" and line end, e.g. "ERR Protocol error: invalid multibulk length". The
  // connection cannot be used any further.
  const std::string& error() const { return error_; }

  // How many bytes the request needs in all as far as is known now (0: not known): a hint for the buffer's size.
  size_t bytes_wanted() const { return bytes_wanted_; }
  // How many bytes of a request that is not complete yet have been dealt with: whole arguments, and their headers.
  size_t parsed() const { return parsed_; }

 private:
  struct Range {
    size_t offset;
    size_t length;
  };
  struct HeaderKind;  // of an array or of a bulk string: the texts that go with it

  Status parse_inline(std::string_view data);
  Status parse_array(std::string_view data);
  // The header that starts at `at`, in whatever form: gives its number and where it ends.
  Status read_header(std::string_view data, size_t at, const HeaderKind& kind, int64_t* value, size_t* end);
  Status complete(size_t consumed);
  Status fail(std::string_view text);

  RequestLimits limits_;
  std::vector<std::string_view> argv_;
  std::vector<Range> ranges_;  // the arguments found so far in an incomplete array
  int64_t args_left_ = -1;     // -1: the array's header has not been read yet
  size_t cursor_ = 0;          // in an array: where the next argument starts
  size_t scanned_ = 0;         // up to here no line end was found
  bool exact_ = true;          // all line ends so far were "\r\n"; Redis takes any two bytes that start with '\r'
  size_t consumed_ = 0;
  size_t bytes_wanted_ = 0;
  size_t parsed_ = 0;
  std::string_view canonical_;
  std::string rebuilt_;      // canonical_, when the bytes that came do not serve
  std::string inline_text_;  // the arguments of an inline request, one behind the other
  std::string error_;
};

// AUTH with or without a user's name (empty).
std::vector<std::string_view> auth_request(std::string_view username, std::string_view password);

// Appends `argv` as an array of bulk strings.
void append_request(std::string* out, const std::vector<std::string_view>& argv);

}  // namespace holdfast
