// Building a Redis from the log: what goes down the wire, in which order, and when all of it is there.
#include "core/replication/feeder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/log_writer.h"
#include "tests/unit/memory_log.h"
#include "tests/unit/resp_words.h"
#include "tests/unit/test_table.h"

namespace holdfast {
namespace {

using testing::as_words;
using testing::LogWriter;
using testing::words;

struct FakePort : FeedPort {
  std::string sent;
  size_t unsent = 0;
  bool slow = false;  // what is sent does not go out by itself
  std::string rdb;    // of the base snapshot
  std::string rdb_error;
  size_t most_read = 0;

  void feed_send(std::string bytes) override {
    sent += bytes;
    if (slow) unsent += bytes.size();
  }
  size_t feed_unsent() override { return unsent; }
  Result<int64_t> snapshot_size(const SnapshotRef& ref) override {
    CHECK(ref.file == "base.rdb");
    if (!rdb_error.empty()) return Error{rdb_error};
    return static_cast<int64_t>(rdb.size());
  }
  Result<std::string> snapshot_read(const SnapshotRef&, int64_t offset, size_t bytes) override {
    most_read = std::max(most_read, bytes);
    return rdb.substr(std::min(rdb.size(), static_cast<size_t>(offset)), bytes);
  }
  std::string random_hex(size_t digits) override { return std::string(digits, 'a'); }
};

struct Fixture {
  FakePort port;
  LogWriter writer;
  std::shared_ptr<testing::MemoryStore> store = std::make_shared<testing::MemoryStore>();
  testing::MemoryLog log{store};
  std::unique_ptr<Feeder> feeder;

  Fixture() { writer.claim(); }

