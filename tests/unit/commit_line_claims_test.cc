// Claims: other writers, claims that the log does not take, logs that cannot be read.
#include <doctest/doctest.h>

#include <string>

#include "tests/unit/commit_line_fixture.h"
#include "tests/unit/log_writer.h"

namespace holdfast {
namespace {

using testing::CommitLineFixture;
using Outcome = Delivery::Outcome;

TEST_CASE("another leader is noticed before anything behind it is acknowledged") {
  CommitLineFixture f;
  f.lead();
  f.batch();
  f.log.commit();
  f.turn();
  f.batch();  // in the log before the other's claim
  f.batch();  // behind it
  f.log.write_silently();
  Record claim;
  claim.type = RecordType::kClaim;
  claim.epoch = 2;
  claim.nonce = "other";
  ChainState unused;
  const EncodedEntry entry = encode(claim, 1 << 20, &unused)[0];
  f.log.write_other({0, entry.header, entry.value});
  f.told();
  SUBCASE("by a gap") {
    f.log.commit();
    f.turn();
  }
  SUBCASE("by an unknown outcome") {
    f.log.fail(Outcome::kUnknown, true);
    f.turn();
  }
  f.log.commit();  // our claim of epoch 2: too late
  f.turn();
  const std::string story = f.told();
  CHECK(story.find("batch 2 at 2\nfenced: another proxy") == 0);
  CHECK(!f.line.leading());
  CHECK(!f.line.has_room());
  f.turn();
  CHECK(f.told() == "");
}

TEST_CASE("a record in the place of ours is not taken for it") {
  CommitLineFixture f;
  f.lead();
  Record forged;
  forged.value = "forged";
  ChainState state = f.line.committed();
  const EncodedEntry entry = encode(forged, 1 << 20, &state)[0];
  f.log.write_other({0, entry.header, entry.value});
  f.batch();
  f.log.commit();  // not where it was to be
  f.turn();
  f.told();
  f.log.commit();  // our claim
  f.turn();
  CHECK(f.told().find("fenced: the record at position 1 of the log is not ours") == 0);
}

TEST_CASE("who starts last leads") {
  testing::LogWriter before;
  before.claim("a");
  before.batch("one");
  CommitLineFixture f;
  for (const LogEntry& entry : before.entries) f.log.write_other(entry);
  f.start();
  before.batch("two");  // still written by who led before
  before.claim("b");    // and another one that starts as well
  before.batch("three");
  for (size_t i = 2; i < 5; i++) f.log.write_other(before.entries[i]);
  f.log.commit();  // epoch 2 is taken
  f.turn();
  CHECK(f.told() == "");
  CHECK(!f.line.leading());
  REQUIRE(f.log.waiting() == 1);
  before.batch("four");
  f.log.write_other(before.entries.back());
  f.log.commit();
  f.turn();
  CHECK(f.told() == "leading 3\n");
  CHECK(f.line.committed().position == 7);
  f.batch();
  f.log.commit();
  f.turn();
  CHECK(f.told() == "batch 1 at 8\n");
  CHECK(f.as_read() == "batch 1 at 8\n");
}

TEST_CASE("a claim that the log did not take is made again, after a while") {
  CommitLineFixture f;
  f.start();
  const bool written = true;
  SUBCASE("it is not there") {
    f.log.fail(Outcome::kUnknown, !written);
    f.turn();
    CHECK(f.log.waiting() == 0);
    f.world.now_ms += 1000;
    f.turn();
    REQUIRE(f.log.waiting() == 1);
    f.log.commit();
    f.turn();
    CHECK(f.told() == "leading 1\n");
  }
  SUBCASE("it is there after all, and so are both") {
    f.log.fail(Outcome::kUnknown, written);
    f.turn();
    f.world.now_ms += 1000;
    f.turn();
    f.log.commit();
    f.turn();
    CHECK(f.told() == "leading 1\n");
    f.batch();
    f.log.commit();
    f.turn();
    f.log.commit();
    f.turn();
    CHECK(f.told() == "batch 1 at 2\nleading 2\n");
  }
  CHECK(f.as_read().find("batch 2") == std::string::npos);
}

TEST_CASE("a log that cannot be read for a while is waited for") {
  CommitLineFixture f;
  f.start();
  f.log.commit();
  SUBCASE("it cannot be opened") { f.log.readable = false; }
  SUBCASE("it fails in the middle") { f.log.reads_fail = true; }
  f.turn();
  f.turn();
  CHECK(f.told() == "");
  CHECK(f.line.reading());
  CHECK(f.line.waiting_since() == f.world.now_ms);
  CHECK(f.world.notes.find("cannot be read") != std::string::npos);
  f.log.readable = true;
  f.log.reads_fail = false;
  f.turn();
  CHECK(f.told() == "leading 1\n");
}

TEST_CASE("a log that has lost what was committed stops the node") {
  CommitLineFixture f;
  f.start();
  f.log.commit();
  f.log.truncated = true;
  f.turn();
  CHECK(f.told().find("fenced: ") == 0);
}

TEST_CASE("what keeps the log from taking a claim is told, and only once") {
  CommitLineFixture f;
  f.start();
  for (int i = 0; i < 3; i++) {
    f.log.fail(Outcome::kUnknown, false);
    f.turn();
    CHECK(f.line.complaint().find("by script") != std::string::npos);
    f.world.now_ms += 1000;
    f.turn();
  }
  CHECK(f.world.notes.find("by script") == f.world.notes.rfind("by script"));
  f.log.commit();
  f.turn();
  CHECK(f.told() == "leading 1\n");
  CHECK(f.line.complaint().empty());
}

TEST_CASE("damage in the log stops the node, with the position") {
  CommitLineFixture f;
  f.lead();
  f.log.write_other({0, "not ours", ""});
  f.batch();
  f.log.commit();
  f.turn();
  f.log.commit();
  f.turn();
  const std::string story = f.told();
  CHECK(story.find("fenced: ") == 0);
  CHECK(story.find("position 1 ") != std::string::npos);
}

}  // namespace
}  // namespace holdfast
