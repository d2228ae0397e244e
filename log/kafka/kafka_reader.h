// Reads a partition with a consumer of its own, outside any consumer group.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "log/kafka/client.h"
#include "log/kafka/disposal.h"
#include "log/log.h"
#include "log/options.h"

namespace holdfast::kafka {

class KafkaReader : public LogReader {
 public:
  static Result<std::unique_ptr<LogReader>> open(const KafkaOptions& options, size_t max_batch_bytes, Position from,
                                                 std::shared_ptr<Disposal> disposal);
  ~KafkaReader() override;
  KafkaReader(const KafkaReader&) = delete;
  KafkaReader& operator=(const KafkaReader&) = delete;

  Result<size_t> poll(std::vector<LogEntry>* out, size_t max_bytes) override;
  bool out_of_range() const override { return out_of_range_; }

 private:
  // What is left to the disposal: stopping a consumer takes its time.
  struct Consumer {
    explicit Consumer(Client with) : client(std::move(with)) {}
    ~Consumer();

    Client client;
    Queue queue;
    Topic topic;
    int32_t partition = 0;
    bool started = false;
    std::deque<Message> fetched;  // taken from librdkafka, not given out yet
  };

  KafkaReader(std::unique_ptr<Consumer> consumer, std::string name, Position from, std::shared_ptr<Disposal> disposal)
      : name_(std::move(name)), next_(from), consumer_(std::move(consumer)), disposal_(std::move(disposal)) {}
  bool fetch();
  Result<Done> judge(const rd_kafka_message_t& message);

  std::string name_;
  Position next_;
  bool out_of_range_ = false;
  std::unique_ptr<Consumer> consumer_;
  std::shared_ptr<Disposal> disposal_;
};

}  // namespace holdfast::kafka
