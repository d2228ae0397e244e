#include "core/command/rewrite.h"

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/request.h"

namespace holdfast {
namespace {

constexpr int64_t kNow = 1700000000000;

// What make_absolute() makes of a request (arguments parted by spaces), in the same form; "-" when it leaves it alone.
std::string rewritten(const std::string& request, const BackendFeatures& features = {}) {
  std::istringstream words(request);
  std::vector<std::string> args;
  for (std::string word; words >> word;) args.push_back(word);
  const std::vector<std::string_view> argv(args.begin(), args.end());
  std::string out = "what was there before";
  if (!make_absolute(argv, kNow, features, &out)) return "-";

  RequestParser parser;
  REQUIRE(parser.parse(out) == RequestParser::Status::kComplete);
  REQUIRE(parser.consumed() == out.size());
  std::string text;
  for (std::string_view arg : parser.argv()) {
    if (!text.empty()) text += ' ';
    text += arg;
  }
  return text;
}

TEST_CASE("SET with a time gets PXAT, its other options stay in order") {
  CHECK(rewritten("SET k v EX 10") == "SET k v PXAT 1700000010000");
  CHECK(rewritten("SET k v PX 1") == "SET k v PXAT 1700000000001");
  CHECK(rewritten("SET k v EXAT 1800000000") == "SET k v PXAT 1800000000000");
  CHECK(rewritten("SET k v EXAT 1") == "SET k v PXAT 1000");
  CHECK(rewritten("set k v nx ex 10 get") == "set k v nx PXAT 1700000010000 get");
  CHECK(rewritten("SET k v XX PX 5 XX") == "SET k v XX PXAT 1700000000005 XX");
  CHECK(rewritten("SET EX PX EX 10") == "SET EX PX PXAT 1700000010000");
}

TEST_CASE("SET without a relative time is left alone") {
  CHECK(rewritten("SET k v") == "-");
  CHECK(rewritten("SET k EX") == "-");
  CHECK(rewritten("SET k EX 10") == "-");
  CHECK(rewritten("SET k v NX GET") == "-");
  CHECK(rewritten("SET k v KEEPTTL") == "-");
  CHECK(rewritten("SET k v PXAT 1800000000000") == "-");
}

TEST_CASE("SET that Redis refuses, or that is not understood, is left alone") {
  CHECK(rewritten("SET k v EX") == "-");
  CHECK(rewritten("SET k v EX 0") == "-");
  CHECK(rewritten("SET k v PX 0") == "-");
  CHECK(rewritten("SET k v PX -1") == "-");
  CHECK(rewritten("SET k v EXAT 0") == "-");
  CHECK(rewritten("SET k v EX ten") == "-");
  CHECK(rewritten("SET k v EX 10x") == "-");
  CHECK(rewritten("SET k v EX 1.5") == "-");
  CHECK(rewritten("SET k v EX +10") == "-");
  CHECK(rewritten("SET k v EX 010") == "-");
  CHECK(rewritten("SET k v EX 10 KEEPTTL") == "-");
  CHECK(rewritten("SET k v KEEPTTL EX 10") == "-");
  CHECK(rewritten("SET k v EX 10 PX 10") == "-");
  CHECK(rewritten("SET k v EX 10 EX 20") == "-");
  CHECK(rewritten("SET k v EX 10 PXAT 1800000000000") == "-");
  CHECK(rewritten("SET k v EX 10 PERSIST") == "-");
  CHECK(rewritten("SET k v NX XX EX 10") == "-");
  CHECK(rewritten("SET k v IFEQ w EX 10") == "-");
}

TEST_CASE("times that overflow are left alone, the greatest that do not are taken") {
  CHECK(rewritten("SET k v EX 9223372036854776") == "-");  // times 1000
  CHECK(rewritten("SET k v EX 9223372036854775") == "-");  // plus now
  CHECK(rewritten("SET k v EX 9223370336854775") == "SET k v PXAT 9223372036854775000");
  CHECK(rewritten("SET k v PX 9223370336854775807") == "SET k v PXAT 9223372036854775807");
  CHECK(rewritten("SET k v PX 9223370336854775808") == "-");
  CHECK(rewritten("SET k v EXAT 9223372036854775") == "SET k v PXAT 9223372036854775000");
  CHECK(rewritten("SET k v EXAT 9223372036854776") == "-");
  CHECK(rewritten("SET k v PX 9223372036854775808") == "-");  // not an int64
  CHECK(rewritten("PEXPIRE k 9223370336854775807") == "PEXPIREAT k 9223372036854775807");
  CHECK(rewritten("PEXPIRE k 9223370336854775808") == "-");
  CHECK(rewritten("PEXPIRE k -9223372036854775808") == "PEXPIREAT k 0");
  CHECK(rewritten("EXPIRE k -9223372036854775") == "PEXPIREAT k 0");
  CHECK(rewritten("EXPIRE k -9223372036854776") == "-");
  CHECK(rewritten("RESTORE k 9223370336854775808 v") == "-");
}

TEST_CASE("SETEX and PSETEX become SET") {
  CHECK(rewritten("SETEX k 10 v") == "SET k v PXAT 1700000010000");
  CHECK(rewritten("psetex k 10 v") == "SET k v PXAT 1700000000010");
  CHECK(rewritten("SETEX k 0 v") == "-");
  CHECK(rewritten("PSETEX k -5 v") == "-");
  CHECK(rewritten("SETEX k v 10") == "-");
  CHECK(rewritten("SETEX k 10") == "-");
  CHECK(rewritten("SETEX k 10 v NX") == "-");
}

TEST_CASE("GETEX gets PXAT") {
  CHECK(rewritten("GETEX k EX 10") == "GETEX k PXAT 1700000010000");
  CHECK(rewritten("getex k px 10") == "getex k PXAT 1700000000010");
  CHECK(rewritten("GETEX k EXAT 1800000000") == "GETEX k PXAT 1800000000000");
  CHECK(rewritten("GETEX k") == "-");
  CHECK(rewritten("GETEX k PERSIST") == "-");
  CHECK(rewritten("GETEX k PXAT 1800000000000") == "-");
  CHECK(rewritten("GETEX k EX") == "-");
  CHECK(rewritten("GETEX k EX 0") == "-");
  CHECK(rewritten("GETEX k EX 10 PERSIST") == "-");
}

TEST_CASE("EXPIRE and its like become PEXPIREAT") {
  CHECK(rewritten("EXPIRE k 10") == "PEXPIREAT k 1700000010000");
  CHECK(rewritten("pexpire k 10") == "PEXPIREAT k 1700000000010");
  CHECK(rewritten("EXPIREAT k 1800000000") == "PEXPIREAT k 1800000000000");
  CHECK(rewritten("EXPIRE k 10 xx GT") == "PEXPIREAT k 1700000010000 xx GT");
  CHECK(rewritten("EXPIRE k 10 NX NX") == "PEXPIREAT k 1700000010000 NX NX");
  CHECK(rewritten("PEXPIREAT k 1800000000000") == "-");

  SUBCASE("a time that has passed is legal") {
    // Whatever Redis's clock says.
    CHECK(rewritten("EXPIRE k -1") == "PEXPIREAT k 0");
    CHECK(rewritten("EXPIRE k 0 LT") == "PEXPIREAT k 0 LT");
    CHECK(rewritten("PEXPIRE k 1") == "PEXPIREAT k 1700000000001");
    CHECK(rewritten("EXPIREAT k -1") == "PEXPIREAT k -1000");
  }
  SUBCASE("what Redis refuses") {
    CHECK(rewritten("EXPIRE k") == "-");
    CHECK(rewritten("EXPIRE k ten") == "-");
    CHECK(rewritten("EXPIRE k -0") == "-");
    CHECK(rewritten("EXPIRE k 10 YY") == "-");
    CHECK(rewritten("EXPIRE k 10 NX XX") == "-");
    CHECK(rewritten("EXPIRE k 10 NX GT") == "-");
    CHECK(rewritten("EXPIRE k 10 LT NX") == "-");
    CHECK(rewritten("EXPIRE k 10 GT LT") == "-");
  }
}

TEST_CASE("RESTORE with a TTL gets ABSTTL") {
  CHECK(rewritten("RESTORE k 10 dump") == "RESTORE k 1700000000010 dump ABSTTL");
  CHECK(rewritten("RESTORE k 10 dump REPLACE idletime 5") == "RESTORE k 1700000000010 dump REPLACE idletime 5 ABSTTL");
  CHECK(rewritten("RESTORE k 10 dump FREQ 255") == "RESTORE k 1700000000010 dump FREQ 255 ABSTTL");
  CHECK(rewritten("RESTORE k 0 dump") == "-");
  CHECK(rewritten("RESTORE k -1 dump") == "-");
  CHECK(rewritten("RESTORE k 10") == "-");
  CHECK(rewritten("RESTORE k 10 dump absttl") == "-");
  CHECK(rewritten("RESTORE k 10 dump REPLACE ABSTTL") == "-");
  CHECK(rewritten("RESTORE k 10 dump IDLETIME") == "-");
  CHECK(rewritten("RESTORE k 10 dump IDLETIME -1") == "-");
  CHECK(rewritten("RESTORE k 10 dump FREQ 256") == "-");
  CHECK(rewritten("RESTORE k 10 dump IDLETIME 1 FREQ 1") == "-");
  CHECK(rewritten("RESTORE k 10 dump NOSUCH") == "-");
}

TEST_CASE("values are kept byte for byte") {
  const std::string value("\r\n\0$5", 5);
  std::string out;
  REQUIRE(make_absolute({"SET", "", value, "EX", "1"}, kNow, {}, &out));
  CHECK(out == "*5\r\n$3\r\nSET\r\n$0\r\n\r\n$5\r\n" + value + "\r\n$4\r\nPXAT\r\n$13\r\n1700000001000\r\n");
}

TEST_CASE("a backend without PXAT keeps its SETs, not its EXPIREs") {
  const BackendFeatures old{.set_pxat = false};
  CHECK(rewritten("SET k v EX 10", old) == "-");
  CHECK(rewritten("SETEX k 10 v", old) == "-");
  CHECK(rewritten("PSETEX k 10 v", old) == "-");
  CHECK(rewritten("GETEX k EX 10", old) == "-");
  CHECK(rewritten("EXPIRE k 10", old) == "PEXPIREAT k 1700000010000");
}

TEST_CASE("other commands are left alone") {
  CHECK(rewritten("PING") == "-");
  CHECK(rewritten("XADD s * f v") == "-");
  CHECK(rewritten("GET k v EX 10") == "-");
  CHECK(rewritten("SETNX k v EX 10") == "-");
  CHECK(rewritten("HEXPIRE h 10 FIELDS 1 f") == "-");
  std::string out;
  CHECK_FALSE(make_absolute({}, kNow, {}, &out));
}

}  // namespace
}  // namespace holdfast
