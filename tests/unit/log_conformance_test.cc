// What log/log.h promises, clause by clause, on every implementation. Kafka takes part when HOLDFAST_TEST_KAFKA names
// the bootstrap servers of a cluster of three brokers.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>

#include "log/open.h"
#include "log_harness.h"
#include "memory_log.h"

using namespace holdfast;
using namespace holdfast::testing;

namespace {

// A place where a log is kept: opening it again finds what was there.
class Place {
 public:
  virtual ~Place() = default;
  virtual std::unique_ptr<Log> open() = 0;
};

class MemoryPlace : public Place {
 public:
  std::unique_ptr<Log> open() override { return std::make_unique<MemoryLog>(store_); }

 private:
  std::shared_ptr<MemoryStore> store_ = std::make_shared<MemoryStore>();
};

class OptionsPlace : public Place {
 public:
  std::unique_ptr<Log> open() override {
    Result<std::unique_ptr<Log>> log = open_log(options_);
    REQUIRE_MESSAGE(log.ok(), (log.ok() ? "" : log.error()));
    return std::move(*log);
  }

 protected:
  LogOptions options_;
};

class SqlitePlace : public OptionsPlace {
 public:
  SqlitePlace() {
    options_.kind = LogOptions::Kind::kSqlite;
    options_.sqlite.path = directory_.file("log.db");
  }

 private:
  TemporaryDirectory directory_;
};

class KafkaPlace : public OptionsPlace {
 public:
  explicit KafkaPlace(const char* brokers) {
    static int count = 0;
    const auto now = std::chrono::system_clock::now().time_since_epoch().count();
    options_.kind = LogOptions::Kind::kKafka;
    options_.kafka.brokers = brokers;
    options_.kafka.topic =
        "conformance-" + std::to_string(now) + "-" + std::to_string(getpid()) + "-" + std::to_string(++count);
    options_.kafka.create_topic = true;
    options_.timeout = std::chrono::seconds(60);
  }
};

const char* kafka_brokers() { return kWithoutLibrdkafka ? nullptr : std::getenv("HOLDFAST_TEST_KAFKA"); }

void on_each_log(const std::function<void(Place&)>& test) {
  SUBCASE("memory") {
    MemoryPlace place;
    test(place);
  }
  SUBCASE("sqlite") {
    SqlitePlace place;
    test(place);
  }
  if (kafka_brokers() == nullptr) return;
  SUBCASE("kafka") {
    KafkaPlace place(kafka_brokers());
    test(place);
  }
}

std::string header_of(uint64_t token) { return "h" + std::to_string(token); }
std::string value_of(uint64_t token) { return "value " + std::to_string(token); }

// Appends entries with the tokens [first, first + count) and checks that all are committed, in order and side by side.
void fill(LogUser& log, uint64_t first, size_t count) {
  for (uint64_t token = first; token < first + count; ++token) log->append(token, header_of(token), value_of(token));
  const std::vector<Delivery> deliveries = log.deliveries(count);
  for (size_t i = 0; i < count; ++i) {
    REQUIRE(deliveries[i].token == first + i);
    REQUIRE_MESSAGE(deliveries[i].outcome == Outcome::kCommitted, deliveries[i].reason);
    REQUIRE(deliveries[i].position == deliveries[0].position + static_cast<Position>(i));
  }
}

// Checks that the entries are those that fill() wrote with tokens from `first`, at positions from `position`.
void check_entries(const std::vector<LogEntry>& entries, Position position, uint64_t first, size_t count) {
  REQUIRE(entries.size() == count);
  for (size_t i = 0; i < count; ++i) {
    REQUIRE(entries[i].position == position + static_cast<Position>(i));
    REQUIRE(entries[i].header == header_of(first + i));
    REQUIRE(entries[i].value == value_of(first + i));
  }
}

}  // namespace

TEST_CASE("log: which implementations are tested") {
  if (kafka_brokers() == nullptr)
    MESSAGE("Kafka is left out: HOLDFAST_TEST_KAFKA is not set, or ThreadSanitizer is on");
}

TEST_CASE("log: an empty log begins and ends at 0 and has nothing to read") {
  on_each_log([](Place& place) {
    LogUser log(place.open());
    CHECK(log.begin() == 0);
    CHECK(log.end() == 0);
    std::vector<LogEntry> entries;
    const std::unique_ptr<LogReader> reader = reader_of(*log, 0);
    const Result<size_t> got = reader->poll(&entries, 1000);
    REQUIRE(got.ok());
    CHECK(*got == 0);
    CHECK(entries.empty());
    CHECK(!log->describe().empty());
    // It was no error: the same reader gets what comes later.
    fill(log, 1, 3);
    check_entries(read(*reader, 3), 0, 1, 3);
  });
}

