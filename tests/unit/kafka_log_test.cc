// What is special about the log in Kafka: which topics are refused, and what is said then. Most of it needs a cluster:
// see log_conformance_test.cc.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>

#include "log/kafka/client.h"
#include "log/kafka/topic_rules.h"
#include "log/open.h"
#include "log_harness.h"

using namespace holdfast;
using namespace holdfast::testing;

namespace {

LogOptions options_for(const std::string& brokers) {
  static int count = 0;
  LogOptions options;
  options.kind = LogOptions::Kind::kKafka;
  options.kafka.brokers = brokers;
  options.kafka.topic = "kafka-log-" + std::to_string(std::chrono::system_clock::now().time_since_epoch().count()) +
                        "-" + std::to_string(getpid()) + "-" + std::to_string(++count);
  options.timeout = std::chrono::seconds(60);
  return options;
}

std::string opening_error(const LogOptions& options) {
  const Result<std::unique_ptr<Log>> log = open_log(options);
  return log.ok() ? "" : log.error();
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Gives the topic the settings that we create topics with, except for one.
void alter_topic(const LogOptions& options, const std::string& name, const std::string& value) {
  auto client = kafka::Client::create(options.kafka, {});
  REQUIRE(client.ok());
  const kafka::Queue queue(rd_kafka_queue_new(client->get()));
  auto settings = kafka::settings_for_new_topic(options.kafka);
  settings[name] = value;
  rd_kafka_ConfigResource_t* resource =
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, options.kafka.topic.c_str());
  for (const auto& [key, text] : settings) rd_kafka_ConfigResource_set_config(resource, key.c_str(), text.c_str());
  rd_kafka_AlterConfigs(client->get(), &resource, 1, nullptr, queue.get());
  const kafka::Event event(rd_kafka_queue_poll(queue.get(), 30'000));
  rd_kafka_ConfigResource_destroy(resource);
  REQUIRE(event != nullptr);
  REQUIRE(rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR_NO_ERROR);
}

}  // namespace

TEST_SUITE_BEGIN("librdkafka" * doctest::skip(kWithoutLibrdkafka));

TEST_CASE("kafka log: brokers that cannot be reached are named, within the time-out") {
  LogOptions options = options_for("127.0.0.1:1");
  options.timeout = std::chrono::milliseconds(500);
  const auto start = std::chrono::steady_clock::now();
  const std::string error = opening_error(options);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  CHECK(contains(error, "127.0.0.1:1"));
  CHECK(contains(error, "refused"));
}

TEST_CASE("kafka log: options that make no sense are refused") {
  LogOptions options = options_for("127.0.0.1:1");
  options.kafka.min_insync_replicas = 4;
  CHECK(contains(opening_error(options), "can never be in sync"));
  options = options_for("");
  CHECK(contains(opening_error(options), "brokers"));
  options = options_for("127.0.0.1:1");
  options.kafka.topic = "";
  CHECK(contains(opening_error(options), "topic"));
  options = options_for("127.0.0.1:1");
  options.kafka.properties["acks"] = "1";
  CHECK(contains(opening_error(options), "acks"));
}

TEST_CASE("kafka log: topics that are not fit are refused, with the reason") {
  const char* brokers = std::getenv("HOLDFAST_TEST_KAFKA");
  if (brokers == nullptr) {
    MESSAGE("left out: HOLDFAST_TEST_KAFKA is not set");
    return;
  }
  LogOptions options = options_for(brokers);
  CHECK(contains(opening_error(options), "does not exist"));

  SUBCASE("a topic that we created, then one setting after the other") {
    options.kafka.create_topic = true;
    CHECK(opening_error(options) == "");
    const std::pair<const char*, const char*> unsafe[] = {{"cleanup.policy", "compact"},
                                                          {"retention.ms", "1000000"},
                                                          {"retention.bytes", "1000000"},
                                                          {"unclean.leader.election.enable", "true"},
                                                          {"min.insync.replicas", "1"}};
    for (const auto& [name, value] : unsafe) {
      CAPTURE(name);
      alter_topic(options, name, value);
      // The change takes a moment to reach all brokers.
      const auto until = std::chrono::steady_clock::now() + kPatience;
      std::string error;
      while (!contains(error, std::string(name) + " is " + value) && std::chrono::steady_clock::now() < until) {
        error = opening_error(options);
      }
      CAPTURE(error);
      CHECK(contains(error, std::string(name) + " is " + value));
      CHECK(contains(error, options.kafka.topic));
      CHECK(contains(error, "--add-config"));
      // What such a topic holds can still be saved.
      LogOptions read_only = options;
      read_only.read_only = true;
      CHECK(opening_error(read_only) == "");
    }
  }
  SUBCASE("fewer replicas than asked for") {
    options.kafka.create_topic = true;
    options.kafka.replication_factor = 1;
    options.kafka.min_insync_replicas = 1;
    CHECK(opening_error(options) == "");  // fit for whoever asks for no more
    options.kafka.replication_factor = 3;
    const std::string error = opening_error(options);
    CHECK(contains(error, "has 1 replicas"));
    CHECK(contains(error, options.kafka.topic));
  }
  SUBCASE("a partition that is not there") {
    options.kafka.create_topic = true;
    CHECK(opening_error(options) == "");
    options.kafka.partition = 3;
    CHECK(contains(opening_error(options), "has no partition 3"));
  }
}

TEST_CASE("kafka log: a partition other than the first, and a reader beside the writer") {
  const char* brokers = std::getenv("HOLDFAST_TEST_KAFKA");
  if (brokers == nullptr) {
    MESSAGE("left out: HOLDFAST_TEST_KAFKA is not set");
    return;
  }
  LogOptions options = options_for(brokers);
  options.kafka.create_topic = true;
  options.kafka.partition = 2;
  Result<std::unique_ptr<Log>> opened = open_log(options);
  REQUIRE_MESSAGE(opened.ok(), (opened.ok() ? "" : opened.error()));
  LogUser log(std::move(*opened));
  CHECK(log.append(1, "h", "v").outcome == Outcome::kCommitted);
  options.read_only = true;
  Result<std::unique_ptr<Log>> other = open_log(options);
  REQUIRE_MESSAGE(other.ok(), (other.ok() ? "" : other.error()));
  LogUser reader(std::move(*other));
  CHECK(read_all(reader).at(0).value == "v");
  CHECK(contains(reader->truncate(1).error(), "read-only"));
  options.kafka.partition = 1;
  opened = open_log(options);
  REQUIRE(opened.ok());
  CHECK(LogUser(std::move(*opened)).end() == 0);
}

TEST_SUITE_END();
