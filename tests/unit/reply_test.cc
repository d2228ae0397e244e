#include "core/resp/reply.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast {
namespace {

using Status = ReplyFramer::Status;
using Kind = ReplyValue::Kind;
using namespace std::string_literals;

// Frames `reply` with another behind it, whole and byte by byte.
void check_framed(std::string_view reply) {
  CAPTURE(reply);
  const std::string bytes = std::string(reply) + "+next\r\n";
  ReplyFramer whole;
  REQUIRE(whole.next(bytes) == Status::kComplete);
  CHECK(whole.consumed() == reply.size());
  REQUIRE(whole.next(std::string_view(bytes).substr(reply.size())) == Status::kComplete);
  CHECK(whole.consumed() == 7);

  ReplyFramer pieces;
  for (size_t size = 0; size < reply.size(); ++size) {
    const std::string piece = bytes.substr(0, size);
    REQUIRE(pieces.next(piece) == Status::kIncomplete);
    CHECK(pieces.bytes_wanted() <= reply.size());
    CHECK(ReplyFramer().next(piece) == Status::kIncomplete);
  }
  REQUIRE(pieces.next(bytes) == Status::kComplete);
  CHECK(pieces.consumed() == reply.size());
}

bool is_refused(std::string_view bytes) {
  ReplyFramer framer;
  if (framer.next(bytes) != Status::kError) return false;
  CHECK(!framer.error().empty());
  CHECK(framer.next(bytes) == Status::kError);
  return true;
}

ReplyValue value_of(std::string_view bytes) {
  CAPTURE(bytes);
  Result<ReplyValue> value = parse_reply(bytes);
  REQUIRE(value.ok());
  return *value;
}

void check_text(std::string_view bytes, Kind kind, std::string_view text) {
  const ReplyValue value = value_of(bytes);
  CHECK(value.kind == kind);
  CHECK(value.text == text);
}

void check_integer(std::string_view bytes, int64_t integer) {
  const ReplyValue value = value_of(bytes);
  CHECK(value.kind == Kind::kInteger);
  CHECK(value.integer == integer);
}

TEST_CASE("reply: every type is framed") {
  for (const std::string_view reply : {"+OK\r\n",
                                       "+\r\n",
                                       "-ERR no\r\n",
                                       ":-5\r\n",
                                       "$0\r\n\r\n",
                                       "$5\r\na\r\nbc\r\n",
                                       "$-1\r\n",
                                       "*-1\r\n",
                                       "*0\r\n",
                                       "*2\r\n$1\r\na\r\n:1\r\n",
                                       "_\r\n",
                                       ",3.14\r\n",
                                       ",inf\r\n",
                                       "#t\r\n",
                                       "(12345678901234567890\r\n",
                                       "!5\r\nERR x\r\n",
                                       "=7\r\ntxt:abc\r\n",
                                       "%0\r\n",
                                       "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n",
                                       "~2\r\n:1\r\n:2\r\n",
                                       ">3\r\n+message\r\n+c\r\n$1\r\nx\r\n",
                                       "|1\r\n+k\r\n+v\r\n:1\r\n",
                                       "|0\r\n:1\r\n",
                                       "*2\r\n|1\r\n+k\r\n*1\r\n:0\r\n$1\r\na\r\n:2\r\n",
                                       "*1\r\n*1\r\n*2\r\n*0\r\n*-1\r\n",
                                       "+a\rb\r\r\n"}) {
    check_framed(reply);
  }
  check_framed("$4\r\n\0\r\n\0\r\n"s);
}

TEST_CASE("reply: nesting costs neither stack nor memory") {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += "*1\r\n";
  ReplyFramer framer;
  REQUIRE(framer.next(bytes) == Status::kIncomplete);
  bytes += ":1\r\n";
  REQUIRE(framer.next(bytes) == Status::kComplete);
  CHECK(framer.consumed() == bytes.size());
  CHECK(!parse_reply(bytes).ok());  // deeper than it goes
}

TEST_CASE("reply: says how many bytes it wants") {
  ReplyFramer framer;
  REQUIRE(framer.next("*2\r\n$1000\r\nab") == Status::kIncomplete);
  CHECK(framer.bytes_wanted() == 4 + 7 + 1000 + 2);
  REQUIRE(framer.next("*2\r\n$1000\r\n" + std::string(1000, 'x') + "\r\n$-1\r\n") == Status::kComplete);
  CHECK(framer.bytes_wanted() == 0);
}

TEST_CASE("reply: what is none is refused") {
  for (const std::string_view bytes :
       {"OK\r\n", "\r\n", "$x\r\n", "$-2\r\n", "$01\r\n", "$\r\n", "$1\r\nabc", "$0\r\nab", "*-2\r\n", "*x\r\n",
        "%-1\r\n", "~-1\r\n", "=-1\r\n", "$?\r\n", "*1\r\nx", "$9223372036854775807\r\n", "*99999999999999999999\r\n",
        "$1111111111111111111111111111111", "$2000000000000\r\n"}) {
    CAPTURE(bytes);
    CHECK(is_refused(bytes));
  }
  std::string endless;
  for (int i = 0; i < 2'000'000; ++i) endless += "*1099511627776\r\n";
  CHECK(is_refused(endless));  // more elements than can be counted
}

TEST_CASE("reply: taken apart") {
  check_text("+OK\r\n", Kind::kString, "OK");
  check_text("-ERR no\r\n", Kind::kError, "ERR no");
  check_text("!7\r\nERR\r\nno\r\n", Kind::kError, "ERR\r\nno");
  check_text("$4\r\n\r\n\0.\r\n"s, Kind::kString, "\r\n\0."s);
  check_text(",1.5\r\n", Kind::kString, "1.5");
  check_text("(123\r\n", Kind::kString, "123");
  check_text("=7\r\ntxt:abc\r\n", Kind::kString, "abc");
  check_integer(":0\r\n", 0);
  check_integer(":+7\r\n", 7);
  check_integer(":-9223372036854775808\r\n", INT64_MIN);
  check_integer("#t\r\n", 1);
  check_integer("#f\r\n", 0);
  CHECK(value_of("_\r\n").kind == Kind::kNull);
  CHECK(value_of("$-1\r\n").kind == Kind::kNull);
  CHECK(value_of("*-1\r\n").kind == Kind::kNull);
  CHECK(value_of("-x\r\n").is_error());
  CHECK(!value_of("+x\r\n").is_error());
}

TEST_CASE("reply: nested values taken apart") {
  const ReplyValue value = value_of("*3\r\n%1\r\n+a\r\n:1\r\n|1\r\n+k\r\n*1\r\n:0\r\n~1\r\n$1\r\nx\r\n*0\r\n");
  REQUIRE(value.kind == Kind::kArray);
  REQUIRE(value.elements.size() == 3);
  REQUIRE(value.elements[0].elements.size() == 2);
  CHECK(value.elements[0].elements[0].text == "a");
  CHECK(value.elements[0].elements[1].integer == 1);
  REQUIRE(value.elements[1].elements.size() == 1);
  CHECK(value.elements[1].elements[0].text == "x");
  CHECK(value.elements[2].kind == Kind::kArray);
  CHECK(value.elements[2].elements.empty());
}

TEST_CASE("reply: what cannot be taken apart") {
  for (const std::string_view bytes : {"", "+OK", "+OK\r\n+OK\r\n", "*2\r\n:1\r\n", ":\r\n", ":1x\r\n", "#x\r\n",
                                       "=3\r\nabc\r\n", "_x\r\n", "OK\r\n", "|1\r\n+k\r\n+v\r\n"}) {
    CAPTURE(bytes);
    const Result<ReplyValue> value = parse_reply(bytes);
    REQUIRE(!value.ok());
    CHECK(!value.error().empty());
  }
}

TEST_CASE("reply: writers") {
  std::string out;
  append_simple(&out, "OK");
  append_error(&out, "ERR a\r\nb\nc\r\n");
  append_integer(&out, INT64_MIN);
  append_bulk(&out, "a\r\n");
  append_bulk(&out, "");
  append_null(&out, Protocol::kResp2);
  append_array_header(&out, 12);
  CHECK(out == "+OK\r\n-ERR a  b c\r\n:-9223372036854775808\r\n$3\r\na\r\n\r\n$0\r\n\r\n$-1\r\n*12\r\n");
  out.clear();
  append_error(&out, "");
  CHECK(out == "-\r\n");
}

}  // namespace
}  // namespace holdfast
