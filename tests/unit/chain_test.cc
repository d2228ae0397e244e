// Which entries of a log count: "one leader counts at any position", whatever stands in the log besides.
#include <doctest/doctest.h>
#include <xxhash.h>

#include <string>
#include <utility>
#include <vector>

#include "core/record/record.h"
#include "tests/unit/log_writer.h"

namespace holdfast {
namespace {

using testing::LogWriter;
using Verdict = Chain::Verdict;

// One letter for each entry: what the chain makes of it. Stops where reading has to.
std::string verdicts(const std::vector<LogEntry>& entries, Chain* chain) {
  std::string letters;
  for (const LogEntry& entry : entries) {
    const Verdict verdict = chain->next(entry);
    letters += verdict == Verdict::kCounts ? 'c'
               : verdict == Verdict::kPart ? 'p'
               : verdict == Verdict::kVoid ? 'v'
                                           : 'D';
    if (verdict == Verdict::kVoid || verdict == Verdict::kDamaged) CHECK(!chain->reason().empty());
    if (verdict == Verdict::kDamaged) break;
  }
  return letters;
}

std::string verdicts(const std::vector<LogEntry>& entries) {
  Chain chain;
  return verdicts(entries, &chain);
}

// An entry with the checksum that docs/log-format.md describes.
EncodedEntry signed_entry(uint64_t previous, std::string header, std::string value) {
  const uint64_t over_header = XXH3_64bits_withSeed(header.data(), header.size(), previous);
  const uint64_t check = XXH3_64bits_withSeed(value.data(), value.size(), over_header);
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(check));
  return {std::move(header) + " c=" + digits, std::move(value)};
}

TEST_CASE("what one leader writes counts, in order") {
  LogWriter log;
  log.claim("me");
  log.batch("one");
  log.batch("two");
  Chain chain;
  CHECK(verdicts(log.entries, &chain) == "ccc");
  CHECK(chain.record().value == "two");
  CHECK(chain.record().position == 2);
  CHECK(chain.record().sequence == 2);
  CHECK(chain.state() == log.state());
  CHECK(chain.state().position == 2);
  CHECK(chain.state().epoch == 1);
  CHECK(chain.nonce() == "me");
}

TEST_CASE("the checksum is the one that the format describes") {
  LogWriter log;
  log.append(signed_entry(0, "hf1 C e=1 q=0 t=5 s=-1 n=me", "id"));
  Chain chain;
  CHECK(verdicts(log.entries, &chain) == "c");
  log.append(signed_entry(chain.state().check, "hf1 B e=1 q=1 t=5 s=-1", "value"));
  CHECK(verdicts(log.entries) == "cc");
  log.append(signed_entry(chain.state().check, "hf1 B e=1 q=2 t=5 s=-1", "value"));  // of the wrong one before
  CHECK(verdicts(log.entries) == "ccD");
}

TEST_CASE("a claim counts only if it names the next epoch") {
  LogWriter log;
  log.claim("a");
  LogWriter other = log;  // knows of epoch 1
  log.claim("b");         // epoch 2
  other.claim("c");       // epoch 2 as well, and later
  log.append_again(other.entries.back());
  log.append_again(log.entries[0]);  // epoch 1 once more
  Chain chain;
  CHECK(verdicts(log.entries, &chain) == "ccvv");
  CHECK(chain.nonce() == "b");
  CHECK(chain.state().epoch == 2);
  CHECK(chain.state().position == 1);
}

TEST_CASE("records of an older epoch are void behind the claim, wherever they come") {
  LogWriter log;
  log.claim("a");
  log.batch("one");
  LogWriter old = log;
  log.claim("b");
  old.batch("late");
  log.append_again(old.entries.back());
  log.batch("two");
  old.batch("later");
  log.append_again(old.entries.back());
  log.batch("three");
  Chain chain;
  CHECK(verdicts(log.entries, &chain) == "cccvcvc");
  CHECK(chain.record().value == "three");
}

TEST_CASE("a repeated record is void and disturbs nothing") {
  LogWriter log;
  log.claim();
  log.batch("one");
  log.append_again(log.entries[1]);
  log.batch("two");
  log.append_again(log.entries[1]);
  log.append_again(log.entries[3]);
  log.batch("three");
  Chain chain;
  CHECK(verdicts(log.entries, &chain) == "ccvcvvc");
  CHECK(chain.state().sequence == 3);
}

TEST_CASE("behind a missing record nothing counts before the next claim, not even the missing one") {
  LogWriter log;
  log.claim();
  log.batch("one");
  LogWriter hopeful = log;
  hopeful.batch("two");
  hopeful.batch("three");
  hopeful.batch("four");
  for (const size_t i : {3, 2, 4}) log.append_again(hopeful.entries[i]);
  CHECK(verdicts(log.entries) == "ccvvv");
  log.claim();
  log.batch("five");
  Chain chain;
  CHECK(verdicts(log.entries, &chain) == "ccvvvcc");
  CHECK(chain.record().value == "five");
  CHECK(chain.state() == log.state());
}

TEST_CASE("an epoch that nobody claimed is damage") {
  LogWriter log;
  log.claim();
  LogWriter other = log;
  other.claim();
  other.batch("of epoch 2");
  log.append_again(other.entries.back());
  CHECK(verdicts(log.entries) == "cD");

  // Nor does anything but a claim begin a log.
  CHECK(verdicts({log.entries[1]}) == "D");
}

// Who claims has read of the epoch before: a claim that is further ahead tells of one that is gone.
TEST_CASE("a claim is a whole record, the first one of its epoch, and tells of no effects") {
  for (const std::string fields :
       {"q=1 t=5 s=-1", "q=0 t=5 s=0", "q=0 t=5 s=-1 p=1/2", "q=0 t=5 s=-1 x=a-1:3", "q=0 t=5 s=-1 x=a-1:9"}) {
    CAPTURE(fields);
    LogWriter log;
    log.append(signed_entry(0, "hf1 C e=1 " + fields, "abc"));
    CHECK(verdicts(log.entries) == "D");
  }
}

TEST_CASE("a claim that leaves out an epoch is damage") {
  LogWriter log;
  log.claim();
  LogWriter far = log;
  far.claim();
  far.claim();
  log.append_again(far.entries.back());
  CHECK(verdicts(log.entries) == "cD");
  CHECK(verdicts({far.entries.back()}) == "D");
}

TEST_CASE("reading may begin behind any state") {
  LogWriter log;
  log.claim();
  log.batch("one");
  log.batch("two");
  const ChainState middle = log.state();
  log.batch("three");
  log.claim();
  log.batch("four");
  Chain chain(middle);
  CHECK(verdicts({log.entries.begin() + 3, log.entries.end()}, &chain) == "ccc");
  CHECK(chain.state() == log.state());

  SUBCASE("a state that was not the log's is noticed at the first record") {
    for (const ChainState& wrong : {ChainState{2, 1, 2, middle.check + 1}, ChainState{2, 0, 2, middle.check}}) {
      Chain other(wrong);
      CHECK(verdicts({log.entries.begin() + 3, log.entries.end()}, &other).front() == 'D');
    }
  }
  SUBCASE("no position is read twice") { CHECK(chain.next(log.entries.back()) == Verdict::kDamaged); }
  SUBCASE("a writer moves its chain on over its own records") {
    Chain writer(middle);
    LogWriter known = log;
    writer.next(log.entries[3]);
    writer.move_on(log.state());
    known.batch("five");
    CHECK(verdicts({known.entries.back()}, &writer) == "c");
  }
}

LogWriter in_parts() {
  LogWriter log;
  log.max_entry_bytes = 700;
  log.claim();
  log.batch("one");
  return log;
}

TEST_CASE("a record in parts counts once the last one is there") {
  LogWriter log = in_parts();
  std::string value;
  for (int i = 0; i < 500; i++) value += static_cast<char>('a' + i % 23);
  log.batch(value);
  log.batch("small");
  Chain chain;
  std::vector<LogEntry> entries = log.entries;
  const LogEntry small = entries.back();
  entries.pop_back();
  CHECK(verdicts(entries, &chain) == "ccppc");
  CHECK(chain.record().value == value);
  CHECK(chain.record().position == 4);
  CHECK(chain.state().position == 4);
  CHECK(verdicts({small}, &chain) == "c");
  CHECK(chain.record().value == "small");
}

TEST_CASE("a repeated part is void, a missing one voids the record") {
  LogWriter log = in_parts();
  LogWriter hopeful = log;
  hopeful.batch(std::string(500, 'x'));
  REQUIRE(hopeful.entries.size() == 5);
  SUBCASE("repeated") {
    for (const size_t i : {2, 2, 3, 2, 3, 4, 4}) log.append_again(hopeful.entries[i]);
    Chain chain;
    CHECK(verdicts(log.entries, &chain) == "ccpvpvvcv");
    CHECK(chain.record().value == std::string(500, 'x'));
  }
  SUBCASE("missing") {
    for (const size_t i : {2, 4}) log.append_again(hopeful.entries[i]);
    CHECK(verdicts(log.entries) == "ccpv");
  }
}

TEST_CASE("a claim of what is no log is damage") {
  LogWriter log;
  log.claim();
  Record claim;
  claim.type = RecordType::kClaim;
  claim.epoch = 2;
  claim.value = "the log";
  ChainState unused;
  log.append_all(encode(claim, 1 << 20, &unused));
  CHECK(verdicts(log.entries) == "cD");
}

TEST_CASE("parts that a claim cuts off are not part of anything") {
  LogWriter log = in_parts();
  LogWriter hopeful = log;
  hopeful.batch(std::string(500, 'x'));
  log.append_again(hopeful.entries[2]);
  Chain reader;
  REQUIRE(verdicts(log.entries, &reader) == "ccp");
  // Who claims has read through the part: the checksum goes over it.
  Record claim;
  claim.type = RecordType::kClaim;
  claim.epoch = 2;
  ChainState state;
  log.append_all(encode(claim, 700, &state));
  CHECK(verdicts({log.entries.back()}, &reader) == "c");
  state = reader.state();
  Record record;
  record.value = std::string(400, 'y');
  log.append_all(encode(record, 700, &state));
  log.append_again(hopeful.entries[3]);
  Chain chain;
  CHECK(verdicts(log.entries, &chain) == "ccpcppcv");
  CHECK(chain.record().value == record.value);
}

TEST_CASE("parts out of order are damage") {
  LogWriter log;
  log.claim();
  const uint64_t check = log.state().check;
  for (const std::string part : {"2/2", "2/3"}) {
    LogWriter other = log;
    other.append(signed_entry(check, "hf1 B e=1 q=1 t=5 s=-1 p=" + part, "v"));
    CHECK(verdicts(other.entries) == "cD");
  }
}

TEST_CASE("segments must fit the value") {
  LogWriter log;
  log.claim();
  const uint64_t check = log.state().check;
  for (const std::string segments : {"a-1:4", "a-1:2", "a-1:9,r0:1", "a-1:18446744073709551615,a-1:4"}) {
    CAPTURE(segments);
    LogWriter other = log;
    other.append(signed_entry(check, "hf1 E e=1 q=1 t=5 s=-1 x=" + segments, "abc"));
    CHECK(verdicts(other.entries) == "cD");
  }
  LogWriter ahead = log;
  ahead.append(signed_entry(check, "hf1 E e=1 q=1 t=5 s=-1 x=a-1:1,r1:2", "abc"));
  CHECK(verdicts(ahead.entries) == "cD");
  log.append(signed_entry(check, "hf1 E e=1 q=1 t=5 s=-1 x=a-1:1,r0:2", "abc"));
  CHECK(verdicts(log.entries) == "cc");
}

TEST_CASE("a base snapshot must be named") {
  LogWriter log;
  log.claim();
  const uint64_t check = log.state().check;
  for (const std::string value : {"", "12 0011 ../base.rdb", "base.rdb"}) {
    CAPTURE(value);
    LogWriter other = log;
    other.append(signed_entry(check, "hf1 D e=1 q=1 t=5 s=-1", value));
    CHECK(verdicts(other.entries) == "cD");
  }
  log.append(signed_entry(check, "hf1 D e=1 q=1 t=5 s=-1", "12 0011 base.rdb"));
  CHECK(verdicts(log.entries) == "cc");
}

TEST_CASE("what Holdfast did not write is damage") {
  LogWriter log;
  log.claim();
  for (const std::string header : {"no header", "hf1 B e=1 q=1 t=5 s=-1", "hf1 B e=1 q=1 t=5 s=-1 c=", "hf2 B c=00",
                                   "hf1 B e=1 q=1 t=5 s=-1 c=00000000000000000", "hf1 B e=1 q=1 z=1 c=0000000000000000",
                                   "hf1 C e=2 q=0 t=5 s=-1 c=0000000000000000"}) {
    CAPTURE(header);
    LogWriter other = log;
    other.append({header, "value"});
    CHECK(verdicts(other.entries) == "cD");
  }
}

TEST_CASE("what has no header at all is somebody else's, and damage") {
  LogWriter log;
  log.claim();
  log.append({"", "value"});
  Chain chain;
  CHECK(verdicts(log.entries, &chain) == "cD");
  CHECK(chain.reason().find("not written by Holdfast") != std::string::npos);
}

// A changed byte may make a record look like a repetition, or one of an older epoch: then it is void, and so is all
// that its leader wrote behind it. But that leader went on, and told that it was settled.
TEST_CASE("a record that tells of a settled one which does not count is damage") {
  LogWriter log;
  log.claim();
  for (int i = 0; i < 4; i++) log.batch("batch " + std::to_string(i));
  LogWriter honest = log;
  log.batch("told behind 2", 2);
  log.settled(5);
  REQUIRE(verdicts(log.entries) == "ccccccc");
  for (const std::string changed : {"e=0 q=3", "e=1 q=1", "e=1 q=9"}) {
    CAPTURE(changed);
    std::vector<LogEntry> entries = log.entries;
    std::string& header = entries[3].header;
    header.replace(header.find("e=1 q=3"), 7, changed);
    Chain chain;
    CHECK(verdicts(entries, &chain) == "cccvvvD");
    CHECK(chain.reason().find("position 5") != std::string::npos);
    CHECK(chain.reason().find("position 2") != std::string::npos);
  }
  // A leader that has a record missing knows of nothing behind it.
  LogWriter gap = honest;
  gap.batch("missing");
  gap.batch("behind it", 4);
  honest.append_again(gap.entries.back());
  CHECK(verdicts(honest.entries) == "cccccv");
}

// A byte that changed anywhere never makes an entry count as something else, and is noticed before long: at once, or
// (when it makes the entry void) by the checksum of the next record that would count.
TEST_CASE("no changed byte goes unnoticed") {
  LogWriter log;
  log.max_entry_bytes = 700;
  log.claim("a");
  log.batch("SELECT 0", 0);
  log.effects({{Segment::Place::kInsteadOf, 1, "DEL a"}, {Segment::Place::kAfter, 1, "DEL b"}}, 1);
  log.batch(std::string(300, 'p'));
  log.claim("b");
  log.batch("three");
  log.settled(6);
  REQUIRE(verdicts(log.entries) == "cccpcccc");
  const size_t last = log.entries.size() - 2;  // for what comes last there is nothing behind it that could tell
  for (size_t i = 0; i < last; i++) {
    for (const bool header : {true, false}) {
      const std::string& original = header ? log.entries[i].header : log.entries[i].value;
      for (size_t at = 0; at < original.size(); at++) {
        // Upper case in the checksum is the same number.
        const bool checksum = header && at + 16 >= original.size();
        for (const char flip : {'\x01', '\x10', '\x20', '\x80'}) {
          if (checksum && flip == '\x20') continue;
          std::vector<LogEntry> entries = log.entries;
          (header ? entries[i].header : entries[i].value)[at] ^= flip;
          Chain chain;
          const std::string found = verdicts(entries, &chain);
          INFO("entry ", i, header ? " header" : " value", " byte ", at, ": ", entries[i].header);
          CHECK(found.size() > i);
          const char verdict = found.size() > i ? found[i] : 'D';
          CHECK((verdict == 'D' || verdict == 'v'));
          CHECK(found.back() == 'D');
        }
      }
    }
  }
}

TEST_CASE("no entry can be cut, lengthened, left out or exchanged unnoticed") {
  LogWriter log;
  log.claim();
  for (int i = 0; i < 4; i++) log.batch("batch " + std::to_string(i));
  const auto changed = [&](auto change) {
    std::vector<LogEntry> entries = log.entries;
    change(&entries);
    const std::string found = verdicts(entries);
    return found.find_first_of("Dv") != std::string::npos;
  };
  CHECK(!changed([](std::vector<LogEntry>*) {}));
  CHECK(changed([](std::vector<LogEntry>* entries) { (*entries)[2].value.pop_back(); }));
  CHECK(changed([](std::vector<LogEntry>* entries) { (*entries)[2].value += '\0'; }));
  CHECK(changed([](std::vector<LogEntry>* entries) { (*entries)[2].value.clear(); }));
  CHECK(changed([](std::vector<LogEntry>* entries) { std::swap((*entries)[2].value, (*entries)[3].value); }));
  CHECK(changed([](std::vector<LogEntry>* entries) { std::swap((*entries)[2].header, (*entries)[3].header); }));
  CHECK(changed([](std::vector<LogEntry>* entries) { entries->erase(entries->begin() + 2); }));
  CHECK(changed([](std::vector<LogEntry>* entries) { entries->erase(entries->begin()); }));
}

}  // namespace
}  // namespace holdfast
