// A commit line with a log whose mishaps are chosen. The oracle is a reader of the same log: what it counts is
// committed, what it does not count is void, and nobody is told otherwise.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <string>
#include <utility>

#include "core/shard/commit_line.h"
#include "tests/unit/fake_world.h"
#include "tests/unit/scripted_log.h"
#include "tests/unit/test_unit.h"

namespace holdfast::testing {

struct CommitLineFixture : CommitLineEvents {
  ScriptedLog log;
  FakeWorld world{&log};
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
  void on_users_committed(Position position) override { story += "users at " + std::to_string(position) + "\n"; }
  void on_users_void(const std::string&) override { story += "users void\n"; }
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
      const Chain::Verdict verdict = chain.next(entry);
      if (verdict == Chain::Verdict::kDamaged) break;
      if (verdict != Chain::Verdict::kCounts || chain.record().type != RecordType::kBatch) continue;
      for (const Batch& batch : batches) {
        if (log_value(batch) != chain.record().value) continue;
        out += "batch " + std::to_string(batch.serial) + " at " + std::to_string(entry.position) + "\n";
        if (batch.state == Batch::State::kCommitted) CHECK(batch.chain == chain.state());
      }
    }
    return out;
  }
};

}  // namespace holdfast::testing