TEST_CASE("log: entries get the positions from 0 without holes, in the order of the calls") {
  on_each_log([](Place& place) {
    LogUser log(place.open());
    fill(log, 100, 2000);
    CHECK(log.begin() == 0);
    CHECK(log.end() == 2000);
    for (uint64_t token = 5000; token < 5050; ++token) {  // one at a time, too
      const Delivery delivery = log.append(token, header_of(token), value_of(token));
      REQUIRE(delivery.outcome == Outcome::kCommitted);
      REQUIRE(delivery.position == static_cast<Position>(2000 + token - 5000));
    }
    std::vector<LogEntry> entries = read_all(log);
    REQUIRE(entries.size() == 2050);
    check_entries({entries.begin() + 2000, entries.end()}, 2000, 5000, 50);
    entries.resize(2000);
    check_entries(entries, 0, 100, 2000);
  });
}

TEST_CASE("log: every delivery is told once") {
  on_each_log([](Place& place) {
    LogUser log(place.open());
    fill(log, 1, 100);
    size_t more = 0;
    log->poll([&](Delivery) { ++more; });
    CHECK(more == 0);
  });
}

TEST_CASE("log: what is committed is read by a reader that follows, nothing else, in order") {
  on_each_log([](Place& place) {
    LogUser log(place.open());
    const std::unique_ptr<LogReader> reader = reader_of(*log, 0);
    std::vector<LogEntry> seen;
    std::vector<Delivery> told;
    for (uint64_t token = 0; token < 500; ++token) {
      log->append(token, header_of(token), value_of(token));
      log->poll([&](Delivery delivery) { told.push_back(std::move(delivery)); });
      const Result<size_t> got = reader->poll(&seen, 1 << 20);
      REQUIRE(got.ok());
      if (*got > 0) REQUIRE(log.end() > seen.back().position);
    }
    for (Delivery& delivery : log.deliveries(500 - told.size())) told.push_back(std::move(delivery));
    for (LogEntry& entry : read(*reader, 500 - seen.size())) seen.push_back(std::move(entry));
    check_entries(seen, told.front().position, 0, 500);
  });
}

TEST_CASE("log: readers do not disturb each other") {
  on_each_log([](Place& place) {
    LogUser log(place.open());
    fill(log, 0, 100);
    const std::unique_ptr<LogReader> one = reader_of(*log, 0);
    const std::unique_ptr<LogReader> other = reader_of(*log, 50);
    std::vector<LogEntry> of_one;
    std::vector<LogEntry> of_other;
    for (int i = 0; i < 50; ++i) {
      of_one.push_back(read(*one, 1, 1).front());
      of_other.push_back(read(*other, 1, 1).front());
    }
    check_entries(of_one, 0, 0, 50);
    check_entries(of_other, 50, 50, 50);
  });
}

TEST_CASE("log: a poll stops once max_bytes are reached, but gives at least one entry") {
  on_each_log([](Place& place) {
    LogUser log(place.open());
    for (uint64_t token = 0; token < 40; ++token) log->append(token, std::string(20, 'h'), std::string(80, 'v'));
    log.deliveries(40);
    const std::unique_ptr<LogReader> reader = reader_of(*log, 0);
    const auto poll = [&](size_t max_bytes) {
      std::vector<LogEntry> entries;
      const auto until = std::chrono::steady_clock::now() + kPatience;
      while (entries.empty() && std::chrono::steady_clock::now() < until) {
        REQUIRE(reader->poll(&entries, max_bytes).ok());
      }
      return entries.size();
    };
    CHECK(poll(1) == 1);  // from now on a reader that fetches ahead has the rest, too
    CHECK(poll(1) == 1);
    CHECK(poll(100) == 1);
    CHECK(poll(101) == 2);
    CHECK(poll(250) == 3);
    CHECK(poll(1000) == 10);
    CHECK(poll(1 << 20) == 22);
  });
}

TEST_CASE("log: reading starts at any position, also at the end") {
  on_each_log([](Place& place) {
    LogUser log(place.open());
    fill(log, 0, 100);
    check_entries(read(*reader_of(*log, 37), 63), 37, 37, 63);
    check_entries(read(*reader_of(*log, 99), 1), 99, 99, 1);
    const std::unique_ptr<LogReader> at_end = reader_of(*log, 100);
    std::vector<LogEntry> entries;
    REQUIRE(at_end->poll(&entries, 1000).ok());
    CHECK(entries.empty());
    fill(log, 100, 1);
    check_entries(read(*at_end, 1), 100, 100, 1);
  });
}

