// The keys of a simulated Redis.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::simulation {

inline constexpr int64_t kNoExpiry = -1;

struct Value {
  enum class Kind : char { kString = 's', kList = 'l', kSet = 'm', kHash = 'h' };
  Kind kind = Kind::kString;
  std::string text;
  std::deque<std::string> list;
  std::set<std::string> members;
  std::map<std::string, std::string> fields;
  int64_t expires_ms = kNoExpiry;  // Unix time

  bool operator==(const Value&) const = default;
};

// Sorted: what is drawn at random must not depend on addresses.
using Database = std::map<std::string, Value, std::less<>>;

struct Dataset {
  explicit Dataset(int count) : databases(static_cast<size_t>(count)) {}

  std::vector<Database> databases;

  Database& operator[](int db) { return databases[static_cast<size_t>(db)]; }
  const Database& operator[](int db) const { return databases[static_cast<size_t>(db)]; }
  size_t size() const;
  bool operator==(const Dataset&) const = default;
};

// What stands for an RDB: the same header, and a body of our own. It also holds where a Redis is in its stream.
struct RdbExtra {
  std::string replid;
  int64_t offset = 0;
};
std::string save_rdb(const Dataset& data, const RdbExtra& extra);
// Takes kEmptyRdb of core/replication/feed.h too. Nothing if it is no RDB of ours.
std::optional<Dataset> load_rdb(std::string_view rdb, int databases, RdbExtra* extra);

// The first few differences, for people; empty if the keys of all databases but `reserved_db` are equal, with the
// times at which they expire.
std::string differences(const Dataset& a, const Dataset& b, int reserved_db);
std::string describe(const Value& value);

}  // namespace holdfast::simulation
