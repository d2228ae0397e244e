#include "log/kafka/kafka_reader.h"

#include <algorithm>
#include <array>
#include <utility>

namespace holdfast::kafka {

namespace {

constexpr size_t kFetchedAtOnce = 256;
constexpr size_t kFetchBytes = 8 << 20;
// One answer carries one partition, with room for what frames it.
constexpr size_t kAnswerRoom = 1 << 20;

// librdkafka tells of these and goes on trying by itself.
bool passes(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION: return true;
    default: return false;
  }
}

LogEntry entry_of(const rd_kafka_message_t& message) {
  LogEntry entry;
  entry.position = message.offset;
  if (message.payload != nullptr) entry.value.assign(static_cast<const char*>(message.payload), message.len);
  rd_kafka_headers_t* headers = nullptr;
  const void* header = nullptr;
  size_t size = 0;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
      rd_kafka_header_get_last(headers, kHeaderName, &header, &size) == RD_KAFKA_RESP_ERR_NO_ERROR &&
      header != nullptr) {
    entry.header.assign(static_cast<const char*>(header), size);
  }
  return entry;
}

}  // namespace

KafkaReader::Consumer::~Consumer() {
  fetched.clear();
  if (started) rd_kafka_consume_stop(topic.get(), partition);
}

Result<std::unique_ptr<LogReader>> KafkaReader::open(const KafkaOptions& options, size_t max_batch_bytes, Position from,
                                                     std::shared_ptr<Disposal> disposal) {
  // Negative offsets have meanings of their own in Kafka.
  if (from < 0) return Error{"kafka topic " + options.topic + ": position " + std::to_string(from) + " cannot be"};
  const size_t fetch_bytes = std::min<size_t>(std::max(kFetchBytes, max_batch_bytes), 1'000'000'000);
  Client::Setup setup;
  setup.type = RD_KAFKA_CONSUMER;
  setup.defaults = {
      {"fetch.message.max.bytes", std::to_string(fetch_bytes)},
      {"fetch.max.bytes", std::to_string(fetch_bytes)},
      {"receive.message.max.bytes", std::to_string(fetch_bytes + kAnswerRoom)},
      {"fetch.error.backoff.ms", "100"},
      {"check.crcs", "true"},
  };
  setup.fixed = {
      {"auto.offset.reset", "error"},
      {"isolation.level", "read_uncommitted"},
      {"message.max.bytes", std::to_string(std::clamp<size_t>(max_batch_bytes, 1000, fetch_bytes))},
  };
  Result<Client> client = Client::create(options, setup);
  if (!client) return Error{client.error()};
  const std::string name = "kafka topic " + options.topic + " at " + options.brokers;
  auto consumer = std::make_unique<Consumer>(std::move(*client));
  consumer->partition = options.partition;
  consumer->queue.reset(rd_kafka_queue_new(consumer->client.get()));
  consumer->topic.reset(rd_kafka_topic_new(consumer->client.get(), options.topic.c_str(), nullptr));
  if (!consumer->topic ||
      rd_kafka_consume_start_queue(consumer->topic.get(), options.partition, from, consumer->queue.get()) != 0) {
    return Error{name + ": " + rd_kafka_err2str(rd_kafka_last_error())};
  }
  consumer->started = true;
  return std::unique_ptr<LogReader>(new KafkaReader(std::move(consumer), name, from, std::move(disposal)));
}

KafkaReader::~KafkaReader() { disposal_->take(std::move(consumer_)); }

Result<size_t> KafkaReader::poll(std::vector<LogEntry>* out, size_t max_bytes) {
  size_t count = 0;
  size_t bytes = 0;
  while (!consumer_->fetched.empty() || fetch()) {
    const Message message = std::move(consumer_->fetched.front());
    consumer_->fetched.pop_front();
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (Result<Done> good = judge(*message); !good) return Error{good.error()};
      continue;
    }
    out->push_back(entry_of(*message));
    bytes += out->back().header.size() + out->back().value.size();
    next_ = message->offset + 1;
    ++count;
    if (bytes >= max_bytes) break;
  }
  return count;
}

// Takes over what librdkafka has; false: it has nothing.
bool KafkaReader::fetch() {
  std::array<rd_kafka_message_t*, kFetchedAtOnce> messages;
  const ssize_t count = rd_kafka_consume_batch_queue(consumer_->queue.get(), 0, messages.data(), messages.size());
  for (ssize_t i = 0; i < count; ++i) consumer_->fetched.emplace_back(messages[static_cast<size_t>(i)]);
  return count > 0;
}

Result<Done> KafkaReader::judge(const rd_kafka_message_t& message) {
  if (passes(message.err)) return Done{};
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
    out_of_range_ = true;
    return Error{name_ + ": position " + std::to_string(next_) +
                 " is out of range: it was truncated, or the log ends before it"};
  }
  return Error{name_ + ": cannot read at position " + std::to_string(next_) + ": " + rd_kafka_message_errstr(&message)};
}

}  // namespace holdfast::kafka
