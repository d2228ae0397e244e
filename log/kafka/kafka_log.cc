#include "log/kafka/kafka_log.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "core/check.h"
#include "log/kafka/disposal.h"
#include "log/kafka/kafka_admin.h"
#include "log/kafka/kafka_producer.h"
#include "log/kafka/kafka_reader.h"

namespace holdfast {

namespace {

using Clock = std::chrono::steady_clock;
using kafka::Client;
using kafka::Disposal;
using kafka::KafkaAdmin;
using kafka::KafkaProducer;
using kafka::KafkaReader;

class KafkaLog : public Log {
 public:
  // Without a producer it is read-only.
  KafkaLog(LogOptions options, KafkaAdmin admin, size_t max_batch_bytes, std::shared_ptr<ReadySignal> ready,
           std::unique_ptr<KafkaProducer> producer)
      : options_(std::move(options)),
        max_batch_bytes_(max_batch_bytes),
        admin_(std::move(admin)),
        ready_(std::move(ready)),
        producer_(std::move(producer)) {}

  void append(uint64_t token, std::string header, std::string value) override {
    HOLDFAST_CHECK(!options_.read_only);
    producer_->append(token, header, value);
  }
  void abandon() override;
  void poll(const std::function<void(Delivery)>& deliver) override;
  void set_ready_callback(std::function<void()> ready) override { ready_->set(std::move(ready)); }

  Result<Position> begin() override;
  Result<Position> end() override;
  Result<std::unique_ptr<LogReader>> read_from(Position from) override {
    return KafkaReader::open(options_.kafka, max_batch_bytes_, from, disposal_);
  }
  Result<Done> truncate(Position before) override;

  size_t max_entry_bytes() const override { return KafkaProducer::max_entry_bytes(max_batch_bytes_); }
  std::string describe() const override {
    return "kafka topic " + options_.kafka.topic + " at " + options_.kafka.brokers;
  }

 private:
  Clock::time_point deadline() const { return Clock::now() + options_.timeout; }

  LogOptions options_;
  size_t max_batch_bytes_;
  std::shared_ptr<Disposal> disposal_ = std::make_shared<Disposal>();
  KafkaAdmin admin_;
  std::shared_ptr<ReadySignal> ready_;
  std::unique_ptr<KafkaProducer> producer_;
};

void KafkaLog::abandon() {
  if (options_.read_only) return;
  Result<std::unique_ptr<KafkaProducer>> producer = KafkaProducer::create(options_.kafka, max_batch_bytes_, ready_);
  // The same settings made an instance before: only want of memory or threads can be in the way.
  if (!producer) spdlog::critical("{}: no new producer: {}", describe(), producer.error());
  HOLDFAST_CHECK(producer.ok());
  producer_->silence();
  disposal_->take(std::exchange(producer_, std::move(*producer)));
}

void KafkaLog::poll(const std::function<void(Delivery)>& deliver) {
  if (options_.read_only) return;
  // One by one, and from the instance that is current then: `deliver` may abandon.
  while (std::optional<Delivery> delivery = producer_->next()) deliver(std::move(*delivery));
}

Result<Position> KafkaLog::begin() {
  const Result<KafkaAdmin::Range> range = admin_.range(deadline());
  if (!range) return Error{range.error()};
  return range->begin;
}

Result<Position> KafkaLog::end() {
  const Result<KafkaAdmin::Range> range = admin_.range(deadline());
  if (!range) return Error{range.error()};
  return range->end;
}

Result<Done> KafkaLog::truncate(Position before) {
  if (options_.read_only) return Error{describe() + " is open read-only"};
  if (before < 0) return Error{describe() + ": cannot truncate before position " + std::to_string(before)};
  return admin_.delete_records(before, deadline());
}

}  // namespace

Result<std::unique_ptr<Log>> open_kafka_log(const LogOptions& options) {
  if (options.kafka.brokers.empty()) return Error{"no brokers are given for the Kafka log"};
  if (options.kafka.topic.empty()) return Error{"no topic is given for the Kafka log"};
  const Clock::time_point deadline = Clock::now() + options.timeout;
  // A consumer without a group serves for questions; what matters to it here is that it sees all that is replicated.
  Client::Setup setup;
  setup.fixed = {{"isolation.level", "read_uncommitted"}};
  Result<Client> client = Client::create(options.kafka, setup);
  if (!client) return Error{client.error()};
  KafkaAdmin admin(std::move(*client), options.kafka);
  const Result<size_t> max_batch_bytes = admin.attach(options.read_only, deadline);
  if (!max_batch_bytes) return Error{max_batch_bytes.error()};

  auto ready = std::make_shared<ReadySignal>();
  std::unique_ptr<KafkaProducer> producer;
  if (!options.read_only) {
    Result<std::unique_ptr<KafkaProducer>> created = KafkaProducer::create(options.kafka, *max_batch_bytes, ready);
    if (!created) return Error{created.error()};
    producer = std::move(*created);
    const Result<Done> able = producer->wait_for_id(deadline);
    if (!able) return Error{"kafka at " + options.kafka.brokers + ": " + able.error()};
  }
  return std::unique_ptr<Log>(
      std::make_unique<KafkaLog>(options, std::move(admin), *max_batch_bytes, std::move(ready), std::move(producer)));
}

}  // namespace holdfast
