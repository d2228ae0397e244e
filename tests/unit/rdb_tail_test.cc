// The reserved database at the end of an RDB: found where it is, and nowhere else.
#include "core/replication/rdb_tail.h"

#include <doctest/doctest.h>

#include <string>

namespace holdfast {
namespace {

constexpr std::string_view kChecksum("12345678");

std::string text(std::string_view bytes) { return static_cast<char>(bytes.size()) + std::string(bytes); }
std::string key(std::string_view name, std::string_view value) {
  return std::string(1, '\0') + text(name) + text(value);
}
std::string database(int db, const std::string& keys) {
  return "\xfe" + std::string(1, static_cast<char>(db)) + "\xfb" + std::string("\x01\0", 2) + keys;
}

const std::string kUsers = "REDIS0010" + database(0, key("a", "1"));
const std::string kReserved = database(15, key("holdfast:marker", "m"));

std::string without(const std::string& rdb) {
  const std::optional<RdbCut> cut = find_reserved_database(rdb, 15);
  return cut ? rdb.substr(0, cut->begin) + rdb.substr(cut->end, cut->eof + 1 - cut->end) : "not found";
}

TEST_CASE("rdb tail: the reserved database is cut off") {
  CHECK(without(kUsers + kReserved + "\xff" + std::string(kChecksum)) == kUsers + "\xff");
}

TEST_CASE("rdb tail: what stands behind it stays") {
  const std::string lua = "\xfa" + text("lua") + text("return 1");
  const std::string module = std::string("\xf7\x07\x02\x01\x05", 5) + text("aux") + std::string(1, '\0');
  CHECK(without(kUsers + kReserved + lua + module + "\xff" + std::string(kChecksum)) == kUsers + lua + module + "\xff");
}

TEST_CASE("rdb tail: keys with idle time or frequency, compressed and long ones") {
  const std::string compressed = std::string("\0", 1) + text("holdfast:marker") + "\xc3\x03\x20xyz";
  const std::string other = std::string("\xf8\x05", 2) + key("x", "y") + std::string("\xf9\x05", 2) +
                            std::string("\0", 1) + text("n") + std::string("\xc1\x01\x02", 3);
  const std::string large = std::string("\0", 1) + text("l") + std::string("\x80\0\0\0\x46", 5) + std::string(70, 'v') +
                            std::string("\0", 1) + text("m") + std::string("\x40\x46", 2) + std::string(70, 'v');
  CHECK(without(kUsers + database(15, other + compressed + large) + "\xff" + std::string(kChecksum)) ==
        kUsers + "\xff");
}

TEST_CASE("rdb tail: a value that looks like it is none") {
  const std::string fake = database(15, key("holdfast:marker", "f")) + "\xff" + std::string(kChecksum);
  const std::string users = kUsers + key("trap", fake);
  CHECK(without(users + kReserved + "\xff" + std::string(kChecksum)) == users + "\xff");
  // One that takes all that follows for the value of a key of its own.
  const size_t rest = kReserved.size();
  const std::string swallows =
      database(15, key("holdfast:marker", "f") + std::string("\0\x01k", 3)) + static_cast<char>(rest);
  const std::string trapped = kUsers + key("trap", swallows);
  CHECK(without(trapped + kReserved + "\xff" + std::string(kChecksum)) == trapped + "\xff");
}

TEST_CASE("rdb tail: without the marker, or cut short, there is nothing to cut") {
  CHECK(without(kUsers + "\xff" + std::string(kChecksum)) == "not found");
  CHECK(without(kUsers + database(15, key("x", "1")) + "\xff" + std::string(kChecksum)) == "not found");
  CHECK(without(kUsers + kReserved + "\xff") == "not found");
  CHECK(without("") == "not found");
}

}  // namespace
}  // namespace holdfast
