// What became of each record, whatever the log and other writers do. The oracle is a reader of the same log: what it
// counts is committed, what it does not count is void, and nobody is told otherwise.
#include "core/shard/commit_line.h"

#include <doctest/doctest.h>

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/fake_world.h"
#include "tests/unit/log_writer.h"
#include "tests/unit/scripted_log.h"
#include "tests/unit/test_unit.h"

namespace holdfast {
namespace {

using testing::add_ops;
using Outcome = Delivery::Outcome;

struct Fixture : CommitLineEvents {
  testing::ScriptedLog log;
  testing::FakeWorld world{&log};
  CommitLine line{&world, this, 4};
  std::deque<Batch> batches;
  std::string story;

  void on_batch_committed(Batch* batch) override {
    CHECK(batch->state == Batch::State::kCommitted);
    CHECK(batch->chain.position == batch->position);
    story += "batch " + std::to_string(batch->serial) + " at " + std::to_string(batch->position) + "\n";
  }
  void on_batch_void(Batch* batch, const std::string& reason) override {
    CHECK(!reason.empty());
    story += "batch " + std::to_string(batch->serial) + " void\n";
  }
  void on_effects_committed() override { story += "effects\n"; }
  void on_effects_void() override { story += "effects void\n"; }
  void on_snapshot_committed() override { story += "snapshot\n"; }
  void on_leading() override { story += "leading " + std::to_string(line.epoch()) + "\n"; }
  void on_fenced(const std::string& reason) override { story += "fenced: " + reason + "\n"; }

  // As far as it is there, the log is read first, as at the start of a node.
  void start() {
    Chain chain;
    for (const LogEntry& entry : log.store->entries) chain.next(entry);
    line.start(std::move(chain), "the-log");
  }
  void lead() {
    start();
    log.commit();
    turn();
    REQUIRE(line.leading());
    told();
  }
  void turn() {
    log.poll([&](const Delivery& delivery) { line.on_delivery(delivery); });
    line.work();
  }
  std::string told() { return std::exchange(story, {}); }

  Batch* batch(size_t value_bytes = 1) {
    Batch& batch = batches.emplace_back();
    batch.serial = batches.size();
    add_ops(&batch, "SET a " + std::string(value_bytes, 'x') + std::to_string(batch.serial));
    line.append_batch(&batch, {kNoPosition, "replid", 7, 0}, {});
    return &batch;
  }
  void effects(const std::string& value) {
    EffectsDraft draft;
    draft.segments.push_back({Segment::Place::kAfter, -1, value.size()});
    draft.value = value;
    line.append_effects(draft);
  }

  // The serials of the batches that a reader of the log counts, and where.
  std::string as_read() const {
    Chain chain;
    std::string out;
    for (const LogEntry& entry : log.store->entries) {
      if (chain.next(entry) != Chain::Verdict::kCounts || chain.record().type != RecordType::kBatch) continue;
      for (const Batch& batch : batches) {
        if (log_value(batch) != chain.record().value) continue;
        out += "batch " + std::to_string(batch.serial) + " at " + std::to_string(entry.position) + "\n";
        if (batch.state == Batch::State::kCommitted) CHECK(batch.chain == chain.state());
      }
    }
    return out;
  }
};

TEST_CASE("leading begins with a claim that was read") {
  Fixture f;
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
  Fixture f;
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
  Fixture f;
  f.lead();
  for (int i = 0; i < 4; i++) {
    CHECK(f.line.has_room());
    f.batch();
  }
  CHECK(!f.line.has_room());
  f.world.now_ms += 500;
  f.effects("e");
  CHECK(f.line.waiting_since() == 1000);
  f.log.commit(4);
  f.turn();
  CHECK(f.line.has_room());
  CHECK(f.line.waiting_since() == 1500);
}

TEST_CASE("an unknown outcome is never guessed at and never sent again") {
  Fixture f;
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
  Fixture f;
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
  Fixture f;
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
  Fixture f;
  f.lead();
  f.batch();
  f.batch();
  f.effects("e");
  f.batch();
  f.log.commit();
  f.log.fail(Outcome::kNotWritten, false);
  f.turn();
  CHECK(f.told() == "batch 1 at 1\nbatch 2 void\nbatch 3 void\neffects void\n");
  CHECK(!f.line.leading());
  f.log.commit();
  f.turn();
  CHECK(f.told() == "leading 2\n");
  CHECK(f.line.idle());
  CHECK(f.line.has_room());
  CHECK(f.as_read() == "batch 1 at 1\n");
}

TEST_CASE("a log that has written what it said it had not stops the node") {
  Fixture f;
  f.lead();
  f.batch();
  f.log.fail(Outcome::kNotWritten, true);
  f.turn();
  f.log.commit();
  f.turn();
  CHECK(f.told().find("batch 1 void\nfenced: ") == 0);
}

TEST_CASE("a repeated record costs a claim and counts once") {
  Fixture f;
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

TEST_CASE("a record of an older epoch that comes late is void") {
  Fixture f;
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

TEST_CASE("another leader is noticed before anything behind it is acknowledged") {
  Fixture f;
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

TEST_CASE("who starts last leads") {
  testing::LogWriter before;
  before.claim("a");
  before.batch("one");
  Fixture f;
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
  Fixture f;
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
  Fixture f;
  f.start();
  f.log.commit();
  f.log.readable = false;
  f.turn();
  f.turn();
  CHECK(f.told() == "");
  CHECK(f.line.reading());
  CHECK(f.line.waiting_since() == f.world.now_ms);
  CHECK(f.world.notes.find("cannot be read") != std::string::npos);
  f.log.readable = true;
  f.turn();
  CHECK(f.told() == "leading 1\n");
}

TEST_CASE("damage in the log stops the node, with the position") {
  Fixture f;
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

TEST_CASE("a record in parts is committed when its last part is") {
  Fixture f;
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
  Fixture f;
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
