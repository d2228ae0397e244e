// Framing of replies: what Redis answers. All types of RESP2 and RESP3, nested to any depth, without recursion.
// Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace holdfast {

// Finds where a reply ends, whatever pieces the bytes come in. The contract is RequestParser's: after kIncomplete the
// same bytes and more; nothing is looked at twice.
class ReplyFramer {
 public:
  enum class Status { kComplete, kIncomplete, kError };

  Status next(std::string_view data);

  size_t consumed() const { return consumed_; }          // after kComplete: bytes of `data` that the reply took
  size_t bytes_wanted() const { return bytes_wanted_; }  // as in RequestParser
  const std::string& error() const { return error_; }

 private:
  enum class Step { kDone, kIncomplete, kError };
  struct Position;

  // Each moves the position behind one value, or behind the header of a nested one.
  Step skip_line(Position* position);
  Step skip_bulk(Position* position);
  Step enter_nested(Position* position);
  Step read_length(const Position& position, int64_t* length, const char** behind);
  Step fail(std::string text);

  // The values still to come, at all levels together: a nested value takes its own place and adds its elements, so the
  // reply is complete at 0 and no depth of nesting costs memory.
  int64_t pending_ = 1;
  size_t cursor_ = 0;   // where the next value starts
  size_t scanned_ = 0;  // up to here no line end was found
  size_t consumed_ = 0;
  size_t bytes_wanted_ = 0;
  std::string error_;
};

// A connection's bytes, in whatever pieces they come, as whole replies.
class ReplyStream {
 public:
  void clear();
  void add(std::string_view data) { buffer_.append(data); }
  // The next whole reply, until the next call of anything here; "" if there is none yet, or none any more: see error().
  std::string_view next();
  const std::string& error() const { return framer_.error(); }
  bool empty() const { return taken_ == buffer_.size(); }

 private:
  std::string buffer_;
  size_t taken_ = 0;
  ReplyFramer framer_;
};

// What an error reply says, without "-" and line end.
std::string error_text(std::string_view reply);

// Cuts replies that stand one behind the other.
std::vector<std::string> split_replies(std::string_view replies);

// A reply taken apart, for those that Holdfast itself asked for (COMMAND, CONFIG GET, ROLE …). Not for the hot path.
struct ReplyValue {
  enum class Kind { kString, kError, kInteger, kArray, kNull };
  Kind kind = Kind::kNull;
  std::string text;                  // kString (simple, bulk, verbatim, double, big number), kError without the "-"
  int64_t integer = 0;               // kInteger, boolean as 0 or 1
  std::vector<ReplyValue> elements;  // kArray (also set, push; a map as key, value, key, value …)

  bool is_error() const { return kind == Kind::kError; }
};

// Takes one whole reply apart; `data` must be exactly one. Attributes are left out, the prefix of a verbatim string
// too. Nesting deeper than any command of Redis answers is refused.
Result<ReplyValue> parse_reply(std::string_view data);

enum class Protocol : uint8_t { kResp2 = 2, kResp3 = 3 };

// Writers of replies. Those without a protocol are the same in both.
void append_simple(std::string* out, std::string_view text);  // +text
void append_error(std::string* out, std::string_view text);   // -text; line ends inside become spaces, as in Redis
void append_integer(std::string* out, int64_t value);
void append_bulk(std::string* out, std::string_view text);
void append_array_header(std::string* out, size_t count);
void append_null(std::string* out, Protocol protocol);        // a missing string
void append_null_array(std::string* out, Protocol protocol);  // a missing array
// `pairs` keys, each with its value: in RESP2 an array of twice as many.
void append_map_header(std::string* out, size_t pairs, Protocol protocol);
void append_set_header(std::string* out, size_t count, Protocol protocol);
void append_push_header(std::string* out, size_t count, Protocol protocol);
// Text for people: in RESP2 a bulk string.
void append_verbatim(std::string* out, std::string_view text, Protocol protocol);

}  // namespace holdfast
