// What a record's entry looks like, and that it comes out as it went in. Which entries count: chain_test.cc.
#include "core/record/record.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "core/record/snapshot_ref.h"

namespace holdfast {
namespace {

const std::string kReplid = "7bfc123c59b97f1aa6eea995436af0237e5057a8";

Record effects_record() {
  Record record;
  record.type = RecordType::kEffects;
  record.time_ms = 1795509981877;
  record.settled = {41, kReplid, 9321, 16};
  record.segments = {{Segment::Place::kInsteadOf, 41, 5}, {Segment::Place::kAfter, -1, 3}};
  record.value = "abcdexyz";
  return record;
}

TEST_CASE("a record's header is the text that the format promises") {
  ChainState state{7, 3, 16, 0xfeed};
  const std::vector<EncodedEntry> entries = encode(effects_record(), 1 << 20, &state);
  REQUIRE(entries.size() == 1);
  const std::string text = "hf1 E e=3 q=17 t=1795509981877 s=41 r=" + kReplid + ":9321:16 x=r41:5,a-1:3 c=";
  CHECK(entries[0].header.substr(0, text.size()) == text);
  CHECK(entries[0].header.size() == text.size() + 16);
  CHECK(entries[0].value == "abcdexyz");
  CHECK(state.epoch == 3);
  CHECK(state.sequence == 17);
  CHECK(state.check != 0xfeed);
  CHECK(state.position == 7);
}

TEST_CASE("what is not there is not written") {
  ChainState state;
  Record record;
  record.value = "v";
  const std::string header = encode(record, 1 << 20, &state)[0].header;
  CHECK(header.starts_with("hf1 B e=0 q=1 t=0 s=-1 c="));
}

TEST_CASE("all fields come back from a header") {
  ChainState state{7, 3, 16, 0xfeed};
  const std::vector<EncodedEntry> entries = encode(effects_record(), 1 << 20, &state);
  const Result<Record> record = parse_header(entries[0].header);
  REQUIRE(record.ok());
  CHECK(record->type == RecordType::kEffects);
  CHECK(record->epoch == 3);
  CHECK(record->sequence == 17);
  CHECK(record->time_ms == 1795509981877);
  CHECK(record->settled == effects_record().settled);
  CHECK(record->segments == effects_record().segments);
  CHECK(record->part == 1);
  CHECK(record->parts == 1);

  Record claim;
  claim.type = RecordType::kClaim;
  claim.epoch = std::numeric_limits<uint64_t>::max();
  claim.nonce = "0123456789abcdef";
  ChainState unused;
  const Result<Record> parsed = parse_header(encode(claim, 1 << 20, &unused)[0].header);
  REQUIRE(parsed.ok());
  CHECK(parsed->epoch == claim.epoch);
  CHECK(parsed->sequence == 0);
  CHECK(parsed->nonce == claim.nonce);
  CHECK(unused == ChainState{});
}

TEST_CASE("the checksum of a record depends on all before it, that of a claim does not") {
  for (const RecordType type : {RecordType::kBatch, RecordType::kClaim}) {
    Record record;
    record.type = type;
    record.epoch = 1;
    ChainState one{0, 1, 0, 1};
    ChainState other{0, 1, 0, 2};
    const bool same = encode(record, 1 << 20, &one)[0].header == encode(record, 1 << 20, &other)[0].header;
    CHECK(same == (type == RecordType::kClaim));
  }
}

TEST_CASE("a record that is too large for one entry comes in parts that each fit") {
  Record record = effects_record();
  record.value.assign(5000, 'x');
  record.segments = {{Segment::Place::kAfter, 1, 5000}};
  constexpr size_t kMax = 1000;
  ChainState state{7, 3, 16, 0};
  const std::vector<EncodedEntry> entries = encode(record, kMax, &state);
  REQUIRE(entries.size() > 5);
  CHECK(state.sequence == 16 + entries.size());
  std::string whole;
  for (size_t i = 0; i < entries.size(); i++) {
    CHECK(entries[i].header.size() + entries[i].value.size() <= kMax);
    CHECK(!entries[i].value.empty());
    const Result<Record> part = parse_header(entries[i].header);
    REQUIRE(part.ok());
    CHECK(part->part == i + 1);
    CHECK(part->parts == entries.size());
    CHECK(part->sequence == 17 + i);
    CHECK(part->segments.empty() == (i + 1 < entries.size()));
    whole += entries[i].value;
  }
  CHECK(whole == record.value);
}

TEST_CASE("a header of the largest numbers leaves the room that was counted on") {
  Record record;
  record.type = RecordType::kEffects;
  record.time_ms = std::numeric_limits<int64_t>::min();
  record.settled = {std::numeric_limits<int64_t>::max(), kReplid, std::numeric_limits<int64_t>::min(),
                    std::numeric_limits<int>::min()};
  for (int i = 0; i < 40; i++) {
    record.segments.push_back(
        {Segment::Place::kAfter, std::numeric_limits<int64_t>::min(), std::numeric_limits<size_t>::max()});
  }
  for (size_t bytes = 3000; bytes < 7000; bytes += 50) {
    record.value.assign(bytes, 'x');
    ChainState state{0, std::numeric_limits<uint64_t>::max(), std::numeric_limits<uint64_t>::max() / 2, 0};
    for (const EncodedEntry& entry : encode(record, 4000, &state)) {
      CHECK(entry.header.size() + entry.value.size() <= 4000);
    }
  }
}

TEST_CASE("headers that are not ours are refused") {
  const std::string good = "hf1 B e=1 q=1 t=5 s=-1 c=0000000000000001";
  REQUIRE(parse_header(good).ok());
  for (const std::string header : {
           "",
           " ",
           "hf1",
           "hf1 ",
           "hf2 B e=1 q=1 t=5 s=-1 c=0",       // another version
           "hf1  e=1",                         // no type
           "hf1 BB e=1",                       // no such type
           "hf1 X e=1",                        //
           "hf1 b e=1",                        //
           "hf1 B e",                          // no value
           "hf1 B e=",                         //
           "hf1 B  e=1",                       // an empty field
           "hf1 B e=-1",                       // not in range
           "hf1 B e=1x",                       //
           "hf1 B e=+1",                       //
           "hf1 B e=18446744073709551616",     //
           "hf1 B s=9223372036854775808",      //
           "hf1 B z=1",                        // a field to come
           "hf1 B ee=1",                       //
           "hf1 B p=1",                        // parts
           "hf1 B p=0/2",                      //
           "hf1 B p=3/2",                      //
           "hf1 B p=1/-1",                     //
           "hf1 B p=1/4294967296",             //
           "hf1 B r=abc",                      // no offset
           "hf1 B r=abc:1",                    // no database
           "hf1 B r=abc:x:1",                  //
           "hf1 B r=abc:1:2147483648",         //
           "hf1 E x=b1:5",                     // no such place
           "hf1 E x=a1",                       // no length
           "hf1 E x=a1:",                      //
           "hf1 E x=a:1",                      //
           "hf1 E x=a1:-5",                    //
           "hf1 E x=a1:5,,a2:5",               //
           "hf1 E x=a1:18446744073709551616",  //
       }) {
    CAPTURE(header);
    CHECK(!parse_header(header).ok());
  }
}

TEST_CASE("a marker comes back as it was") {
  for (const Marker& marker :
       {Marker{"0123456789abcdef", {17, 3, 5, 0xdeadbeef}, {12, 2, 9, 1}}, Marker{"x", {}, {}},
        Marker{"id", {std::numeric_limits<int64_t>::max(), ~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}}, {-1, 0, 0, 0}}}) {
    const std::string text = encode_marker(marker);
    CAPTURE(text);
    const Result<Marker> parsed = parse_marker(text);
    REQUIRE(parsed.ok());
    CHECK(parsed->log_id == marker.log_id);
    CHECK(parsed->applied == marker.applied);
    CHECK(parsed->settled == marker.settled);
  }
  CHECK(encode_marker({"id", {17, 3, 5, 0xab}, {12, 2, 9, 1}}) ==
        "hf1 id 17:3:5:00000000000000ab 12:2:9:0000000000000001");
  const std::string with_users = encode_marker({"id", {17, 3, 5, 0xab}, {12, 2, 9, 1}, 11});
  CHECK(with_users == "hf1 id 17:3:5:00000000000000ab 12:2:9:0000000000000001 11");
  CHECK(parse_marker(with_users)->users == 11);
}

TEST_CASE("what is no marker is refused, with a reason that names the key") {
  for (const std::string text :
       {"", "hf1", "hf1 id", "hf1 id 1:2:3:4", "hf2 id 1:2:3:4 1:2:3:4", "hf1  1:2:3:4 1:2:3:4", "hf1 id 1:2:3 1:2:3:4",
        "hf1 id 1:2:3:4 1:2:3:x", "hf1 id 1:2:3:4:5 1:2:3:4", "hf1 id 1:-2:3:4 1:2:3:4", "hf1 id 1:2:3:4 1:2:3:4 x",
        "hf1 id 1:2:3:11111111111111111 1:2:3:4", "a user's own value"}) {
    CAPTURE(text);
    const Result<Marker> parsed = parse_marker(text);
    REQUIRE(!parsed.ok());
    CHECK(parsed.error().find("holdfast:marker") != std::string::npos);
  }
  CHECK(parse_marker(std::string(100'000, 'x')).error().size() < 300);
}

TEST_CASE("a snapshot's reference comes back as it was") {
  const SnapshotRef ref{"base-7bfc123c.rdb", 123456789012345, 0xfeedfacecafebeef};
  const std::string text = encode_snapshot_ref(ref);
  CHECK(text == "123456789012345 feedfacecafebeef base-7bfc123c.rdb");
  const Result<SnapshotRef> parsed = parse_snapshot_ref(text);
  REQUIRE(parsed.ok());
  CHECK(parsed->file == ref.file);
  CHECK(parsed->bytes == ref.bytes);
  CHECK(parsed->check == ref.check);
}

TEST_CASE("a snapshot's reference cannot lead out of the snapshot directory") {
  for (const std::string text : {"", " ", "5", "5 ab", "5 ab ", "x ab file", "5 zz file", "file", "5 ab ../file",
                                 "5 ab /etc/passwd", "5 ab a/b", "5 ab .hidden", "5 ab ..", "5 ab ."}) {
    CAPTURE(text);
    CHECK(!parse_snapshot_ref(text).ok());
  }
}

}  // namespace
}  // namespace holdfast
