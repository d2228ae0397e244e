#include "core/resp/request.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

namespace holdfast {
namespace {

using Status = RequestParser::Status;
using Argv = std::vector<std::string>;
using namespace std::string_literals;

Argv args_of(const RequestParser& parser) { return {parser.argv().begin(), parser.argv().end()}; }

// The arguments of the one request that `bytes` are.
Argv parsed(std::string_view bytes) {
  RequestParser parser;
  REQUIRE(parser.parse(bytes) == Status::kComplete);
  CHECK(parser.consumed() == bytes.size());
  return args_of(parser);
}

// The error that `bytes` lead to, "" when there is none.
std::string error_of(std::string_view bytes, RequestLimits limits = {}) {
  RequestParser parser(limits);
  if (parser.parse(bytes) != Status::kError) return "";
  CHECK(parser.parse(bytes) == Status::kError);
  return parser.error();
}

std::string canonical_of(std::string_view bytes) {
  RequestParser parser;
  REQUIRE(parser.parse(bytes) == Status::kComplete);
  return std::string(parser.canonical());
}

bool is_incomplete(std::string_view bytes) { return RequestParser().parse(bytes) == Status::kIncomplete; }

TEST_CASE("request: an array of bulk strings") {
  CHECK(parsed("*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000001\r\n") == Argv{"GET", "key:000000000001"});
  CHECK(parsed("*1\r\n$0\r\n\r\n") == Argv{""});
  CHECK(parsed("*2\r\n$4\r\nECHO\r\n$6\r\n\r\n*1\0\n\r\n"s) == Argv{"ECHO", "\r\n*1\0\n"s});
}

TEST_CASE("request: the bytes that came are the canonical form, where they lie") {
  const std::string bytes = "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n";
  RequestParser parser;
  REQUIRE(parser.parse(bytes) == Status::kComplete);
  CHECK(parser.consumed() == 14);
  CHECK(parser.canonical().data() == bytes.data());
  CHECK(parser.canonical().size() == 14);
  CHECK(parser.argv()[0].data() == bytes.data() + 8);
  REQUIRE(parser.parse(std::string_view(bytes).substr(14)) == Status::kComplete);
  CHECK(args_of(parser) == Argv{"QUIT"});
}

TEST_CASE("request: byte by byte, the buffer moving all the time") {
  const std::string bytes = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$12\r\nhello\r\nworld\r\n";
  RequestParser parser;
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string piece = bytes.substr(0, size);
    REQUIRE(parser.parse(piece) == Status::kIncomplete);
    CHECK(parser.bytes_wanted() <= bytes.size());
    CHECK(is_incomplete(piece));
  }
  REQUIRE(parser.parse(bytes) == Status::kComplete);
  CHECK(args_of(parser) == Argv{"SET", "k", "hello\r\nworld"});
  CHECK(parser.canonical() == bytes);
}

TEST_CASE("request: says how many bytes it wants") {
  RequestParser parser;
  CHECK(parser.bytes_wanted() == 0);
  REQUIRE(parser.parse("*2\r\n$3\r\nGET\r\n") == Status::kIncomplete);
  CHECK(parser.bytes_wanted() <= 13);
  REQUIRE(parser.parse("*2\r\n$3\r\nGET\r\n$1000\r\nab") == Status::kIncomplete);
  CHECK(parser.bytes_wanted() == 13 + 7 + 1000 + 2);
  const std::string whole = "*2\r\n$3\r\nGET\r\n$1000\r\n" + std::string(1000, 'a') + "\r\n";
  REQUIRE(parser.parse(whole) == Status::kComplete);
  CHECK(parser.bytes_wanted() == 0);
}

TEST_CASE("request: nothing to do") {
  for (const std::string_view bytes : {"*0\r\n", "*-1\r\n", "*-10\r\n", "\r\n", "\n", "  \t \r\n"}) {
    CAPTURE(bytes);
    CHECK(parsed(bytes).empty());
    CHECK(canonical_of(bytes).empty());
  }
  RequestParser parser;
  REQUIRE(parser.parse("PING\r\n") == Status::kComplete);
  REQUIRE(parser.parse("*0\r\n") == Status::kComplete);
  CHECK(parser.argv().empty());
  CHECK(parser.canonical().empty());
}

TEST_CASE("request: errors of arrays in the words of Redis") {
  const std::string array = "ERR Protocol error: invalid multibulk length";
  for (const std::string_view count : {"", "x", "01", "+1", "1x", " 1", "-0", "-", "1048577", "9223372036854775808",
                                       "99999999999999999999999", "1\n"}) {
    CAPTURE(count);
    CHECK(error_of("*" + std::string(count) + "\r\n") == array);
  }
  CHECK(error_of("*1048576\r\n") == "");

  const std::string bulk = "ERR Protocol error: invalid bulk length";
  for (const std::string_view length : {"", "x", "-1", "01", "536870913", "9223372036854775807"}) {
    CAPTURE(length);
    CHECK(error_of("*1\r\n$" + std::string(length) + "\r\n") == bulk);
  }
  CHECK(error_of("*1\r\n$536870912\r\n") == "");

  CHECK(error_of("*1\r\n:1\r\n") == "ERR Protocol error: expected '$', got ':'");
  CHECK(error_of("*2\r\n$1\r\na\r\nfoo\r\n") == "ERR Protocol error: expected '$', got 'f'");
  CHECK(error_of("*1\r\n\r\n") == "ERR Protocol error: expected '$', got ' '");
  CHECK(is_incomplete("*1\r\nf"));  // Redis reads the line to its end before it says so
}

TEST_CASE("request: limits can be set") {
  CHECK(error_of("*3\r\n", {.max_args = 2}) == "ERR Protocol error: invalid multibulk length");
  CHECK(error_of("*2\r\n", {.max_args = 2}) == "");
  CHECK(error_of("*1\r\n$5\r\n", {.max_bulk_bytes = 4}) == "ERR Protocol error: invalid bulk length");
  CHECK(error_of("*1\r\n$4\r\n", {.max_bulk_bytes = 4}) == "");
  CHECK(error_of("abcde", {.max_inline_bytes = 4}) == "ERR Protocol error: too big inline request");
}

TEST_CASE("request: lines without end") {
  const size_t limit = 64 * 1024;
  CHECK(is_incomplete(std::string(limit, 'a')));
  CHECK(error_of(std::string(limit + 1, 'a')) == "ERR Protocol error: too big inline request");
  CHECK(parsed(std::string(limit, 'a') + "\n") == Argv{std::string(limit, 'a')});
  CHECK(is_incomplete("*" + std::string(limit - 1, '1')));
  CHECK(error_of("*" + std::string(limit, '1')) == "ERR Protocol error: too big mbulk count string");
  CHECK(is_incomplete("*1\r\n$" + std::string(limit - 1, '1')));
  CHECK(error_of("*1\r\n$" + std::string(limit, '1')) == "ERR Protocol error: too big bulk count string");
}

TEST_CASE("request: a NUL hides the line end") {
  CHECK(error_of("PI\0NG\r\n"s) == "ERR Protocol error: too big inline request");
  CHECK(error_of("*1\0\r\n"s) == "ERR Protocol error: too big mbulk count string");
  CHECK(error_of("*1\r\n$1\0\r\n"s) == "ERR Protocol error: too big bulk count string");
  RequestParser parser;
  REQUIRE(parser.parse("PING\r\n\0\r\n"s) == Status::kComplete);
  CHECK(parser.consumed() == 6);
}

TEST_CASE("request: any two bytes starting with CR end a line of an array, and the canonical form has none of them") {
  const std::string clean = "*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n";
  for (const std::string_view bytes :
       {"*2\rX$4\r\nECHO\r\n$2\r\nhi\r\n", "*2\r\n$4\rXECHO\r\n$2\r\nhi\r\n", "*2\r\n$4\r\nECHO\r\n$2\r\nhi??"}) {
    CAPTURE(bytes);
    CHECK(parsed(bytes) == Argv{"ECHO", "hi"});
    CHECK(canonical_of(bytes) == clean);
  }
  // One such request does not change the next.
  RequestParser parser;
  REQUIRE(parser.parse("*1\r\n$1\r\na??") == Status::kComplete);
  REQUIRE(parser.parse(clean) == Status::kComplete);
  CHECK(parser.canonical().data() == clean.data());
}

TEST_CASE("request: inline") {
  CHECK(parsed("PING\r\n") == Argv{"PING"});
  CHECK(parsed("PING\n") == Argv{"PING"});
  CHECK(parsed("  set\tk   v  \r\n") == Argv{"set", "k", "v"});
  CHECK(parsed("a\rb\n") == Argv{"a", "b"});
  CHECK(parsed("a\vb\f \v\fc\n") == Argv{"a\vb\f", "c"});
  CHECK(parsed("GET *1\r\n") == Argv{"GET", "*1"});
  CHECK(canonical_of("set k ''\r\n") == "*3\r\n$3\r\nset\r\n$1\r\nk\r\n$0\r\n\r\n");
  CHECK(is_incomplete("PING"));
  CHECK(is_incomplete("PING\r"));
}

TEST_CASE("request: inline quotes") {
  CHECK(parsed(R"(a "b c" 'd e')"
               "\n") == Argv{"a", "b c", "d e"});
  CHECK(parsed(R"("\x41\xfF\x0g\n\r\t\b\a\q\\\"")"
               "\n") == Argv{"A\xffx0g\n\r\t\b\aq\\\""});
  CHECK(parsed(R"('\n\'"\\x' "'")"
               "\n") == Argv{R"(\n'"\\x)", "'"});
  CHECK(parsed("\"\" ''\n") == Argv{"", ""});
  CHECK(parsed("foo\"bar baz\"\n") == Argv{"foobar baz"});
  CHECK(parsed("\"a\"\vb\n") == Argv{"a", "b"});
  CHECK(parsed("\\n \\\n") == Argv{"\\n", "\\"});
  for (const std::string_view line :
       {"\"", "'", "\"a", "'a", "\"a\"b", "'a'b", "\"a\\\"", "'a\\'", "\"a\"'b'", "a\"", "\"\\", "\"\\x4\\\""}) {
    CAPTURE(line);
    CHECK(error_of(std::string(line) + "\r\n") == "ERR Protocol error: unbalanced quotes in request");
  }
}

TEST_CASE("request: written and read again") {
  const Argv argv = {"SET", "", "\r\n\0$"s, std::string(100'000, 'x')};
  std::string bytes;
  append_request(&bytes, {argv.begin(), argv.end()});
  CHECK(bytes.starts_with("*4\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\n"));
  CHECK(parsed(bytes) == argv);
}

TEST_CASE("request: many arguments, in two pieces") {
  std::string bytes = "*100000\r\n";
  for (int i = 0; i < 100'000; ++i) bytes += "$1\r\n" + std::to_string(i % 10) + "\r\n";
  RequestParser parser;
  REQUIRE(parser.parse(bytes.substr(0, bytes.size() / 2)) == Status::kIncomplete);
  REQUIRE(parser.parse(bytes) == Status::kComplete);
  REQUIRE(parser.argv().size() == 100'000);
  CHECK(parser.argv()[99'999] == "9");
  REQUIRE(parser.parse("PING\r\n") == Status::kComplete);
  CHECK(parser.argv().capacity() < 100'000);  // what it took has been given back
}

}  // namespace
}  // namespace holdfast
