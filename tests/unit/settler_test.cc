// What is settled, and what goes into the log when Redis did something else than the batches say.
#include "core/shard/settler.h"

#include <doctest/doctest.h>

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/test_unit.h"

namespace holdfast {
namespace {

using testing::add_ops;
using testing::as_words;
using testing::words;

struct Fixture {
  Settler settler;
  std::deque<Batch> batches;
  int64_t offset = 1000;
  std::string seen;  // the positions of the batches whose effects are complete

  explicit Fixture(Settled settled = {kNoPosition, "replid", 1000, -1}) {
    settler.set_reserved_db(15);
    settler.restart(settled, {settled.position, 1, 7, 7});
  }

  Batch* sent(Position position, std::string_view commands) {
    Batch& batch = batches.emplace_back();
    add_ops(&batch, commands);
    batch.position = position;
    batch.chain = {position, 1, 8, 8};
    batch.state = Batch::State::kSent;
    settler.expect(&batch);
    return &batch;
  }

  // The stream goes on. "M5" stands for the value of the marker at position 5.
  void stream(std::string_view text) {
    const std::string bytes = words(text);
    std::string_view rest = bytes;
    RequestParser parser;
    while (!rest.empty() && parser.parse(rest) == RequestParser::Status::kComplete) {
      rest.remove_prefix(parser.consumed());
      std::vector<std::string> argv(parser.argv().begin(), parser.argv().end());
      if (argv.size() == 3 && argv[1] == kMarkerKey && argv[2].starts_with("M")) {
        argv[2] = encode_marker({"log", {std::stol(argv[2].substr(1)), 1, 1, 1}, {}});
      }
      const std::vector<std::string_view> views(argv.begin(), argv.end());
      std::string raw;
      append_request(&raw, views);
      offset += static_cast<int64_t>(raw.size());
      std::vector<Batch*> now;
      settler.on_command(views, raw, offset, 1'000'000, &now);
      note(now);
    }
  }
  void note(const std::vector<Batch*>& batches_seen) {
    for (const Batch* batch : batches_seen) {
      CHECK(batch->state == Batch::State::kSeen);
      seen += (seen.empty() ? "" : " ") + std::to_string(batch->position);
    }
  }

