// The replication protocol from both sides: any split of the bytes tells the same, offsets count to the byte, and
// damaged bytes neither crash nor make anything allocate out of proportion.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/check.h"
#include "core/replication/feed.h"
#include "core/replication/tap.h"
#include "tests/fuzz/fuzz.h"

namespace holdfast::fuzz {

namespace {

const std::string kReplid(40, 'a');

struct Events : TapEvents {
  std::string sent, story, rdb;
  int64_t last_offset = 0;

  void on_tap_send(std::string bytes) override { sent += bytes; }
  void on_tap_continues(const std::string& replid) override { story += "continues " + replid + "\n"; }
  void on_tap_full_sync(const std::string& replid, int64_t offset) override {
    story += "full " + replid + " " + std::to_string(offset) + "\n";
    last_offset = offset;
  }
  void on_tap_rdb(std::string_view piece, bool last) override {
    HOLDFAST_CHECK(!piece.empty());
    rdb += piece;
    if (last) story += "rdb\n";
  }
  void on_tap_command(const std::vector<std::string_view>& argv, std::string_view raw, int64_t end) override {
    HOLDFAST_CHECK(!argv.empty() && end >= last_offset + static_cast<int64_t>(raw.size()));
    last_offset = end;
    for (const std::string_view arg : argv) story += std::string(arg) + " ";
    story += "@" + std::to_string(end) + "\n";
  }
  void on_tap_error(const std::string& reason) override {
    HOLDFAST_CHECK(!reason.empty());
    story += "error " + reason + "\n";
  }
};

struct TapOutcome {
  std::string sent, story, rdb;
  int64_t offset = 0;
  bool streaming = false;
  bool operator==(const TapOutcome&) const = default;
};

// Feeds the bytes up to cuts[0], up to cuts[1] …, each time from another place in memory.
template <class Take>
void in_pieces(std::string_view bytes, const std::vector<size_t>& cuts, Take take) {
  size_t start = 0;
  for (const size_t cut : cuts) {
    const ExactCopy piece(bytes.substr(start, cut - start));
    if (!take(piece.view())) return;
    start = cut;
  }
}

TapOutcome run_tap(std::string_view bytes, const std::string& replid, const std::vector<size_t>& cuts) {
  Events events;
  Tap tap(&events);
  tap.start("", "", replid, 100);
  events.last_offset = 100;
  const size_t before = allocated_bytes();
  in_pieces(bytes, cuts, [&](std::string_view piece) {
    tap.on_data(piece);
    return true;
  });
  // The recorder's own strings are in there, and a copy for each cut.
  HOLDFAST_CHECK(allocated_bytes() - before <= 200 * bytes.size() + 2 * cuts.size() * bytes.size() + 65536);
  return {events.sent, events.story, events.rdb, tap.offset(), tap.streaming()};
}

std::string random_commands(Random* random, size_t* commands) {
  std::string bytes;
  for (size_t i = random->below(8); i > 0; i--) {
    if (random->chance(10)) {
      bytes += random->chance(50) ? "\n" : "\r\n";
      continue;
    }
    std::vector<std::string> argv(random->between(1, 5));
    for (std::string& arg : argv) arg = random->bytes(random->chance(3) ? random->below(5000) : random->below(20));
    append_request(&bytes, {argv.begin(), argv.end()});
    (*commands)++;
  }
  return bytes;
}

void fuzz_tap(Random* random) {
  const bool full = random->chance(50);
  const std::string rdb = random->bytes(random->between(1, 300));
  std::string bytes = "+OK\r\n";
  while (random->chance(30)) bytes += "\n";
  if (full) {
    bytes += "+FULLRESYNC " + kReplid + " 500\r\n";
    while (random->chance(30)) bytes += "\n";
    bytes += "$" + std::to_string(rdb.size()) + "\r\n" + rdb;
  } else {
    bytes += random->chance(50) ? "+CONTINUE\r\n" : "+CONTINUE " + std::string(40, 'b') + "\r\n";
  }
  size_t commands = 0;
  const std::string stream = random_commands(random, &commands);
  bytes += stream;
  const std::string replid = full ? "" : kReplid;

  const TapOutcome whole = run_tap(bytes, replid, {bytes.size()});
  HOLDFAST_CHECK(whole.streaming && whole.story.find("error ") == std::string::npos);
  HOLDFAST_CHECK(whole.offset == (full ? 500 : 100) + static_cast<int64_t>(stream.size()));
  HOLDFAST_CHECK(!full || whole.rdb == rdb);
  HOLDFAST_CHECK(whole == run_tap(bytes, replid, random_cuts(random, bytes.size())));

  mutate(random, &bytes);
  HOLDFAST_CHECK(run_tap(bytes, replid, {bytes.size()}) == run_tap(bytes, replid, random_cuts(random, bytes.size())));
}

struct FeedOutcome {
  std::string out;
  bool good = true;
  bool wants_rdb = false;
  int64_t acknowledged = 0;
  bool operator==(const FeedOutcome&) const = default;
};

FeedOutcome run_feed(std::string_view bytes, const std::vector<size_t>& cuts) {
  Feed feed(kReplid, 1);
  FeedOutcome outcome;
  const size_t before = allocated_bytes();
  in_pieces(bytes, cuts, [&](std::string_view piece) {
    outcome.good = feed.on_data(piece, &outcome.out);
    return outcome.good;
  });
  HOLDFAST_CHECK(allocated_bytes() - before <= 200 * bytes.size() + 2 * cuts.size() * bytes.size() + 65536);
  outcome.wants_rdb = feed.wants_rdb();
  outcome.acknowledged = feed.acknowledged();
  return outcome;
}

void fuzz_feed(Random* random) {
  static constexpr std::string_view kRequests[] = {
      "PING\r\n",
      "*1\r\n$4\r\nPING\r\n",
      "*3\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$4\r\n6379\r\n",
      "*5\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n$4\r\ncapa\r\n$6\r\npsync2\r\n",
      "*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$4\r\n1234\r\n",
      "*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n",
      "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n",
      "\n",
  };
  std::string bytes;
  for (size_t i = random->between(1, 10); i > 0; i--) bytes += random->pick(kRequests);
  const FeedOutcome whole = run_feed(bytes, {bytes.size()});
  HOLDFAST_CHECK(whole.good);
  HOLDFAST_CHECK(whole == run_feed(bytes, random_cuts(random, bytes.size())));

  mutate(random, &bytes);
  HOLDFAST_CHECK(run_feed(bytes, {bytes.size()}) == run_feed(bytes, random_cuts(random, bytes.size())));
}

// What a Redis sends to who follows it, after a partial and after a full sync.
void fuzz_stream(std::string_view bytes) {
  Random random = random_from(bytes);
  for (const std::string& replid : {kReplid, std::string()}) {
    HOLDFAST_CHECK(run_tap(bytes, replid, {bytes.size()}) ==
                   run_tap(bytes, replid, random_cuts(&random, bytes.size())));
  }
}

// What a replica sends.
void fuzz_replica(std::string_view bytes) {
  Random random = random_from(bytes);
  HOLDFAST_CHECK(run_feed(bytes, {bytes.size()}) == run_feed(bytes, random_cuts(&random, bytes.size())));
}

void fuzz_replication(Random* random) {
  if (random->chance(70)) {
    fuzz_tap(random);
  } else {
    fuzz_feed(random);
  }
}

const Registration kTap("tap", fuzz_replication);
const Registration kStream("stream", fuzz_stream);
const Registration kReplica("replica", fuzz_replica);

}  // namespace

}  // namespace holdfast::fuzz
