// Which changes make an EXEC fail: what a command touches, and who watches that.
#include "core/shard/watches.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/test_unit.h"

namespace holdfast {
namespace {

using testing::split;
using testing::test_table;

CommandInfo command(std::string name, int first, int last, int step) {
  CommandInfo info;
  info.name = std::move(name);
  info.write = true;
  info.first_key = first;
  info.last_key = last;
  info.key_step = step;
  return info;
}

// "0:a 3:b", "db 2", "anything", in the order in which it was told.
std::string touched_text(const CommandInfo* info, std::string_view text, int db = 0) {
  const Touched touched = touched_by(info, db, split(text), 4);
  std::string out;
  for (const Touched::Key& key : touched.keys) out += std::to_string(key.db) + ":" + std::string(key.name) + " ";
  for (const int each : touched.databases) out += "db " + std::to_string(each) + " ";
  if (touched.anything) out += "anything ";
  return out.substr(0, out.size() - std::min<size_t>(1, out.size()));
}

std::string touched_text(std::string_view text, int db = 0) {
  return touched_text(test_table().find(split(text)), text, db);
}

TEST_CASE("touched: the keys that a command writes") {
  CHECK(touched_text("SET a 1", 3) == "3:a");
  CHECK(touched_text("MSET a 1 b 2") == "0:a 0:b");
  CHECK(touched_text("DEL a b") == "0:a 0:b");
  CHECK(touched_text("FLUSHALL") == "db 0 db 1 db 2 db 3");
  CHECK(touched_text("SWAPDB 1 2") == "db 1 db 2");
  CHECK(touched_text("MOVE a 2") == "0:a 2:a");
  CHECK(touched_text("COPY a b") == "0:b");
  CHECK(touched_text("COPY a b DB 3 REPLACE") == "3:b");
  CHECK(touched_text("GET a") == "");
  CHECK(touched_text("PING") == "");
  CHECK(touched_text(nullptr, "NO.SUCH a") == "anything");
}

TEST_CASE("touched: sources that are only read are not") {
  const CommandInfo sunionstore = command("sunionstore", 1, -1, 1), zunionstore = command("zunionstore", 1, 1, 1),
                    bitop = command("bitop", 2, -1, 1), sort = command("sort", 1, 1, 1);
  CHECK(touched_text(&sunionstore, "SUNIONSTORE d a b") == "0:d");
  CHECK(touched_text(&zunionstore, "ZUNIONSTORE d 2 a b") == "0:d");
  CHECK(touched_text(&bitop, "BITOP AND d a b") == "0:d");
  CHECK(touched_text(&sort, "SORT a BY w_* STORE d") == "0:d");
  CHECK(touched_text(&sort, "SORT a") == "");
}

struct Fixture {
  Watches watches;

  void seen(std::string_view text, int db = 0) {
    const std::vector<std::string_view> argv = split(text);
    const CommandInfo* info = test_table().find(argv);
    watches.on_touched(touched_by(info, db, argv, 16), info);
  }
};

TEST_CASE("watches: a change of a watched key, in its own database") {
  Fixture f;
  f.watches.add(1, 0, "a");
  f.watches.add(1, 3, "b");
  f.watches.add(2, 0, "b");
  f.watches.learn(1, {-1, -1});
  f.watches.learn(2, {-1});
  f.seen("SET b 1", 5);
  f.seen("SET c 1");
  CHECK(!f.watches.touched(1));
  f.seen("SET b 1", 3);
  CHECK(f.watches.touched(1));
  CHECK(!f.watches.touched(2));
  f.watches.forget(1);
  CHECK(!f.watches.watching(1));
  CHECK(!f.watches.touched(1));
  f.seen("UNLINK x b");
  CHECK(f.watches.touched(2));
}

TEST_CASE("watches: what the look itself removed, having expired, was never there") {
  Fixture f;
  f.watches.add(1, 0, "gone");
  f.watches.add(2, 0, "gone");
  f.seen("DEL gone");
  CHECK(!f.watches.touched(1));
  f.watches.learn(1, {-2});
  CHECK(!f.watches.touched(1));
  f.watches.learn(2, {-1});  // it was removed behind the look
  CHECK(f.watches.touched(2));
  f.seen("DEL gone");  // of another database that SWAPDB has put there
  CHECK(!f.watches.touched(1));
  f.seen("SET gone 1");
  CHECK(f.watches.touched(1));
}

TEST_CASE("watches: a write before the look has answered counts") {
  Fixture f;
  f.watches.add(1, 0, "a");
  f.seen("SET a 1");
  f.watches.learn(1, {-2});
  CHECK(f.watches.touched(1));
}

TEST_CASE("watches: a flush changes the keys that were there, SWAPDB perhaps the others") {
  Fixture f;
  f.watches.add(1, 0, "there");
  f.watches.add(2, 0, "absent");
  f.watches.add(3, 2, "absent");
  f.watches.learn(1, {100});
  f.watches.learn(2, {-2});
  f.watches.learn(3, {-2});
  f.seen("FLUSHALL");
  CHECK(f.watches.touched(1));
  CHECK(!f.watches.touched(2));
  CHECK(!f.watches.keys(2)[0].in_doubt());
  f.seen("SWAPDB 0 1");
  CHECK(!f.watches.touched(2));
  CHECK(f.watches.keys(2)[0].in_doubt());
  f.watches.on_last_look(2);
  f.seen("DEL absent");  // by the look, which found it expired
  CHECK(!f.watches.touched(2));
  f.seen("FLUSHALL");
  CHECK(!f.watches.touched(2));
  f.seen("SWAPDB 0 1");
  CHECK(f.watches.touched(2));
  CHECK(!f.watches.touched(3));
  f.seen("NO.SUCH x");
  CHECK(f.watches.touched(3));
}

TEST_CASE("watches: what SWAPDB brings and is deleted before anybody looks was a change") {
  Fixture f;
  f.watches.add(1, 0, "absent");
  f.watches.learn(1, {-2});
  f.seen("DEL absent");
  CHECK(!f.watches.touched(1));
  f.seen("SWAPDB 0 1");
  f.seen("DEL absent");
  CHECK(f.watches.touched(1));
}

TEST_CASE("watches: the same key twice is one, and a second WATCH asks only for what is new") {
  Fixture f;
  f.watches.add(1, 0, "a");
  f.watches.add(1, 0, "a");
  f.watches.learn(1, {5});
  f.watches.add(1, 0, "b");
  f.watches.add(1, 1, "a");
  f.watches.learn(1, {-1, -2});
  const std::vector<Watches::Key>& keys = f.watches.keys(1);
  REQUIRE(keys.size() == 3);
  CHECK(keys[0].pttl == 5);
  CHECK(keys[1].pttl == -1);
  CHECK(keys[2].pttl == -2);
  CHECK(keys[0].in_doubt());
  CHECK(!keys[1].in_doubt());
}

TEST_CASE("watches: keys whose hashes are equal, as anybody can make them") {
  // The first eight bytes take the hash's own secret away, so the next eight do not count.
  const std::string secret = "\xb8\xfe\x6c\x39\x23\xa4\x4b\xbe", rest(16, 'r');
  const std::string one = secret + "11111111" + rest, two = secret + "22222222" + rest;
  REQUIRE(key_hash(0, one) == key_hash(0, two));
  Fixture f;
  f.watches.add(1, 0, one);
  f.watches.add(1, 0, two);
  f.watches.learn(1, {-1, -1});
  f.watches.forget(1);
  CHECK(f.watches.empty());
}

}  // namespace
}  // namespace holdfast
