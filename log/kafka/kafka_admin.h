// What is asked of the brokers about a log's topic, and done to it. The calls block until a deadline.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "core/result.h"
#include "log/kafka/client.h"
#include "log/kafka/topic_rules.h"
#include "log/log.h"
#include "log/options.h"

namespace holdfast::kafka {

class KafkaAdmin {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  KafkaAdmin(Client client, KafkaOptions options) : client_(std::move(client)), options_(std::move(options)) {}

  // Waits for brokers and topic, creates the topic where that is wished, and refuses one that is not fit. `read_only`:
  // creates nothing, and only warns of what is not fit, since what is in the log may be worth saving.
  // Gives the size of the largest batch that the topic takes.
  Result<size_t> attach(bool read_only, Deadline deadline);

  struct Range {
    Position begin = 0;
    Position end = 0;
  };
  Result<Range> range(Deadline deadline);

  Result<Done> delete_records(Position before, Deadline deadline);

 private:
  Result<Done> find_partition(bool read_only, Deadline deadline);
  Result<int> replicas(Deadline deadline);
  Result<Done> create_topic(Deadline deadline);
  Result<TopicSettings> topic_settings(Deadline deadline);
  std::string at_brokers() const { return "kafka at " + options_.brokers; }
  std::string of_topic() const { return "kafka topic " + options_.topic + " at " + options_.brokers; }

  Client client_;
  KafkaOptions options_;
};

}  // namespace holdfast::kafka
