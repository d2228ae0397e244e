#include "core/resp/incoming.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>

namespace holdfast {
namespace {

const std::string kPiece(60'000, 'x');

TEST_CASE("bytes that come in pieces are whole again") {
  Incoming incoming;
  CHECK(incoming.capacity() == 0);
  CHECK(incoming.with("abc") == "abc");
  incoming.keep("bc", 0);
  CHECK(incoming.size() == 2);
  std::string_view all = incoming.with("de");
  CHECK(all == "bcde");
  incoming.keep(all.substr(3), 0);
  CHECK(incoming.with("f") == "ef");
  incoming.keep({}, 0);
  CHECK(incoming.size() == 0);
  CHECK(incoming.with("g") == "g");
  incoming.keep("g", 0);
  incoming.clear();
  CHECK(incoming.with("h") == "h");
}

TEST_CASE("nothing is copied that needs not be kept") {
  Incoming incoming;
  const std::string fresh = "fresh";
  CHECK(incoming.with(fresh).data() == fresh.data());
  incoming.keep({}, 0);
  CHECK(incoming.with(fresh).data() == fresh.data());
}

TEST_CASE("a buffer has the size that is wanted, from the first piece on") {
  Incoming incoming(1 << 20);
  incoming.with(kPiece);
  incoming.keep(kPiece, 1'000'000);
  CHECK(incoming.capacity() == 1'000'000);
  while (incoming.size() < 960'000) incoming.keep(incoming.with(kPiece), 1'000'000);
  CHECK(incoming.capacity() == 1'000'000);
  CHECK(incoming.room() == 40'000);
  // However slowly the rest comes.
  incoming.trim(false);
  incoming.trim(false);
  CHECK(incoming.capacity() == 1'000'000);
  incoming.trim(true);
  CHECK(incoming.room() == 0);
}

TEST_CASE("a large buffer is given back with what it was for") {
  constexpr size_t kWanted = 50'000'000;
  Incoming incoming;
  incoming.with("x");
  incoming.keep("x", kWanted);
  std::string_view all = incoming.with("y");
  while (all.size() < kWanted) {
    incoming.keep(all, kWanted);
    all = incoming.with(std::string(std::min<size_t>(70'001, kWanted - all.size()), 'z'));
    CHECK(incoming.capacity() <= kWanted);
  }
  CHECK(all.size() == kWanted);
  SUBCASE("when nothing is left") { incoming.keep({}, 0); }
  SUBCASE("when little is left") {
    incoming.keep(all.substr(kWanted - 10), 100);
    CHECK(incoming.size() == 10);
    CHECK(incoming.with("!") == "zzzzzzzzzz!");
  }
  CHECK(incoming.capacity() < 70'000);
}

TEST_CASE("however many pieces there are, bytes are moved but a few times") {
  constexpr size_t kWanted = 64 << 20;
  for (const size_t ahead : {size_t{0}, size_t{1} << 20}) {
    Incoming incoming(ahead);
    size_t moves = 0;
    std::string_view all = incoming.with(kPiece);
    while (all.size() < kWanted) {
      incoming.keep(all, kWanted);
      const char* before = all.data();
      all = incoming.with(kPiece);
      moves += all.data() != before ? 1 : 0;
    }
    CHECK(moves < 20);
  }
}

TEST_CASE("what somebody only says he will send takes no more than was agreed") {
  constexpr size_t kSaid = SIZE_MAX / 2;
  constexpr std::string_view kBegin = "$9223372036854775807\r\n";
  for (const size_t ahead : {size_t{0}, size_t{5'000'000}}) {
    Incoming incoming(ahead);
    incoming.with(kBegin);
    incoming.keep(kBegin, kSaid);
    CHECK(incoming.capacity() <= 2 * kBegin.size() + ahead);
    for (int i = 0; i < 20; i++) {
      incoming.keep(incoming.with(std::string(1 << 20, 'x')), kSaid);
      CHECK(incoming.capacity() <= 2 * (incoming.size() + ahead));
    }
  }
}

TEST_CASE("room that is not used any more is given back, by and by or at once") {
  Incoming incoming;
  incoming.with(kPiece);
  incoming.keep(kPiece, kPiece.size());
  incoming.keep(incoming.with({}).substr(kPiece.size() - 100), 0);
  incoming.trim(false);
  CHECK(incoming.capacity() == kPiece.size());  // it was needed since the last time
  SUBCASE("while it is in use") {
    incoming.trim(false);
    CHECK(incoming.capacity() == kPiece.size() / 2);
    const std::string more(20'000, 'y');
    incoming.keep(incoming.with(more), 0);
    incoming.trim(false);
    CHECK(incoming.capacity() == kPiece.size() / 2);
    incoming.keep(incoming.with({}).substr(more.size()), 0);
    for (int i = 0; i < 10; i++) incoming.trim(false);
    CHECK(incoming.capacity() > 0);
    CHECK(incoming.capacity() <= 4096);
  }
  SUBCASE("idle") { incoming.trim(true); }
  incoming.trim(true);
  CHECK(incoming.room() == 0);
  CHECK(incoming.size() == 100);
}

}  // namespace
}  // namespace holdfast