  void start(Position settled = kNoPosition, ReplayLimit limit = {}) {
    store->entries.assign(writer.entries.begin(), writer.entries.end());
    feeder = std::make_unique<Feeder>(&port, &log, "the-log", 15, settled, std::move(limit));
  }
  // A log that begins with a base snapshot of so many bytes.
  void write_snapshot(size_t bytes) {
    port.rdb.assign(bytes, 'r');
    Record snapshot;
    snapshot.type = RecordType::kSnapshot;
    snapshot.value = encode_snapshot_ref({"base.rdb", static_cast<int64_t>(bytes), 1});
    writer.write(snapshot);
    writer.batch(words("SELECT 0 | SET a 1"));
    writer.settled(2);
  }
  void connect() {
    feeder->on_connected();
    CHECK(feeder->on_data(words("PING | REPLCONF capa psync2 | PSYNC ? -1")));
  }
  // Feeds all that the log has; what was sent since, behind the RDB.
  std::string feed() {
    start();
    connect();
    CHECK(pump());
    return stream();
  }
  bool pump(Position target = -2) {
    const Result<bool> done = feeder->pump(target == -2 ? writer.end() - 1 : target);
    REQUIRE(done.ok());
    return *done;
  }
  std::string stream() const {
    const size_t at = port.sent.find('$');
    const size_t line_end = port.sent.find("\r\n", at);
    const size_t bytes = std::stoul(port.sent.substr(at + 1));
    return port.sent.substr(line_end + 2 + bytes);
  }
};

// The stream without what a marker says: "SET holdfast:marker <position>".
std::string in_short(std::string_view stream) {
  std::string text = as_words(stream);
  for (size_t at = 0; (at = text.find("holdfast:marker hf1 ", at)) != std::string::npos;) {
    at += 16;
    const size_t end = std::min(text.find(" | ", at), text.size());
    const Result<Marker> marker = parse_marker(text.substr(at, end - at));
    REQUIRE(marker.ok());
    CHECK(marker->log_id == "the-log");
    CHECK(marker->settled == marker->applied);
    text.replace(at, end - at, std::to_string(marker->applied.position));
  }
  return text;
}

// All feeds from one log have ids that begin the same, and that no other log's feeds have.
const std::string kReplid = replid_prefix("the-log") + std::string(40 - kReplidPrefix, 'a');

TEST_CASE("a feed's id tells the log") {
  CHECK(kReplid.size() == 40);
  const std::string id = "0123456789abcdef0123456789abcdef";
  CHECK(replid_prefix(id) == id.substr(0, kReplidPrefix));
  CHECK(replid_prefix("the-log").size() == kReplidPrefix);
  CHECK(replid_prefix("the-log") != replid_prefix("the-lob"));
}

TEST_CASE("an empty log makes an empty Redis that says whose it is") {
  Fixture f;
  CHECK(in_short(f.feed()) == "SELECT 15 | SET holdfast:marker -1");
  const std::string expected = "+PONG\r\n+OK\r\n+FULLRESYNC " + kReplid + " 1\r\n$18\r\n";
  CHECK(f.port.sent.substr(0, expected.size()) == expected);
  CHECK(f.port.sent.substr(expected.size(), 18) == kEmptyRdb);
}

TEST_CASE("settled batches and effects are fed in order, the marker behind them") {
  Fixture f;
  f.writer.batch(words("SELECT 0 | SET a 1"));
  f.writer.batch(words("SELECT 3 | EVAL script 0"));
  f.writer.effects({{Segment::Place::kInsteadOf, 2, words("SELECT 3 | SET b 2")},
                    {Segment::Place::kAfter, 2, words("SELECT 0 | DEL a")}},
                   2);
  f.writer.batch(words("SELECT 0 | SET unsettled 1"), 2);
  CHECK(in_short(f.feed()) ==
        "SELECT 15 | SET holdfast:marker -1 | SELECT 0 | SET a 1 | SELECT 3 | SET b 2 | SELECT 0 | DEL a | "
        "SELECT 15 | SET holdfast:marker 2");
  CHECK(f.feeder->fed().position == 2);
  CHECK(f.feeder->pieces_fed() == 3);
  CHECK(f.feeder->source().replay().pending().size() == 1);
  CHECK(f.feeder->offset() == 1 + static_cast<int64_t>(f.stream().size()));
  CHECK(f.feeder->replid() == kReplid);
}

TEST_CASE("nothing is fed before the replica has asked") {
  Fixture f;
  f.writer.batch(words("SELECT 0 | SET a 1"));
  f.writer.settled(1);
  f.start();
  CHECK(!f.pump());
  CHECK(f.port.sent.empty());
  f.feeder->on_connected();
  CHECK(!f.pump());
  CHECK(f.feeder->rdb_under_way());
  CHECK(f.feeder->on_data(words("PING")));
  CHECK(!f.pump());
  CHECK(f.port.sent == "+PONG\r\n");
  CHECK(f.feeder->on_data(words("PSYNC ? -1")));
  CHECK(f.pump());
  CHECK(!f.feeder->rdb_under_way());
  CHECK(in_short(f.stream()).find("SET a 1") != std::string::npos);
}

TEST_CASE("data from nobody") {
  Fixture f;
  f.start();
  CHECK(!f.feeder->on_data(words("PING")));
}

TEST_CASE("batches that are known to be settled need no record that says so") {
  Fixture f;
  f.writer.batch(words("SELECT 0 | SET a 1"));
  f.writer.batch(words("SELECT 0 | SET b 1"));
  f.writer.effects({{Segment::Place::kAfter, 1, words("SELECT 0 | DEL c")}});
  f.start(1);
  f.connect();
  CHECK(f.pump());
  CHECK(in_short(f.stream()) ==
        "SELECT 15 | SET holdfast:marker -1 | SELECT 0 | SET a 1 | SELECT 0 | DEL c | "
        "SELECT 15 | SET holdfast:marker 1");
}

TEST_CASE("what is known to be settled is not fed before the log's end is read: an EFFECTS record may come") {
  Fixture f;
  f.writer.batch(words("SELECT 0 | SPOP a"));
  f.writer.effects({{Segment::Place::kInsteadOf, 1, words("SELECT 0 | SREM a x")}});
  f.start(1);
  f.connect();
  CHECK(!f.pump(3));  // one more is to come
  CHECK(in_short(f.stream()) == "SELECT 15 | SET holdfast:marker -1");
  CHECK(f.pump(2));
  CHECK(in_short(f.stream()) ==
        "SELECT 15 | SET holdfast:marker -1 | SELECT 0 | SREM a x | SELECT 15 | SET holdfast:marker 1");
}

TEST_CASE("unseen batches are fed up to the first that a replica may not execute") {
  Fixture f;
  f.writer.batch(words("SELECT 0 | SET a 1"));
  f.writer.batch(words("SELECT 0 | SETNX a 2 | SELECT 2 | INCR b"));
  f.writer.batch(words("SELECT 0 | SET c 1 | SPOP s"));
  f.writer.batch(words("SELECT 0 | SET d 1"));
  f.feed();
  f.port.sent.clear();
  f.feeder->feed_unseen(testing::test_table());
  CHECK(in_short(f.port.sent) ==
        "SELECT 0 | SET a 1 | SELECT 0 | SETNX a 2 | SELECT 2 | INCR b | SELECT 15 | SET holdfast:marker 2");
  CHECK(f.feeder->source().replay().pending().size() == 2);
  CHECK(f.feeder->source().replay().pending().front().position == 3);
}

TEST_CASE("a batch that has its EFFECTS is not unseen, also when nothing says that it is settled") {
  Fixture f;
  f.writer.batch(words("SELECT 0 | SPOP s"));
  f.writer.effects({{Segment::Place::kInsteadOf, 1, words("SELECT 0 | SREM s x")},
                    {Segment::Place::kAfter, 1, words("SELECT 0 | DEL t")}});
  f.feed();
  f.port.sent.clear();
  f.feeder->feed_unseen(testing::test_table());
  CHECK(in_short(f.port.sent) == "SELECT 0 | SREM s x | SELECT 0 | DEL t | SELECT 15 | SET holdfast:marker 1");
}

TEST_CASE("all is acknowledged once Redis has read what came before the question") {
  Fixture f;
  f.writer.batch(words("SELECT 0 | SET a 1"));
  f.writer.settled(1);
  f.feed();
  const int64_t before = f.feeder->offset();
  CHECK(f.feeder->on_data(words("REPLCONF ACK " + std::to_string(before))));
  CHECK(!f.feeder->acknowledged());  // nobody has asked
  f.port.sent.clear();
  f.feeder->finish();
  f.feeder->finish();
  CHECK(as_words(f.port.sent) == "REPLCONF GETACK *");
  CHECK(f.feeder->on_data(words("REPLCONF ACK " + std::to_string(before))));
  CHECK(f.feeder->acknowledged());
}

TEST_CASE("an older acknowledgement is not enough") {
  Fixture f;
  f.writer.batch(words("SELECT 0 | SET a 1"));
  f.writer.settled(1);
  f.feed();
  f.feeder->finish();
  CHECK(!f.feeder->acknowledged());
  CHECK(f.feeder->on_data(words("REPLCONF ACK 1")));
  CHECK(!f.feeder->acknowledged());
}

TEST_CASE("the base snapshot is what the stream goes on from") {
  Fixture f;
  f.write_snapshot(3'000'000);
  const std::string stream = f.feed();
  CHECK(f.port.sent.find("$3000000\r\n" + f.port.rdb) != std::string::npos);
  CHECK(in_short(stream) ==
        "SELECT 15 | SET holdfast:marker -1 | SELECT 0 | SET a 1 | SELECT 15 | SET holdfast:marker 2");
  CHECK(f.port.most_read < f.port.rdb.size());
}

TEST_CASE("a slow replica is not sent more than it takes") {
  Fixture f;
  f.write_snapshot(3'000'000);
  f.start();
  f.connect();
  f.port.unsent = 100 << 20;
  CHECK(!f.pump());
  CHECK(f.port.sent.size() < 1000);
  CHECK(f.feeder->rdb_under_way());
  f.port.unsent = 0;
  CHECK(f.pump());
  f.feeder.reset();

  Fixture slow;
  for (int i = 0; i < 30; i++) slow.writer.batch(words("SELECT 0 | SET a " + std::string(900'000, 'x')), i);
  slow.writer.settled(30);
  slow.start();
  slow.connect();
  slow.port.slow = true;
  int rounds = 0;
  for (size_t before = slow.port.sent.size(); !slow.pump(); before = slow.port.sent.size(), rounds++) {
    CHECK(slow.port.sent.size() - before < 16 << 20);
    slow.port.unsent = 0;
  }
  CHECK(rounds >= 2);
  CHECK(slow.feeder->fed().position == 30);
}

TEST_CASE("a snapshot that cannot be had stops the feed with the reason") {
  Fixture f;
  f.write_snapshot(100);
  f.start();
  f.connect();
  f.port.rdb_error = "base.rdb is not there";
  const Result<bool> fed = f.feeder->pump(f.writer.end() - 1);
  REQUIRE(!fed.ok());
  CHECK(fed.error() == "base.rdb is not there");
  CHECK(f.feeder->spoilt());  // it will not be there the next time either
}

TEST_CASE("a base snapshot whose record comes in late is noticed") {
  Fixture f;
  f.feed();
  CHECK(!f.feeder->outdated());
  f.write_snapshot(100);
  f.store->entries.assign(f.writer.entries.begin(), f.writer.entries.end());
  CHECK(f.pump());
  CHECK(f.feeder->outdated());

  Fixture g;
  g.write_snapshot(100);
  g.feed();
  CHECK(!g.feeder->outdated());
}

TEST_CASE("a snapshot that is cut under way stops the feed, it is not padded") {
  Fixture f;
  f.write_snapshot(20 << 20);
  f.start();
  f.connect();
  f.port.unsent = 100 << 20;
  CHECK(!f.pump());
  f.port.unsent = 0;
  f.port.rdb.resize(5 << 20);
  CHECK(!f.feeder->pump(f.writer.end() - 1).ok());
}

TEST_CASE("damage in the log stops the feed with the position") {
  Fixture f;
  f.writer.batch(words("SELECT 0 | SET a 1"));
  f.writer.batch(words("SELECT 0 | SET b 1"));
  f.writer.entries[2].value.back() ^= 1;
  f.start();
  f.connect();
  CHECK(!f.feeder->spoilt());
  const Result<bool> fed = f.feeder->pump(2);
  REQUIRE(!fed.ok());
  CHECK(fed.error().find("position 2") != std::string::npos);
  CHECK(f.feeder->spoilt());
}

TEST_CASE("a limit ends the feed before the log does") {
  Fixture f;
  f.writer.batch(words("SELECT 0 | SET a 1"));
  f.writer.batch(words("SELECT 0 | SET b 1"));
  f.writer.settled(2);
  f.start(kNoPosition, ReplayLimit(1, std::numeric_limits<int64_t>::max()));
  f.connect();
  CHECK(f.pump(1'000));
  CHECK(in_short(f.stream()) ==
        "SELECT 15 | SET holdfast:marker -1 | SELECT 0 | SET a 1 | SELECT 15 | SET holdfast:marker 1");
}

TEST_CASE("a limit may end before a damaged record, and not at one") {
  Fixture f;
  f.writer.batch(words("SELECT 0 | SET a 1"));
  f.writer.batch(words("SELECT 0 | SET b 1"), 1);
  f.writer.append({"", "somebody else's"});
  const auto pump = [&f](Position to) {
    f.port.sent.clear();
    f.start(kNoPosition, ReplayLimit(to, std::numeric_limits<int64_t>::max()));
    f.connect();
    const Result<bool> fed = f.feeder->pump(3);
    if (fed.ok() && *fed) f.feeder->feed_unseen(testing::test_table());
    return fed;
  };
  for (const Position to : {1, 2}) {
    const Result<bool> fed = pump(to);
    REQUIRE(fed.ok());
    CHECK(*fed);
    CHECK(f.feeder->fed().position == to);
  }
  CHECK(!pump(3).ok());
  CHECK(!pump(std::numeric_limits<Position>::max()).ok());
}

TEST_CASE("a replica may ask only once: what it missed would be gone") {
  Fixture f;
  f.feed();
  CHECK(!f.feeder->on_data(words("PSYNC ? -1")));
}

TEST_CASE("who does not behave like a replica") {
  Fixture f;
  f.start();
  f.feeder->on_connected();
  CHECK(!f.feeder->on_data(words("SET a 1")));
}

}  // namespace
}  // namespace holdfast
