// How batches and EFFECTS records go together: what comes out, in which order, and when.
#include "core/replication/replay.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/replication/log_source.h"
#include "tests/unit/log_writer.h"
#include "tests/unit/memory_log.h"

namespace holdfast {
namespace {

using testing::LogWriter;
constexpr auto kInsteadOf = Segment::Place::kInsteadOf;
constexpr auto kAfter = Segment::Place::kAfter;

// A log whose position 0 is the claim; its batches stand from 1 on.
struct Log1 {
  LogWriter log;
  Chain chain;
  Replay replay;
  size_t read = 0;

  Log1() { log.claim(); }
  explicit Log1(const ChainState& from) : replay(from) { log.claim(); }

  // What may be applied now, as "batch1 effect …".
  std::string take() {
    for (; read < log.entries.size(); read++) {
      if (chain.next(log.entries[read]) == Chain::Verdict::kCounts) replay.add(chain.record(), chain.state());
    }
    std::vector<ReplayPiece> pieces;
    replay.take(&pieces);
    std::string out;
    for (const ReplayPiece& piece : pieces) {
      if (!out.empty()) out += ' ';
      out += piece.commands.empty() ? "nothing" : piece.commands;
      CHECK(piece.is_batch == (piece.chain.position == piece.batch && piece.batch > 0));
    }
    return out;
  }
};

TEST_CASE("a batch comes out once it is settled, not before") {
  Log1 f;
  f.log.batch("b1");
  CHECK(f.take() == "");
  CHECK(f.replay.has_batches());
  f.log.batch("b2", 1);
  CHECK(f.take() == "b1");
  CHECK(f.take() == "");
  f.log.settled(2);
  CHECK(f.take() == "b2");
}

TEST_CASE("settled is cumulative") {
  Log1 f;
  for (const char* batch : {"b1", "b2", "b3"}) f.log.batch(batch);
  f.log.settled(3);
  CHECK(f.take() == "b1 b2 b3");
}

TEST_CASE("a record that tells less than one before it takes nothing back") {
  Log1 f;
  f.log.batch("b1");
  f.log.batch("b2", 1);
  f.log.batch("b3", 0);
  CHECK(f.take() == "b1");
}

TEST_CASE("effects stand in place of their batch, or behind it") {
  Log1 f;
  f.log.batch("b1");
  f.log.batch("b2");
  f.log.batch("b3");
  f.log.effects({{kInsteadOf, 2, "instead-of-2"}, {kAfter, 2, "after-2"}, {kAfter, 3, "after-3"}}, 2);
  CHECK(f.take() == "b1 instead-of-2 after-2");
  f.log.effects({{kAfter, 3, "after-3-too"}}, 3);
  CHECK(f.take() == "b3 after-3 after-3-too");
}

TEST_CASE("a batch that did nothing is replaced by nothing") {
  Log1 f;
  f.log.batch("b1");
  f.log.effects({{kInsteadOf, 1, ""}, {kAfter, 1, "after-1"}}, 1);
  CHECK(f.take() == "nothing after-1");
}

TEST_CASE("effects before the first batch") {
  Log1 f;
  f.log.effects({{kAfter, -1, "before"}});
  CHECK(f.take() == "before");
  CHECK(!f.replay.has_batches());
  f.log.batch("b2");
  f.log.effects({{kAfter, -1, "before-too"}, {kAfter, 2, "after-2"}}, 2);
  CHECK(f.take() == "before-too b2 after-2");
}

TEST_CASE("effects behind a batch that has come out already") {
  Log1 f;
  f.log.batch("b1");
  f.log.batch("b2", 1);
  CHECK(f.take() == "b1");
  // Position 3: known later than b2, but it happened before b2 was applied.
  f.log.effects({{kAfter, 1, "after-1"}, {kAfter, 2, "after-2"}}, 2);
  CHECK(f.take() == "after-1 b2 after-2");
  f.log.effects({{kAfter, 2, "expired"}}, 2);
  CHECK(f.take() == "expired");
  f.log.effects({{kAfter, 1, "too late to have been behind 1"}}, 2);
  CHECK(f.take() == "");
}

TEST_CASE("effects of batches that are applied already are left out") {
  Log1 f(ChainState{2, 1, 2, 0});
  f.log.batch("b1");
  f.log.batch("b2");
  f.log.effects({{kInsteadOf, 1, "instead-of-1"}, {kAfter, 1, "after-1"}, {kInsteadOf, 2, "instead-of-2"}}, 2);
  CHECK(f.take() == "");
  // Behind the batch where this replay began: nothing tells that it was applied.
  f.log.effects({{kAfter, 2, "after-2"}}, 2);
  CHECK(f.take() == "after-2");
  f.log.batch("b5");
  f.log.effects({{kAfter, 5, "after-5"}}, 5);
  CHECK(f.take() == "b5 after-5");
}

TEST_CASE("each piece tells where it comes from") {
  Log1 f;
  f.log.time_ms = 111;
  f.log.batch("b1");
  const ChainState at_batch = f.log.state();
  f.log.time_ms = 222;
  f.log.effects({{kInsteadOf, 1, "instead"}, {kAfter, 1, "after"}}, 1);
  f.take();
  Replay replay;
  Chain chain;
  for (const LogEntry& entry : f.log.entries) {
    chain.next(entry);
    replay.add(chain.record(), chain.state());
  }
  std::vector<ReplayPiece> pieces;
  replay.take(&pieces);
  REQUIRE(pieces.size() == 2);
  CHECK(pieces[0].batch == 1);
  CHECK(pieces[0].is_batch);
  CHECK(pieces[0].recorded == 1);  // what a time travel goes by: when the batch was written
  CHECK(pieces[0].time_ms == 111);
  CHECK(pieces[0].chain == at_batch);
  CHECK(pieces[1].batch == 1);
  CHECK(!pieces[1].is_batch);
  CHECK(pieces[1].recorded == 2);
  CHECK(pieces[1].time_ms == 222);
  CHECK(replay.settled_chain() == at_batch);
}

TEST_CASE("the unsettled tail stays, with what is known of it") {
  Log1 f;
  f.log.batch("b1");
  f.log.batch("b2", 1);
  f.log.batch("b3", 1);
  f.log.effects({{kInsteadOf, 3, "instead-of-3"}, {kAfter, 2, "after-2"}}, 1);
  CHECK(f.take() == "b1");
  REQUIRE(f.replay.pending().size() == 2);
  CHECK(!f.replay.pending()[0].replaced);
  Replay::Pending second = f.replay.take_pending_front();
  CHECK(second.position == 2);
  CHECK(second.commands == "b2");
  REQUIRE(second.after.size() == 1);
  CHECK(second.after[0].commands == "after-2");
  CHECK(f.replay.settled_chain().position == 2);
  CHECK(f.replay.pending()[0].replaced);
  CHECK(f.replay.pending()[0].commands == "instead-of-3");
}

TEST_CASE("a base snapshot stands for what is before it, and only at the beginning") {
  Log1 f;
  Record snapshot;
  snapshot.type = RecordType::kSnapshot;
  snapshot.value = encode_snapshot_ref({"base.rdb", 5, 7});
  f.log.effects({{kAfter, -1, "in the snapshot"}});
  f.log.write(snapshot);
  f.log.effects({{kAfter, -1, "behind it"}});
  CHECK(f.take() == "behind it");
  REQUIRE(f.replay.base().has_value());
  CHECK(f.replay.base()->file == "base.rdb");
  f.log.batch("b4");
  snapshot.value = encode_snapshot_ref({"other.rdb", 5, 7});
  f.log.write(snapshot);
  f.log.settled(4);
  CHECK(f.take() == "b4");
  f.log.write(snapshot);
  f.take();
  CHECK(f.replay.base()->file == "base.rdb");
}

TEST_CASE("the newest word on the stream is kept, with what it holds for") {
  Log1 f;
  Record record;
  record.type = RecordType::kSettled;
  record.settled = {0, "abc", 100, 3};
  f.log.write(record);
  f.log.batch("b2");  // says nothing of the stream
  f.take();
  CHECK(f.replay.settled() == Settled{0, "abc", 100, 3});
}

struct Source {
  std::shared_ptr<testing::MemoryStore> store = std::make_shared<testing::MemoryStore>();
  testing::MemoryLog log{store};