TEST_CASE("log: reading before 0 or behind the end is an error") {
  on_each_log([](Place& place) {
    LogUser log(place.open());
    fill(log, 0, 10);
    CHECK(reading_error(*log, -1) != "");
    CHECK(reading_error(*log, 11) != "");
  });
}

TEST_CASE("log: entries of no bytes and of max_entry_bytes") {
  on_each_log([](Place& place) {
    LogUser log(place.open());
    const size_t most = log->max_entry_bytes();
    REQUIRE(most >= 900 * 1024);
    const std::pair<size_t, size_t> sizes[] = {{0, 0}, {5, 0}, {0, 5}, {100, most - 100}, {0, most}, {most, 0}, {1, 1}};
    uint64_t token = 0;
    for (const auto& [header, value] : sizes) log->append(token++, std::string(header, 'h'), std::string(value, 'v'));
    for (const Delivery& delivery : log.deliveries(std::size(sizes))) {
      REQUIRE_MESSAGE(delivery.outcome == Outcome::kCommitted, delivery.reason);
    }
    const std::vector<LogEntry> entries = read_all(log);
    REQUIRE(entries.size() == std::size(sizes));
    for (size_t i = 0; i < std::size(sizes); ++i) {
      CHECK(entries[i].position == static_cast<Position>(i));
      CHECK((entries[i].header == std::string(sizes[i].first, 'h')));
      CHECK((entries[i].value == std::string(sizes[i].second, 'v')));
    }
  });
}

TEST_CASE("log: bytes come back as they are") {
  on_each_log([](Place& place) {
    LogUser log(place.open());
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
    const std::string reversed(bytes.rbegin(), bytes.rend());
    REQUIRE(log.append(1, bytes, reversed).outcome == Outcome::kCommitted);
    REQUIRE(log.append(2, std::string(3, '\0'), std::string("\0\r\n\0", 4)).outcome == Outcome::kCommitted);
    const std::vector<LogEntry> entries = read_all(log);
    REQUIRE(entries.size() == 2);
    CHECK(entries[0].header == bytes);
    CHECK(entries[0].value == reversed);
    CHECK(entries[1].header == std::string(3, '\0'));
    CHECK(entries[1].value == std::string("\0\r\n\0", 4));
  });
}

TEST_CASE("log: after an entry that failed all fail, until abandon()") {
  on_each_log([](Place& place) {
    LogUser log(place.open());
    fill(log, 0, 5);
    log->append(5, header_of(5), value_of(5));
    log->append(6, "", std::string(log->max_entry_bytes() + 1, 'x'));
    log->append(7, header_of(7), value_of(7));
    const std::vector<Delivery> first = log.deliveries(3);
    CHECK(first[0].token == 5);
    CHECK(first[0].outcome == Outcome::kCommitted);
    CHECK(first[1].token == 6);
    CHECK(first[1].outcome == Outcome::kNotWritten);
    CHECK(first[1].reason != "");
    CHECK(first[2].token == 7);
    CHECK(first[2].outcome != Outcome::kCommitted);
    const Delivery later = log.append(8, header_of(8), value_of(8));
    CHECK(later.outcome == Outcome::kNotWritten);
    CHECK(later.reason != "");
    log->abandon();
    const Position end = log.end();
    const Delivery again = log.append(9, header_of(9), value_of(9));
    CHECK(again.token == 9);
    CHECK(again.outcome == Outcome::kCommitted);
    CHECK(again.position == end);
    // What was reported as not written is not there.
    for (const LogEntry& entry : read_all(log)) {
      CHECK(entry.header != header_of(8));
      CHECK(entry.value.size() < 100);
    }
  });
}

TEST_CASE("log: abandon() forgets what is in flight, and appending works again") {
  on_each_log([](Place& place) {
    LogUser log(place.open());
    fill(log, 0, 10);
    for (int round = 1; round <= 5; ++round) {
      const uint64_t forgotten = static_cast<uint64_t>(round) * 1000;
      for (uint64_t token = forgotten; token < forgotten + 200; ++token) {
        log->append(token, header_of(token), value_of(token));
      }
      log->abandon();
      const uint64_t token = forgotten + 500;
      const Delivery delivery = log.append(token, header_of(token), value_of(token));
      REQUIRE(delivery.token == token);
      REQUIRE_MESSAGE(delivery.outcome == Outcome::kCommitted, delivery.reason);
      const LogEntry entry = read(*reader_of(*log, delivery.position), 1).front();
      CHECK(entry.position == delivery.position);
      CHECK(entry.header == header_of(token));
    }
    size_t more = 0;
    log->poll([&](Delivery) { ++more; });
    CHECK(more == 0);
    // Whatever of it reached the log is there whole, once, and in order within its round.
    const std::vector<LogEntry> entries = read_all(log);
    std::vector<uint64_t> last(6, 0);
    for (const LogEntry& entry : entries) {
      const uint64_t token = std::stoull(entry.header.substr(1));
      REQUIRE(entry.value == value_of(token));
      const size_t round = token / 1000;
      if (token % 1000 == 500 || round == 0) continue;
      CHECK(token > last[round]);
      last[round] = token;
    }
  });
}

