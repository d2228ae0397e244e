// A client's line of replies: they leave in the order of the requests, each only once it may be seen.
#include "core/shard/session.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

namespace holdfast {
namespace {

struct Fixture {
  Statistics statistics{[] { return int64_t{1}; }, [] { return int64_t{1}; }};
  Session session{7, 1, {"1.2.3.4:5", "6.7.8.9:10"}, 1000, {}, &statistics};
  std::string out() {
    session.collect();
    return std::exchange(session.outgoing, {});
  }
};

TEST_CASE("replies leave in order, however they come") {
  Fixture f;
  const uint64_t first = f.session.open_slot(true, 1000);
  const uint64_t second = f.session.open_slot(false, 1000);
  const uint64_t third = f.session.open_slot(false, 1000);
  f.session.add_reply(second, "2");
  f.session.release(second);
  CHECK(f.out() == "");
  f.session.add_reply(first, "1");
  CHECK(f.out() == "");  // known, but it may not leave yet
  f.session.release(first);
  CHECK(f.out() == "12");
  CHECK(f.session.waiting() == 1);
  f.session.add_reply(third, "3");
  f.session.release(third);
  CHECK(f.out() == "3");
  CHECK(f.session.waiting() == 0);
}

TEST_CASE("an answer at hand takes its place in the line") {
  Fixture f;
  f.session.answer("0", 1000);
  CHECK(f.out() == "0");
  const uint64_t slot = f.session.open_slot(true, 1000);
  f.session.answer("2", 1000);
  CHECK(f.out() == "");
  f.session.add_reply(slot, "1");
  f.session.release(slot);
  CHECK(f.out() == "12");
}

TEST_CASE("a transaction's reply comes in pieces behind its header") {
  Fixture f;
  const uint64_t slot = f.session.open_slot(true, 1000, "*2\r\n");
  f.session.add_reply(slot, "a");
  f.session.restart_reply(slot);  // it is executed once more
  f.session.add_reply(slot, "b");
  f.session.add_reply(slot, "c");
  f.session.release(slot);
  CHECK(f.out() == "*2\r\nbc");
}

TEST_CASE("what comes for a slot that was given up on is dropped") {
  Fixture f;
  const uint64_t slot = f.session.open_slot(true, 1000, "*2\r\n");
  const uint64_t next = f.session.open_slot(true, 1000);
  f.session.add_reply(slot, "a");
  f.session.give_up(slot, "-error");
  f.session.add_reply(slot, "b");
  f.session.restart_reply(slot);
  CHECK(f.out() == "-error");
  f.session.add_reply(slot, "c");
  f.session.release(slot);
  f.session.give_up(slot, "-error again");
  f.session.restart_reply(slot);
  CHECK(f.out() == "");
  f.session.add_reply(next, "next");
  f.session.release(next);
  CHECK(f.out() == "next");
}

TEST_CASE("what may be seen cannot be given up on") {
  Fixture f;
  const uint64_t slot = f.session.open_slot(true, 1000);
  f.session.add_reply(slot, "done");
  f.session.release(slot);
  f.session.give_up(slot, "-error");
  CHECK(f.out() == "done");
}

TEST_CASE("the oldest request without a reply") {
  Fixture f;
  CHECK(!f.session.oldest());
  const uint64_t first = f.session.open_slot(true, 1000);
  const uint64_t second = f.session.open_slot(false, 2000);
  REQUIRE(f.session.oldest());
  CHECK(f.session.oldest()->slot == first);
  CHECK(f.session.oldest()->since_ms == 1000);
  CHECK(f.session.oldest()->write);
  CHECK(f.session.is_open(first));
  f.session.release(first);
  CHECK(!f.session.is_open(first));
  CHECK(f.session.oldest()->slot == second);
  CHECK(f.session.oldest()->since_ms == 2000);
  CHECK(!f.session.oldest()->write);
  f.out();
  CHECK(!f.session.is_open(first));
  CHECK(f.session.is_open(second));
}

TEST_CASE("whether something in a batch is still to be answered") {
  Fixture f;
  f.session.open_slot(false, 0);
  CHECK(!f.session.has_open_in_batch());
  const uint64_t first = f.session.open_slot(true, 0);
  const uint64_t second = f.session.open_slot(true, 0);
  f.session.release(second);
  f.session.release(second);
  CHECK(f.session.has_open_in_batch());
  f.session.give_up(first, "-error");
  f.session.give_up(second, "-error");
  CHECK(!f.session.has_open_in_batch());
}

TEST_CASE("a read that rides along in a batch is in it until it is taken out or answered") {
  Fixture f;
  const uint64_t first = f.session.open_slot(false, 0);
  const uint64_t second = f.session.open_slot(false, 0);
  f.session.set_in_batch(first, true);
  f.session.set_in_batch(first, true);
  f.session.set_in_batch(second, true);
  CHECK(f.session.has_open_in_batch());
  f.session.set_in_batch(first, false);
  CHECK(f.session.has_open_in_batch());
  f.session.release(second);
  CHECK(!f.session.has_open_in_batch());
  f.session.set_in_batch(second, true);  // it is answered
  CHECK(!f.session.has_open_in_batch());
  f.session.release(first);
  f.session.set_in_batch(first, true);
  CHECK(!f.session.has_open_in_batch());
}

TEST_CASE("the bytes of the replies in the line, and of those to come as large as the largest of late") {
  Fixture f;
  CHECK(!f.session.reply_size_known());
  const uint64_t first = f.session.open_slot(true, 0, "*2\r\n");
  f.session.add_reply(first, std::string(96, 'x'));
  CHECK(f.session.reply_bytes() == 100);
  f.session.restart_reply(first);
  CHECK(f.session.reply_bytes() == 4);
  f.session.add_reply(first, std::string(96, 'x'));
  f.session.release(first);
  f.session.add_reply(first, "dropped");
  CHECK(f.session.reply_bytes() == 100);
  f.out();
  CHECK(f.session.reply_size_known());
  CHECK(f.session.reply_bytes() == 0);
  const uint64_t second = f.session.open_slot(false, 0);
  const uint64_t third = f.session.open_slot(false, 0);
  CHECK(f.session.reply_bytes() == 200);
  f.session.add_reply(second, "12345");
  f.session.give_up(second, "-error");
  CHECK(f.session.reply_bytes() == 206);
  f.session.give_up(third, "");
  f.out();
  CHECK(f.session.reply_bytes() == 0);
}

TEST_CASE("large replies go out whole and in order") {
  Fixture f;
  const std::string large(100'000, 'x');
  const uint64_t first = f.session.open_slot(false, 0);
  const uint64_t second = f.session.open_slot(false, 0);
  f.session.add_reply(first, "1");
  f.session.add_reply(second, large);
  f.session.release(first);
  f.session.release(second);
  CHECK(f.out() == "1" + large);
  const uint64_t third = f.session.open_slot(false, 0);
  f.session.add_reply(third, large);
  f.session.release(third);
  f.session.answer("4", 0);
  CHECK(f.out() == large + "4");
}

}  // namespace
}  // namespace holdfast
