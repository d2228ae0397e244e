// The tap's side of Redis's replication protocol, whatever pieces the bytes come in.
#include "core/replication/tap.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/unit/resp_words.h"

namespace holdfast {
namespace {

using testing::as_words;
using testing::words;

const std::string kReplid = "7bfc123c59b97f1aa6eea995436af0237e5057a8";
const std::string kOther = "0123456789012345678901234567890123456789";

struct Recorder : TapEvents {
  std::string sent, rdb, story;  // story: what happened, in order
  std::string raw;               // of all commands

  void on_tap_send(std::string bytes) override { sent += bytes; }
  void on_tap_continues(const std::string& replid) override { story += "continues " + replid + "\n"; }
  void on_tap_full_sync(const std::string& replid, int64_t offset) override {
    story += "full " + replid + " " + std::to_string(offset) + "\n";
  }
  void on_tap_rdb(std::string_view piece, bool last) override {
    rdb += piece;
    if (last) story += "rdb " + rdb + "\n";
  }
  void on_tap_command(const std::vector<std::string_view>& argv, std::string_view bytes, int64_t end) override {
    raw += bytes;
    for (const std::string_view arg : argv) story += std::string(arg) + " ";
    story += "@" + std::to_string(end) + "\n";
  }
  void on_tap_error(const std::string& reason) override { story += "error: " + reason + "\n"; }
};

struct Fixture {
  Recorder events;
  Tap tap{&events};
};

TEST_CASE("the tap asks for PSYNC only when everything before it was answered") {
  Fixture f;
  SUBCASE("without a password") {
    f.tap.start("", "", "", 0);
    CHECK(as_words(f.events.sent) == "REPLCONF capa psync2");
  }
  SUBCASE("with a password") {
    f.tap.start("", "secret", "", 0);
    CHECK(as_words(f.events.sent) == "AUTH secret | REPLCONF capa psync2");
    f.events.sent.clear();
    f.tap.on_data("+OK\r\n");
    CHECK(f.events.sent.empty());
  }
  SUBCASE("with a user") {
    f.tap.start("me", "secret", "", 0);
    CHECK(as_words(f.events.sent) == "AUTH me secret | REPLCONF capa psync2");
    f.tap.on_data("+OK\r\n");
  }
  f.events.sent.clear();
  f.tap.on_data("+OK\r\n");
  CHECK(as_words(f.events.sent) == "PSYNC ? -1");
}

TEST_CASE("the tap asks for what comes behind the offset that it has") {
  Fixture f;
  f.tap.start("", "", kReplid, 100);
  f.events.sent.clear();
  CHECK(f.tap.ack().empty());
  f.tap.on_data("+OK\r\n");
  CHECK(as_words(f.events.sent) == "PSYNC " + kReplid + " 101");
  CHECK(!f.tap.streaming());
  f.tap.on_data("+CONTINUE " + kOther + "\r\n");
  CHECK(f.tap.streaming());
  CHECK(f.tap.replid() == kOther);
  CHECK(f.tap.offset() == 100);
  CHECK(f.events.story == "continues " + kOther + "\n");
  f.tap.on_data(words("SET a 1"));
  CHECK(f.tap.offset() == 100 + static_cast<int64_t>(words("SET a 1").size()));
  CHECK(as_words(f.tap.ack()) == "REPLCONF ACK " + std::to_string(f.tap.offset()));
}

TEST_CASE("a stream that goes on under its old name") {
  Fixture f;
  f.tap.start("", "", kReplid, 100);
  f.tap.on_data("+OK\r\n+CONTINUE\r\n");
  CHECK(f.events.story == "continues " + kReplid + "\n");
  CHECK(f.tap.replid() == kReplid);
}

const std::string kFullSync = "+OK\r\n\n\n+FULLRESYNC " + kReplid + " 1000\r\n\n$7\r\nrdb\r\nx\n";
const std::string kStream =
    words("SELECT 0 | MULTI | SET a 1 | EXEC") + "\n" + words("PING") + "*0\r\n" + words("SET b ") + "\r\n";

std::string full_sync_story() {
  int64_t at = 1000;
  std::string story = "full " + kReplid + " 1000\nrdb rdb\r\nx\n\n";
  for (const std::string line : {"SELECT 0", "MULTI", "SET a 1", "EXEC", "\n", "PING", "*0"}) {
    if (line == "\n") {
      at += 1;
    } else if (line == "*0") {
      at += 4;
    } else {
      at += static_cast<int64_t>(words(line).size());
      story += line + " @" + std::to_string(at) + "\n";
    }
  }
  return story;
}

TEST_CASE("a full sync: the RDB by its length, then the stream, counted to the byte") {
  Fixture f;
  f.tap.start("", "", "", 0);
  f.tap.on_data(kFullSync);
  CHECK(f.tap.streaming());
  CHECK(f.tap.offset() == 1000);
  f.tap.on_data(kStream);
  const std::string story = full_sync_story();
  CHECK(f.events.story.substr(0, story.size()) == story);
  CHECK(f.tap.offset() == 1000 + static_cast<int64_t>(kStream.size()));
  CHECK(f.events.raw.size() == kStream.size() - 1 - 4 - 2);
}

TEST_CASE("any split of the bytes tells the same") {
  Fixture whole;
  whole.tap.start("", "", "", 0);
  const std::string bytes = kFullSync + kStream;
  whole.tap.on_data(bytes);
  REQUIRE(whole.tap.streaming());
  const auto same = [&](const std::function<size_t(size_t)>& piece_at) {
    Fixture f;
    f.tap.start("", "", "", 0);
    for (size_t at = 0; at < bytes.size();) {
      // A copy of its own: the tap may not count on bytes staying where they were.
      const std::string piece = bytes.substr(at, piece_at(at));
      f.tap.on_data(piece);
      at += piece.size();
    }
    return f.events.story == whole.events.story && f.events.raw == whole.events.raw &&
           f.events.sent == whole.events.sent && f.events.rdb == whole.events.rdb &&
           f.tap.offset() == whole.tap.offset();
  };
  CHECK(same([](size_t) { return 1; }));
  for (size_t first = 1; first < bytes.size(); first++) {
    CAPTURE(first);
    CHECK(same([&](size_t at) { return at == 0 ? first : bytes.size(); }));
    for (size_t second = 1; second < 8; second++) {
      CHECK(same([&](size_t at) { return at == 0 ? first : at == first ? second : bytes.size(); }));
    }
  }
}

TEST_CASE("an RDB is handed on as it comes, not gathered") {
  Fixture f;
  f.tap.start("", "", "", 0);
  f.tap.on_data("+OK\r\n+FULLRESYNC " + kReplid + " 5\r\n$1000000\r\n");
  const std::string piece(1000, 'x');
  for (int i = 0; i < 999; i++) f.tap.on_data(piece);
  CHECK(f.events.rdb.size() == 999'000);
  CHECK(f.events.story == "full " + kReplid + " 5\n");
  CHECK(!f.tap.streaming());
  f.tap.on_data(piece);
  CHECK(f.tap.streaming());
}

TEST_CASE("what Redis should not say ends the tap with a reason") {
  const auto error_after = [](const std::string& bytes) {
    Fixture f;
    f.tap.start("", "", kReplid, 10);
    f.tap.on_data(bytes);
    CHECK(!f.tap.streaming());
    const std::string story = f.events.story;
    f.tap.on_data(words("SET a 1"));
    CHECK(f.events.story == story);  // nothing more is told
    const size_t at = story.find("error: ");
    return at == std::string::npos ? "" : story.substr(at);
  };
  CHECK(error_after("-NOAUTH who are you\r\n").find("NOAUTH who are you") != std::string::npos);
  CHECK(error_after("+OK\r\n-NOMASTERLINK Can't SYNC\r\n").find("NOMASTERLINK") != std::string::npos);
  CHECK(error_after("+OK\r\n+SOMETHING\r\n") != "");
  CHECK(error_after("+OK\r\n+FULLRESYNC abc\r\n") != "");
  CHECK(error_after("+OK\r\n+FULLRESYNC abc x\r\n") != "");
  const std::string full = "+OK\r\n+FULLRESYNC " + kReplid + " 5\r\n";
  CHECK(error_after(full + "-ERR no RDB\r\n") != "");
  CHECK(error_after(full + "$EOF:0123456789012345678901234567890123456789\r\n") != "");
  CHECK(error_after(full + "$0\r\n") != "");
  CHECK(error_after(full + "$-1\r\n") != "");
  CHECK(error_after(full + "$99999999999999999999\r\n") != "");
  CHECK(error_after("+OK\r\n+CONTINUE\r\n*x\r\n") != "");
  CHECK(error_after("+OK\r\n+CONTINUE\r\n*1\r\n$-5\r\n") != "");
  CHECK(error_after("+OK\r\n+CONTINUE\r\nDEL a\r\n").find("inline command") != std::string::npos);
  CHECK(error_after(std::string(5000, 'x')) != "");
}

TEST_CASE("the tap can be started again") {
  Fixture f;
  f.tap.start("", "", kReplid, 10);
  f.tap.on_data("+OK\r\n+CONTINUE\r\n" + words("SET a 1") + "*3\r\n$3\r\nSE");
  const int64_t offset = f.tap.offset();
  f.tap.start("", "", f.tap.replid(), offset);
  CHECK(!f.tap.streaming());
  f.events.story.clear();
  f.events.sent.clear();
  f.tap.on_data("+OK\r\n+CONTINUE\r\n" + words("SET b 2"));
  CHECK(as_words(f.events.sent) == "PSYNC " + kReplid + " " + std::to_string(offset + 1));
  CHECK(f.events.story == "continues " + kReplid + "\nSET b 2 @" +
                              std::to_string(offset + static_cast<int64_t>(words("SET b 2").size())) + "\n");
}

TEST_CASE("a value larger than a client may send comes through the stream") {
  Fixture f;
  f.tap.start("", "", kReplid, 0);
  f.tap.on_data("+OK\r\n+CONTINUE\r\n*2\r\n$3\r\nSET\r\n$600000000\r\n");
  CHECK(f.tap.streaming());
  CHECK(f.events.story == "continues " + kReplid + "\n");
}

TEST_CASE("a line that is too long, at once or in pieces") {
  for (const size_t first : {size_t{10}, size_t{4000}, size_t{4500}, size_t{6000}}) {
    Fixture f;
    f.tap.start("", "", "", 0);
    const std::string line = "+" + std::string(5000, 'x') + "\r\n" + "+CONTINUE\r\n";
    f.tap.on_data(line.substr(0, first));
    if (first < line.size()) f.tap.on_data(line.substr(first));
    CHECK(f.events.story == "error: Redis sent a line without an end\n");
  }
}

}  // namespace
}  // namespace holdfast
