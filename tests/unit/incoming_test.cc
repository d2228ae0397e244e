#include "core/resp/incoming.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>

namespace holdfast {
namespace {

TEST_CASE("bytes that come in pieces are whole again") {
  Incoming incoming;
  CHECK(incoming.with("abc", 0) == "abc");
  incoming.keep("bc");
  CHECK(incoming.size() == 2);
  std::string_view all = incoming.with("de", 0);
  CHECK(all == "bcde");
  incoming.keep(all.substr(3));
  CHECK(incoming.with("f", 0) == "ef");
  incoming.keep({});
  CHECK(incoming.size() == 0);
  CHECK(incoming.with("g", 0) == "g");
}

TEST_CASE("nothing is copied that needs not be kept") {
  Incoming incoming;
  const std::string fresh = "fresh";
  CHECK(incoming.with(fresh, 0).data() == fresh.data());
  incoming.keep({});
  CHECK(incoming.with(fresh, 0).data() == fresh.data());
}

TEST_CASE("a large buffer has the size that is wanted, and is given back") {
  constexpr size_t kWanted = 5'000'000;
  Incoming incoming;
  incoming.with("x", 0);
  incoming.keep("x");
  std::string_view all = incoming.with(std::string(1000, 'y'), kWanted);
  while (all.size() < kWanted) {
    all = incoming.with(std::string(std::min<size_t>(70'001, kWanted - all.size()), 'z'), kWanted);
    CHECK(incoming.capacity() < 2 * kWanted);
  }
  CHECK(all.size() == kWanted);
  SUBCASE("when nothing is left") { incoming.keep({}); }
  SUBCASE("when little is left") {
    incoming.keep(all.substr(kWanted - 10));
    CHECK(incoming.size() == 10);
    CHECK(incoming.with("!", 0) == "zzzzzzzzzz!");
  }
  CHECK(incoming.capacity() < 70'000);
}

TEST_CASE("what somebody only says he will send takes no memory") {
  Incoming incoming;
  incoming.with("$", 0);
  incoming.keep("$");
  CHECK(incoming.with("9223372036854775807\r\n", SIZE_MAX / 2).size() == 22);
  CHECK(incoming.capacity() < 100);
}

}  // namespace
}  // namespace holdfast
