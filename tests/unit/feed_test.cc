// The feed: the master's side of Redis's replication protocol.
#include "core/replication/feed.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/resp_words.h"

namespace holdfast {
namespace {

using testing::as_words;
using testing::words;

const std::string kReplid = "7bfc123c59b97f1aa6eea995436af0237e5057a8";

std::string answers(Feed* feed, const std::string& data) {
  std::string out;
  CHECK(feed->on_data(data, &out));
  return out;
}

TEST_CASE("a replica's handshake is answered as a master does") {
  Feed feed(kReplid, 1);
  CHECK(answers(&feed, words("PING")) == "+PONG\r\n");
  CHECK(answers(&feed, words("AUTH someone secret")) == "+OK\r\n");
  CHECK(answers(&feed, words("REPLCONF listening-port 6379")) == "+OK\r\n");
  CHECK(answers(&feed, words("REPLCONF capa eof capa psync2")) == "+OK\r\n");
  CHECK(answers(&feed, words("REPLCONF version 8.2.3")) == "+OK\r\n");
  CHECK(answers(&feed, words("REPLCONF rdb-channel-repl 1")).starts_with("-ERR"));
  CHECK(!feed.wants_rdb());
  CHECK(answers(&feed, words("PSYNC ? -1")) == "+FULLRESYNC " + kReplid + " 1\r\n");
  CHECK(feed.wants_rdb());
  CHECK(feed.rdb_header(18) == "$18\r\n");
  CHECK(!feed.wants_rdb());
}

TEST_CASE("any split of the handshake is answered the same, and only once") {
  const std::string bytes = "\n" + words("PING | replconf capa psync2 | psync ? -1 | REPLCONF ACK 77") + "PING\r\n";
  Feed whole(kReplid, 42);
  const std::string expected = answers(&whole, bytes);
  CHECK(expected == "+PONG\r\n+OK\r\n+FULLRESYNC " + kReplid + " 42\r\n+PONG\r\n");
  for (size_t cut = 0; cut <= bytes.size(); cut++) {
    Feed feed(kReplid, 42);
    std::string out = answers(&feed, bytes.substr(0, cut));
    out += answers(&feed, bytes.substr(cut));
    CAPTURE(cut);
    CHECK(out == expected);
    CHECK(feed.acknowledged() == 77);
  }
  Feed feed(kReplid, 42);
  std::string out;
  for (const char c : bytes) out += answers(&feed, std::string(1, c));
  CHECK(out == expected);
}

TEST_CASE("offsets count the stream's bytes, its questions included") {
  Feed feed(kReplid, 1);
  answers(&feed, words("PSYNC ? -1"));
  feed.rdb_header(18);
  std::string out;
  feed.stream(words("SET a 1"), &out);
  CHECK(feed.offset() == 1 + static_cast<int64_t>(words("SET a 1").size()));
  feed.ask_ack(&out);
  CHECK(as_words(out) == "SET a 1 | REPLCONF GETACK *");
  CHECK(feed.offset() == 1 + static_cast<int64_t>(out.size()));
  CHECK(feed.acknowledged() == -1);
  CHECK(answers(&feed, words("REPLCONF ACK 5")).empty());
  CHECK(feed.acknowledged() == 5);
}

TEST_CASE("who does not behave like a replica is not fed") {
  for (const std::string& data : {words("SET a 1"), words("REPLICAOF a 1"), std::string("*x\r\n"),
                                  std::string("*1\r\n$-1\r\n"), std::string("GET / HTTP/1.1\r\n")}) {
    CAPTURE(data);
    Feed feed(kReplid, 1);
    std::string out;
    CHECK(!feed.on_data(data, &out));
    CHECK(!feed.wants_rdb());
  }
}

TEST_CASE("the empty RDB is one that Redis loads") {
  CHECK(kEmptyRdb.size() == 18);
  CHECK(kEmptyRdb.starts_with("REDIS0009"));
  CHECK(kEmptyRdb.substr(10) == std::string_view("\0\0\0\0\0\0\0\0", 8));
}

}  // namespace
}  // namespace holdfast