TEST_CASE("log: abandon() may be called while deliveries are told") {
  on_each_log([](Place& place) {
    LogUser log(place.open());
    Alarm alarm;
    log->set_ready_callback([&] { alarm.ring(); });
    for (uint64_t token = 1; token <= 50; ++token) log->append(token, header_of(token), value_of(token));
    std::vector<uint64_t> told;
    while (told.empty()) {
      REQUIRE(alarm.wait());
      log->poll([&](Delivery delivery) {
        told.push_back(delivery.token);
        if (told.size() == 1) {
          log->abandon();
          log->append(99, header_of(99), value_of(99));
        }
      });
    }
    while (told.size() < 2) {
      REQUIRE(alarm.wait());
      log->poll([&](Delivery delivery) { told.push_back(delivery.token); });
    }
    CHECK(told == std::vector<uint64_t>{1, 99});
    log->set_ready_callback({});
  });
}

TEST_CASE("log: a log that is opened again has everything, and goes on where it was") {
  on_each_log([](Place& place) {
    {
      LogUser log(place.open());
      fill(log, 0, 300);
    }
    LogUser log(place.open());
    CHECK(log.begin() == 0);
    CHECK(log.end() == 300);
    check_entries(read_all(log), 0, 0, 300);
    fill(log, 300, 10);
    check_entries(read_all(log), 0, 0, 310);
  });
}

TEST_CASE("log: closing it does not wait for what is in flight, and leaves no holes") {
  on_each_log([](Place& place) {
    {
      LogUser log(place.open());
      for (uint64_t token = 0; token < 5000; ++token) log->append(token, header_of(token), value_of(token));
    }
    LogUser log(place.open());
    const std::vector<LogEntry> entries = read_all(log);
    check_entries(entries, 0, 0, entries.size());
  });
}

TEST_CASE("log: truncating removes what is before, and positions stay what they were") {
  on_each_log([](Place& place) {
    LogUser log(place.open());
    fill(log, 0, 1000);
    REQUIRE(log->truncate(400).ok());
    CHECK(log.begin() == 400);
    CHECK(log.end() == 1000);
    check_entries(read_all(log), 400, 400, 600);
    CHECK(reading_error(*log, 399) != "");
    CHECK(reading_error(*log, 0) != "");
    fill(log, 1000, 1);
    REQUIRE(log->truncate(100).ok());  // they are gone already
    CHECK(log.begin() == 400);
    check_entries(read_all(log), 400, 400, 601);
  });
}

TEST_CASE("log: a log truncated to its end goes on counting, also when opened again") {
  on_each_log([](Place& place) {
    {
      LogUser log(place.open());
      fill(log, 0, 20);
      REQUIRE(log->truncate(20).ok());
      CHECK(log.begin() == 20);
      CHECK(log.end() == 20);
    }
    LogUser log(place.open());
    CHECK(log.begin() == 20);
    CHECK(log.end() == 20);
    fill(log, 20, 5);
    check_entries(read_all(log), 20, 20, 5);
  });
}

TEST_CASE("log: truncating behind the end is refused") {
  on_each_log([](Place& place) {
    LogUser log(place.open());
    fill(log, 0, 10);
    CHECK(!log->truncate(11).ok());
    CHECK(!log->truncate(-1).ok());
    CHECK(log.begin() == 0);
    check_entries(read_all(log), 0, 0, 10);
  });
}

TEST_CASE("log: a reader at a position that is truncated meanwhile gets an error, not a hole") {
  on_each_log([](Place& place) {
    LogUser log(place.open());
    fill(log, 0, 10);
    const std::unique_ptr<LogReader> reader = reader_of(*log, 10);
    std::vector<LogEntry> entries;
    REQUIRE(reader->poll(&entries, 1).ok());
    REQUIRE(entries.empty());
    fill(log, 10, 10);
    REQUIRE(log->truncate(20).ok());
    // It may have fetched ahead what was there; behind that it must not go on as if nothing were missing.
    fill(log, 20, 1);
    Result<size_t> got = size_t{0};
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while ((got = reader->poll(&entries, 1)).ok() && (entries.empty() || entries.back().position < 20)) {
      REQUIRE(std::chrono::steady_clock::now() < until);
      std::this_thread::yield();
    }
    if (got.ok()) check_entries(entries, 10, 10, 11);
  });
}