  explicit Source(const std::vector<LogEntry>& entries) { store->entries.assign(entries.begin(), entries.end()); }
};

TEST_CASE("a log source reads the log, leaves out what is void, and stops at damage") {
  LogWriter writer;
  writer.claim();
  writer.batch("b1");
  writer.append_again(writer.entries[1]);
  writer.batch("b3", 1);
  const ChainState at_b3 = writer.state();
  writer.settled(3);
  Source f(writer.entries);
  LogSource source(&f.log);
  source.expect(at_b3);
  size_t entries = 0;
  while (source.position() < 4) {
    const Result<size_t> read = source.read(1);
    REQUIRE(read.ok());
    entries += *read;
    CHECK(source.expectation_met() == (source.position() >= 3));
  }
  CHECK(entries == 5);
  std::vector<ReplayPiece> pieces;
  source.replay().take(&pieces);
  CHECK(pieces.size() == 2);
  CHECK(*source.read(1) == 0);
}

TEST_CASE("a log source stops at what Holdfast did not write, with all before it, and never gets behind it") {
  LogWriter writer;
  writer.claim();
  writer.batch("b1");
  writer.settled(1);
  SUBCASE("without a header") { writer.append({"", "nonsense"}); }
  SUBCASE("with another one") { writer.append({"nonsense", ""}); }
  SUBCASE("with a changed value") {
    LogWriter changed = writer;
    changed.batch("b3");
    writer.append({changed.entries.back().header, "c3"});
  }
  SUBCASE("of an epoch that nobody claimed") {
    LogWriter other = writer;
    other.claim();
    other.batch("b3");
    writer.append_again(other.entries.back());
  }
  LogWriter behind = writer;
  behind.batch("b4");
  behind.settled(4);
  Source f(behind.entries);
  LogSource source(&f.log);
  for (int i = 0; i < 3; i++) {
    const Result<size_t> read = source.read(1 << 20);
    REQUIRE(!read.ok());
    CHECK(read.error().find("position 3 ") != std::string::npos);
    CHECK(read.error().find("copy --to-position 2'") != std::string::npos);
    CHECK(source.damaged());
    CHECK(source.damaged_at() == 3);
    CHECK(source.position() == 2);
  }
  std::vector<ReplayPiece> pieces;
  source.replay().take(&pieces);
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].commands == "b1");
}

TEST_CASE("a log source may begin where it is expected to be") {
  LogWriter writer;
  writer.claim();
  writer.batch("b1");
  const ChainState here = writer.state();
  writer.batch("b2");
  Source f(writer.entries);
  LogSource source(&f.log, here);
  source.expect(here);
  REQUIRE(source.read(1 << 20).ok());
  CHECK(source.expectation_met());
  CHECK(source.position() == 2);

  LogSource other(&f.log, here);
  other.expect({1, 1, 1, here.check + 1});
  REQUIRE(other.read(1 << 20).ok());
  CHECK(!other.expectation_met());
}

TEST_CASE("the log's id is what its claims say") {
  LogWriter writer;
  writer.claim();
  writer.batch("b1");
  Source f(writer.entries);
  LogSource source(&f.log);
  CHECK(source.log_id().empty());
  REQUIRE(source.read(1 << 20).ok());
  CHECK(source.log_id() == "the-log");
}

}  // namespace
}  // namespace holdfast