  // "r5 SELECT 0 | SET a 1" for each segment of the next record. What follows one another between two batches may be
  // one segment or several: it is shown as one.
  std::vector<std::string> take() {
    const EffectsDraft draft = settler.take_effects();
    std::vector<std::string> segments;
    size_t at = 0;
    for (const Segment& segment : draft.segments) {
      const std::string where = static_cast<char>(segment.place) + std::to_string(segment.batch) + " ";
      const std::string commands = as_words(std::string_view(draft.value).substr(at, segment.length));
      if (where[0] == 'a' && !segments.empty() && segments.back().starts_with(where)) {
        segments.back() += " | " + commands;
      } else {
        segments.push_back(where + commands);
      }
      at += segment.length;
    }
    CHECK(at == draft.value.size());
    CHECK(draft.settled == settler.header_settled());
    return segments;
  }
};

using Segments = std::vector<std::string>;
const std::string kMarker = " | SELECT 15 | SET holdfast:marker ";

TEST_CASE("a batch that did what it says is settled when its effects are complete") {
  Fixture f;
  const Batch* batch = f.sent(5, "SET a 1 | SETNX b 1");
  f.stream("SELECT 0 | MULTI | SET a 1" + kMarker + "M5");
  CHECK(f.seen == "");
  CHECK(f.settler.settled_offset() < f.offset);
  f.stream("EXEC");
  CHECK(f.seen == "5");
  CHECK(batch->seen_offset == f.offset);
  CHECK(!f.settler.effects_due());
  CHECK(f.settler.settled_offset() == f.offset);
  CHECK(f.settler.read_offset() == f.offset);
  CHECK(f.settler.header_settled() == Settled{5, "replid", f.offset, 15});
  CHECK(f.settler.settled_chain() == batch->chain);
}

TEST_CASE("a batch without effects is told by its marker alone, without MULTI") {
  Fixture f;
  f.sent(5, "DEL a");
  f.stream("SELECT 15 | SET holdfast:marker M5");
  CHECK(f.seen == "5");
  CHECK(!f.settler.effects_due());
}

TEST_CASE("a batch that deviates is settled when its EFFECTS record is committed") {
  Fixture f;
  f.sent(5, "SELECT 3 | SPOP s");
  f.stream("SELECT 3 | MULTI | SREM s x" + kMarker + "M5 | EXEC");
  CHECK(f.seen == "5");
  CHECK(f.settler.has_effects());
  const int64_t before = f.settler.settled_offset();
  CHECK(before < f.offset);
  CHECK(f.take() == Segments{"r5 SELECT 3 | SREM s x"});
  CHECK(!f.settler.has_effects());
  CHECK(f.settler.effects_due());
  CHECK(f.settler.settled_offset() == before);
  f.settler.on_effects_committed();
  CHECK(!f.settler.effects_due());
  CHECK(f.settler.settled_offset() == f.offset);
}

TEST_CASE("settled is cumulative: behind a deviation nothing is settled before it is") {
  Fixture f;
  f.sent(5, "SPOP s");
  f.sent(6, "SET a 1");
  f.stream("SELECT 0 | MULTI | SREM s x" + kMarker + "M5 | EXEC");
  const int64_t before = f.settler.settled_offset();
  f.take();
  f.stream("MULTI | SELECT 0 | SET a 1" + kMarker + "M6 | EXEC");
  CHECK(f.seen == "5 6");
  CHECK(!f.settler.has_effects());
  CHECK(f.settler.settled_offset() == before);
  f.settler.on_effects_committed();
  CHECK(f.settler.settled_offset() == f.offset);
}

TEST_CASE("effects between batches belong behind the batch that was seen last") {
  Fixture f;
  f.stream("SELECT 2 | SET x 1");
  f.sent(5, "SET a 1");
  f.stream("MULTI | SELECT 0 | SET a 1" + kMarker + "M5 | EXEC");
  f.stream("SELECT 0 | MULTI | SET y 1 | SET z 1 | EXEC | PUBLISH c m");
  CHECK(f.take() == Segments{"a-1 SELECT 2 | SET x 1", "a5 SELECT 0 | SET y 1 | SET z 1 | SELECT 0 | PUBLISH c m"});
  f.settler.on_effects_committed();
  CHECK(f.settler.settled_offset() == f.offset);
}

TEST_CASE("the database in mind is the one that the stream was in") {
  Fixture f({4, "replid", 1000, 3});
  f.stream("SET a 1");
  CHECK(f.take() == Segments{"a4 SELECT 3 | SET a 1"});
  CHECK(f.settler.header_settled().db == 3);
  f.stream("SELECT 6 | MULTI | SELECT 7");
  CHECK(f.settler.header_settled().db == 6);  // told with the offset, which does not cover the open MULTI
  f.stream("SET b 1 | EXEC");
  CHECK(f.settler.header_settled().db == 7);
}

TEST_CASE("what keeps the connection alive is no effect, but counts") {
  Fixture f;
  f.stream("PING | REPLCONF GETACK * | SELECT 3");
  CHECK(!f.settler.effects_due());
  CHECK(f.settler.settled_offset() == f.offset);
  CHECK(f.settler.read_offset() == f.offset);
  CHECK(f.settler.header_settled().offset == f.offset);
}

TEST_CASE("an open MULTI is not read yet") {
  Fixture f;
  f.stream("SELECT 0");
  const int64_t before = f.offset;
  f.stream("MULTI | SET a 1 | SELECT 15");
  CHECK(f.settler.read_offset() == before);
  CHECK(f.settler.settled_offset() == before);
  CHECK(f.settler.header_settled().offset == before);
}

TEST_CASE("a removal holds back only who touches its key") {
  Fixture f;
  const uint64_t a = key_hash(2, "a");
  f.stream("SELECT 2 | DEL a");
  CHECK(f.settler.settled_offset() == f.offset);
  CHECK(f.settler.read_offset() == f.offset);
  const uint64_t removal = f.settler.removal_of(a);
  CHECK(removal > f.settler.removals_committed());
  CHECK(f.settler.removal_of(kTouchesAnything) == removal);
  CHECK(f.settler.removal_of(kTouchesNothing) == 0);
  CHECK(f.settler.removal_of(key_hash(0, "a")) == 0);
  CHECK(f.settler.removal_of(key_hash(2, "b")) == 0);
  CHECK(f.take() == Segments{"a-1 SELECT 2 | DEL a"});
  f.stream("MULTI | DEL b | EXEC");
  const uint64_t second = f.settler.removal_of(key_hash(2, "b"));
  CHECK(second > removal);
  CHECK(f.settler.removal_of(kTouchesAnything) == second);
  f.settler.on_effects_committed();
  CHECK(f.settler.removals_committed() >= removal);
  CHECK(f.settler.removals_committed() < second);
  CHECK(f.settler.removal_of(a) == 0);
  CHECK(f.settler.removal_of(key_hash(2, "b")) == second);
  f.take();
  f.settler.on_effects_committed();
  CHECK(f.settler.removal_of(kTouchesAnything) == 0);
  CHECK(f.settler.removals_committed() >= second);
}

TEST_CASE("a removal among other effects holds back everything") {
  Fixture f;
  f.stream("SELECT 2");
  const int64_t before = f.offset;
  f.stream("MULTI | DEL a | SET b 1 | EXEC");
  CHECK(f.settler.settled_offset() == before);
  CHECK(f.settler.removal_of(key_hash(2, "a")) == 0);
}

TEST_CASE("a removal behind a deviation is not settled before it") {
  Fixture f;
  f.stream("SELECT 0 | SET x 1");
  const int64_t before = f.settler.settled_offset();
  f.stream("DEL a");
  CHECK(f.settler.settled_offset() == before);
}

TEST_CASE("a batch that Redis refused as a whole did nothing: the marker of a later one tells") {
  Fixture f;
  f.sent(5, "SET a 1");
  f.sent(6, "SET b 1");
  f.sent(7, "SET c 1");
  f.stream("SELECT 0 | MULTI | SET c 1" + kMarker + "M7 | EXEC");
  CHECK(f.seen == "5 6 7");
  CHECK(f.take() == Segments{"r5 ", "r6 "});
  CHECK(f.settler.header_settled().position == 7);
}

TEST_CASE("a refused batch is settled without waiting for another one") {
  Fixture f;
  Batch* first = f.sent(5, "SET a 1");
  Batch* second = f.sent(6, "SET b 1");
  std::vector<Batch*> seen;
  second->refusal = "-EXECABORT";
  f.settler.settle_refused(&seen);
  CHECK(seen.empty());  // the first is still owed
  f.stream("SELECT 0 | MULTI | SET a 1");
  first->refusal = "-EXECABORT";
  f.settler.settle_refused(&seen);
  CHECK(seen.empty());  // not while effects are under way
  first->refusal.clear();
  f.stream("SELECT 15 | SET holdfast:marker M5 | EXEC");
  f.settler.settle_refused(&seen);
  f.note(seen);
  CHECK(f.seen == "5 6");
  CHECK(f.take() == Segments{"r6 "});
  CHECK(f.settler.header_settled().position == 6);
}

TEST_CASE("a marker that belongs to no batch that is expected") {
  Fixture f;
  f.stream("SELECT 15 | SET holdfast:marker M3");  // this node's own, for a Redis just adopted
  CHECK(!f.settler.effects_due());
  CHECK(f.settler.settled_offset() == f.offset);
}

TEST_CASE("only in the reserved database a marker is one") {
  Fixture f;
  f.sent(5, "SET a 1");
  f.stream("SELECT 0 | SET holdfast:marker M5");
  CHECK(f.seen == "");
  CHECK(f.settler.has_effects());
}

TEST_CASE("a marker that is gone is no effect, but it is noticed") {
  Fixture f;
  f.stream("SELECT 15 | DEL holdfast:marker");
  CHECK(!f.settler.effects_due());
  CHECK(f.settler.take_marker_lost());
  CHECK(!f.settler.take_marker_lost());
  f.stream("SELECT 0 | FLUSHALL");
  CHECK(f.settler.take_marker_lost());
  CHECK(f.take() == Segments{"a-1 SELECT 0 | FLUSHALL"});
  // A batch of ours writes it last.
  f.sent(5, "FLUSHALL");
  f.stream("MULTI | FLUSHALL" + kMarker + "M5 | EXEC");
  CHECK(!f.settler.take_marker_lost());
  CHECK(f.seen == "5");
}

TEST_CASE("a new base snapshot takes the place of effects before it") {
  Fixture f;
  f.stream("SELECT 0 | SET a 1");
  f.settler.drop_effects();
  CHECK(!f.settler.effects_due());
}

TEST_CASE("what was not executed is expected no more") {
  Fixture f;
  f.sent(5, "SET a 1");
  const Batch* before = f.sent(6, "SET b 1");
  f.sent(7, "SET c 1");
  f.settler.forget_behind(5);
  const Batch* again = f.sent(6, "SET b 1");
  f.stream("SELECT 0 | MULTI | SET a 1" + kMarker + "M5 | EXEC | SELECT 0 | MULTI | SET b 1" + kMarker + "M6 | EXEC");
  CHECK(f.seen == "5 6");
  CHECK(before->state == Batch::State::kSent);
  CHECK(again->state == Batch::State::kSeen);
  CHECK(!f.settler.effects_due());
}

TEST_CASE("effects whose records are void go into the log again, all of them, in their order") {
  Fixture f;
  f.stream("SELECT 2 | SET a 1");
  f.take();
  f.stream("DEL b");
  f.take();
  f.stream("SET c 1");
  const uint64_t removal = f.settler.removal_of(key_hash(2, "b"));
  f.settler.effects_void();
  CHECK(f.settler.has_effects());
  CHECK(f.take() == Segments{"a-1 SELECT 2 | SET a 1 | SELECT 2 | DEL b | SELECT 2 | SET c 1"});
  CHECK(f.settler.settled_offset() < f.offset);
  f.settler.on_effects_committed();
  CHECK(f.settler.settled_offset() == f.offset);
  CHECK(f.settler.removals_committed() >= removal);
  CHECK(!f.settler.effects_due());
}

TEST_CASE("nothing becomes void that was committed") {
  Fixture f;
  f.stream("SELECT 2 | SET a 1");
  f.take();
  f.settler.on_effects_committed();
  f.settler.effects_void();
  CHECK(!f.settler.effects_due());
}

TEST_CASE("a new stream begins where it is said to") {
  Fixture f;
  f.sent(5, "SET a 1");
  f.stream("SELECT 0 | MULTI | SET a 1" + kMarker + "M5");
  f.settler.restart({5, "other", 77, 4}, {5, 2, 0, 9});
  CHECK(f.settler.header_settled() == Settled{5, "other", 77, 4});
  CHECK(f.settler.settled_chain() == ChainState{5, 2, 0, 9});
  CHECK(f.settler.settled_offset() == 77);
  f.offset = 77;
  SUBCASE("what was sent before is expected no more") {
    f.stream("SELECT 15 | SET holdfast:marker M5");
    CHECK(f.seen == "");
  }
  SUBCASE("half a MULTI is forgotten, with its marker") {
    f.sent(5, "SET b 1");  // once more
    f.stream("SET b 1");
    CHECK(f.seen == "");
    CHECK(f.take() == Segments{"a5 SELECT 4 | SET b 1"});
  }
}

// A log that does not answer for a while must not make a record that cannot be written.
TEST_CASE("very many expirations make a record with a small header") {
  Fixture f;
  f.stream("SELECT 0");
  constexpr int kKeys = 30'000;
  for (int i = 0; i < kKeys; i++) {
    if (i % 3000 == 1000) f.take();
    f.stream("DEL k");
  }
  f.settler.effects_void();
  const EffectsDraft draft = f.settler.take_effects();
  CHECK(draft.segments.size() < 100);
  size_t deletions = 0;
  for (size_t at = 0; (at = draft.value.find("DEL", at)) != std::string::npos; at++) deletions++;
  CHECK(deletions == kKeys);
}

}  // namespace
}  // namespace holdfast
