#include <doctest/doctest.h>

#include "log/kafka/topic_rules.h"

using namespace holdfast;
using namespace holdfast::kafka;

namespace {

KafkaOptions some_options() {
  KafkaOptions options;
  options.brokers = "a:9092";
  options.topic = "orders";
  return options;
}

TopicSettings good_settings() {
  TopicSettings settings;
  for (const auto& [name, value] : settings_for_new_topic(some_options())) settings[name] = {value, "the topic"};
  return settings;
}

}  // namespace

TEST_CASE("kafka topic: one created by us is fit") { CHECK(unsafe_settings(good_settings(), some_options()).empty()); }

TEST_CASE("kafka topic: each unsafe setting is named, with its value, its source and the way out") {
  const std::pair<const char*, const char*> unsafe[] = {
      {"cleanup.policy", "compact"},  {"cleanup.policy", "compact,delete"},       {"retention.ms", "604800000"},
      {"retention.bytes", "1000000"}, {"unclean.leader.election.enable", "true"}, {"min.insync.replicas", "1"},
      {"min.insync.replicas", ""}};
  for (const auto& [name, value] : unsafe) {
    CAPTURE(name);
    TopicSettings settings = good_settings();
    const std::string good = settings[name].value;
    settings[name] = {value, "Kafka's default"};
    const std::vector<std::string> complaints = unsafe_settings(settings, some_options());
    REQUIRE(complaints.size() == 1);
    for (const std::string& part : {std::string(name) + " is " + value, std::string("Kafka's default"),
                                    "--entity-name orders --add-config " + std::string(name) + "=" + good}) {
      CAPTURE(complaints[0]);
      CHECK(complaints[0].find(part) != std::string::npos);
    }
  }
}

TEST_CASE("kafka topic: more replicas in sync than asked for are as good") {
  TopicSettings settings = good_settings();
  settings["min.insync.replicas"].value = "3";
  CHECK(unsafe_settings(settings, some_options()).empty());
}

TEST_CASE("kafka topic: a setting that is not told is no good setting") {
  CHECK(unsafe_settings({}, some_options()).size() == 5);
}
