// What became of each record, whatever the log does with it.
#include "core/shard/commit_line.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/commit_line_fixture.h"
#include "tests/unit/log_writer.h"

namespace holdfast {
namespace {

using testing::CommitLineFixture;
using Outcome = Delivery::Outcome;

TEST_CASE("leading begins with a claim that was read") {
  CommitLineFixture f;
  f.start();
  CHECK(!f.line.leading());
  CHECK(f.line.waiting_since() == f.world.now_ms);
  CHECK(f.log.waiting() == 1);
  f.turn();
  CHECK(f.told() == "");
  f.log.commit();
  f.turn();
  CHECK(f.told() == "leading 1\n");
  CHECK(f.line.leading());
  CHECK(f.line.idle());
  CHECK(f.line.waiting_since() == 0);
  CHECK(f.log.at(0).value == "the-log");
  CHECK(f.line.committed().position == 0);
  const Result<Record> claim = parse_header(f.log.at(0).header);
  REQUIRE(claim.ok());
  CHECK(claim->type == RecordType::kClaim);
  CHECK(claim->nonce.size() == 16);
}

TEST_CASE("what is delivered at the next positions is committed, in order") {
  CommitLineFixture f;
  f.lead();
  f.batch();
  f.effects("e");
  f.batch();
  f.line.append_snapshot("ref", {});
  f.line.append_settled({2, "replid", 9, 3});
  CHECK(f.line.told() == Settled{2, "replid", 9, 3});
  CHECK(!f.line.idle());
  CHECK(f.told() == "");
  f.log.commit(1);
  f.turn();
  CHECK(f.told() == "batch 1 at 1\n");
  f.log.commit(4);
  f.turn();
  CHECK(f.told() == "effects\nbatch 2 at 3\nsnapshot\n");
  CHECK(f.as_read() == "batch 1 at 1\nbatch 2 at 3\n");
  CHECK(f.line.idle());
  CHECK(f.line.committed().position == 5);
  CHECK(f.line.committed().epoch == 1);
  const Result<Record> settled = parse_header(f.log.at(5).header);
  REQUIRE(settled.ok());
  CHECK(settled->settled == Settled{2, "replid", 9, 3});
  CHECK(settled->time_ms == f.world.now_unix_ms);
  f.line.tell_again();
  CHECK(f.line.told() == Settled{});
}

TEST_CASE("so many batches at once, no more") {
  CommitLineFixture f;
  f.lead();
  for (int i = 0; i < 4; i++) {
    CHECK(f.line.has_room());
    f.batch();
  }
  CHECK(!f.line.has_room());
  f.world.now_ms += 500;
  f.effects("e");
  CHECK(f.line.waiting_since() == 1000);
  f.world.now_ms += 500;
  f.log.commit(1);
  f.turn();
  CHECK(f.line.waiting_since() == 2000);  // the log has just confirmed something
  f.log.commit(3);
  f.turn();
  CHECK(f.line.has_room());
  CHECK(f.line.waiting_since() == 2000);
}

TEST_CASE("of a large record each part that is confirmed counts as progress") {
  CommitLineFixture f;
  f.lead();
  f.log.max_bytes = 4000;
  f.batch(10'000);
  f.batch();
  REQUIRE(f.log.waiting() == 4);
  f.world.now_ms = 2000;
  CHECK(f.line.part_delivered_ms() == 0);
  f.log.commit();
  f.turn();
  CHECK(f.told() == "");
  CHECK(f.line.part_delivered_ms() == 2000);
  CHECK(f.line.waiting_since() == 2000);
  f.world.now_ms = 3000;
  f.log.commit(2);
  f.turn();
  CHECK(f.told() == "batch 1 at 3\n");
  f.world.now_ms = 4000;
  f.log.commit();
  f.turn();
  CHECK(f.told() == "batch 2 at 4\n");
  CHECK(f.line.part_delivered_ms() == 3000);  // whole ones do not
}

TEST_CASE("an unknown outcome is never guessed at and never sent again") {
  CommitLineFixture f;
  f.lead();
  f.batch();
  const bool written = true;
  SUBCASE("it is in the log") {
    f.log.fail(Outcome::kUnknown, written);
    f.turn();
    CHECK(f.told() == "");
    CHECK(!f.line.leading());
    CHECK(!f.line.has_room());
    CHECK(f.log.waiting() == 1);  // the claim, and not the record again
    f.log.commit();
    f.turn();
    CHECK(f.told() == "batch 1 at 1\nleading 2\n");
  }
  SUBCASE("it is not") {
    f.log.fail(Outcome::kUnknown, !written);
    f.turn();
    CHECK(f.told() == "");
    f.log.commit();
    f.turn();
    CHECK(f.told() == "batch 1 void\nleading 2\n");
  }
  f.batch();
  f.log.commit();
  f.turn();
  CHECK(f.told().find("batch 2 at ") == 0);
  CHECK(f.line.idle());
  CHECK(f.as_read().find("batch 2") != std::string::npos);
}

TEST_CASE("what is still under way when the line claims again: before the claim it counts, behind it is void") {
  CommitLineFixture f;
  f.lead();
  f.batch();
  f.batch();
  f.batch();
  f.log.fail(Outcome::kUnknown, true);
  f.turn();
  REQUIRE(f.log.abandoned() == 2);
  f.log.write_abandoned();  // batch 2 gets there first
  f.log.commit();           // the claim
  f.log.write_abandoned();  // batch 3 comes too late
  f.turn();
  CHECK(f.told() == "batch 1 at 1\nbatch 2 at 2\nbatch 3 void\nleading 2\n");
  CHECK(f.as_read() == "batch 1 at 1\nbatch 2 at 2\n");
  // The latecomer stands where the next record was expected: it costs one more claim, nothing else.
  f.batch();
  f.log.commit();
  f.turn();
  CHECK(f.told() == "");
  f.log.commit();
  f.turn();
  CHECK(f.told() == "batch 4 at 5\nleading 3\n");
  CHECK(f.as_read() == "batch 1 at 1\nbatch 2 at 2\nbatch 4 at 5\n");
}

TEST_CASE("behind a record that is missing nothing is committed, though it stands in the log") {
  CommitLineFixture f;
  f.lead();
  f.batch();
  f.batch();
  f.batch();
  f.log.commit();
  f.log.fail(Outcome::kUnknown, false);
  f.log.write_silently();
  f.turn();
  CHECK(f.told() == "batch 1 at 1\n");
  f.log.commit();
  f.turn();
  CHECK(f.told() == "batch 2 void\nbatch 3 void\nleading 2\n");
  CHECK(f.as_read() == "batch 1 at 1\n");
}

TEST_CASE("what the log refuses is void at once, with all behind it") {
  CommitLineFixture f;
  f.lead();
  f.batch();
  f.log.commit();
  f.turn();
  f.batch();
  f.batch();
  f.effects("e");
  f.batch();
  f.batch();
  f.log.fail(Outcome::kNotWritten, false);
  f.turn();
  CHECK(f.told() == "batch 1 at 1\nbatch 2 void\nbatch 3 void\nbatch 4 void\nbatch 5 void\neffects void\n");
  CHECK(!f.line.leading());
  f.log.commit();
  f.turn();
  CHECK(f.told() == "leading 2\n");
  CHECK(f.line.idle());
  CHECK(f.line.has_room());
  CHECK(f.as_read() == "batch 1 at 1\n");
}

TEST_CASE("a log that has written what it said it had not stops the node") {
  CommitLineFixture f;
  f.lead();
  f.batch();
  f.log.fail(Outcome::kNotWritten, true);
  f.turn();
  f.log.commit();
  f.turn();
  CHECK(f.told().find("batch 1 void\nfenced: ") == 0);
}

TEST_CASE("a repeated record costs a claim and counts once") {
  CommitLineFixture f;
  f.lead();
  f.batch();
  f.log.commit();
  f.turn();
  f.log.write_other(f.log.at(1));
  f.batch();
  f.log.commit();
  f.turn();
  CHECK(f.told() == "batch 1 at 1\n");
  f.log.commit();
  f.turn();
  CHECK(f.told() == "batch 2 at 3\nleading 2\n");
  CHECK(f.as_read() == "batch 1 at 1\nbatch 2 at 3\n");
}

// Whoever may write to the topic can stop a node; what he wrote is never passed over.
TEST_CASE("a record that is not Holdfast's stops the line where it is noticed") {
  CommitLineFixture f;
  f.lead();
  f.batch();
  f.log.commit();
  f.turn();
  SUBCASE("it has no header") { f.log.write_other({kNoPosition, "", "hello"}); }
  SUBCASE("it has another header") { f.log.write_other({kNoPosition, "hello", "hello"}); }
  SUBCASE("its checksum is wrong") {
    ChainState state = f.line.committed();
    f.log.write_other({kNoPosition, encode(Record{}, 1 << 20, &state)[0].header, "hello"});
  }
  SUBCASE("nobody claimed its epoch") {
    testing::LogWriter other;
    for (int i = 0; i < 5; i++) other.claim();
    f.log.write_other(other.entries.back());
  }
  f.batch();
  f.log.commit();
  f.turn();
  CHECK(f.told() == "batch 1 at 1\n");
  f.log.commit();  // the claim
  f.turn();
  const std::string told = f.told();
  CHECK(told.find("fenced: the record at position 2 of the log stops this: ") == 0);
  CHECK(told.find('\n') == told.size() - 1);
  CHECK(!f.line.leading());
  CHECK(f.as_read() == "batch 1 at 1\n");
}

TEST_CASE("a record of an older epoch that comes late is void") {
  CommitLineFixture f;
  testing::LogWriter old;
  old.claim("old");
  f.log.write_other(old.entries[0]);
  f.lead();
  old.batch("from before");
  f.log.write_other(old.entries[1]);
  f.batch();
  f.log.commit();
  f.turn();
  f.log.commit();
  f.turn();
  CHECK(f.told() == "batch 1 at 3\nleading 3\n");
}

TEST_CASE("a record in parts is committed when its last part is") {
  CommitLineFixture f;
  f.log.max_bytes = 1000;
  f.lead();
  f.batch(2000);
  f.batch();
  const size_t parts = f.log.waiting() - 1;
  REQUIRE(parts > 3);
  SUBCASE("all delivered") {
    f.log.commit(parts - 1);
    f.turn();
    CHECK(f.told() == "");
    f.log.commit(2);
    f.turn();
    CHECK(f.told() == f.as_read());
    CHECK(f.batches[0].position == static_cast<Position>(parts));
  }
  SUBCASE("the last one unknown, but written") {
    f.log.commit(parts - 1);
    f.log.fail(Outcome::kUnknown, true);
    f.turn();
    CHECK(f.told() == "");
    f.log.commit();
    f.turn();
    CHECK(f.told() == f.as_read() + "batch 2 void\nleading 2\n");
  }
  SUBCASE("one unknown and lost, those behind it written") {
    f.log.commit(2);
    f.log.fail(Outcome::kUnknown, false);
    for (size_t i = 3; i < parts + 1; i++) f.log.write_silently();
    f.turn();
    f.log.commit();
    f.turn();
    CHECK(f.told() == "batch 1 void\nbatch 2 void\nleading 2\n");
    CHECK(f.as_read() == "");
    f.batch();
    f.log.commit();
    f.turn();
    CHECK(f.told() == f.as_read());
  }
}

TEST_CASE("effects whose record is void are told once, also when several were under way") {
  CommitLineFixture f;
  f.lead();
  f.effects("1");
  f.effects("2");
  f.log.fail(Outcome::kUnknown, true);
  f.turn();
  f.log.commit();
  f.turn();
  CHECK(f.told() == "effects\neffects void\nleading 2\n");
}

}  // namespace
}  // namespace holdfast
