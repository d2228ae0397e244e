// What becomes of entries when brokers fail, against the brokers that librdkafka brings for tests.
#include <doctest/doctest.h>
#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h>  // needs the one above first

#include "log/kafka/kafka_producer.h"
#include "log_harness.h"

using namespace holdfast;
using namespace holdfast::kafka;
using namespace holdfast::testing;

namespace {

constexpr int16_t kProduce = 0;
constexpr int16_t kInitProducerId = 22;
constexpr size_t kMaxBatchBytes = 1 << 20;

class Brokers {
 public:
  Brokers() {
    rd_kafka_conf_t* configuration = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(configuration, nullptr);
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, nullptr, 0);
    REQUIRE(handle_ != nullptr);
    cluster_ = rd_kafka_mock_cluster_new(handle_, 1);
    REQUIRE(rd_kafka_mock_topic_create(cluster_, "orders", 1, 1) == RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  ~Brokers() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }
  Brokers(const Brokers&) = delete;
  Brokers& operator=(const Brokers&) = delete;

  rd_kafka_mock_cluster_t* operator*() const { return cluster_; }

  // The next `count` requests of this kind are answered with this error.
  void fail(int16_t request, rd_kafka_resp_err_t error, size_t count) {
    const std::vector<rd_kafka_resp_err_t> errors(count, error);
    rd_kafka_mock_push_request_errors_array(cluster_, request, errors.size(), errors.data());
  }

  KafkaOptions options(std::chrono::milliseconds write_timeout = std::chrono::seconds(10)) const {
    KafkaOptions options;
    options.brokers = rd_kafka_mock_cluster_bootstraps(cluster_);
    options.topic = "orders";
    options.write_timeout = write_timeout;
    return options;
  }

 private:
  rd_kafka_t* handle_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

class User {
 public:
  explicit User(const KafkaOptions& options) {
    ready_->set([this] { alarm_.ring(); });
    auto producer = KafkaProducer::create(options, kMaxBatchBytes, ready_);
    REQUIRE_MESSAGE(producer.ok(), (producer.ok() ? "" : producer.error()));
    producer_ = std::move(*producer);
  }

  KafkaProducer* operator->() { return producer_.get(); }

  Result<Done> wait_for_id(std::chrono::milliseconds time = kPatience) {
    return producer_->wait_for_id(std::chrono::steady_clock::now() + time);
  }

  Delivery next() {
    std::optional<Delivery> delivery = producer_->next();
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!delivery && std::chrono::steady_clock::now() < until) {
      REQUIRE(alarm_.wait());
      delivery = producer_->next();
    }
    REQUIRE(delivery.has_value());
    return *delivery;
  }

 private:
  Alarm alarm_;
  std::shared_ptr<ReadySignal> ready_ = std::make_shared<ReadySignal>();
  std::unique_ptr<KafkaProducer> producer_;
};

}  // namespace

TEST_SUITE_BEGIN("librdkafka" * doctest::skip(kWithoutLibrdkafka));

TEST_CASE("kafka producer: entries are committed side by side") {
  Brokers brokers;
  User user(brokers.options());
  REQUIRE(user.wait_for_id().ok());
  for (uint64_t token = 1; token <= 20; ++token) user->append(token, "h", "v");
  for (uint64_t token = 1; token <= 20; ++token) {
    const Delivery delivery = user.next();
    CHECK(delivery.token == token);
    CHECK(delivery.outcome == Outcome::kCommitted);
    CHECK(delivery.position == static_cast<Position>(token - 1));
  }
}

TEST_CASE("kafka producer: it waits for brokers that have just started") {
  Brokers brokers;
  SUBCASE("they come in time") {
    brokers.fail(kInitProducerId, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 2);
    User user(brokers.options());
    CHECK(user.wait_for_id().ok());
  }
  SUBCASE("they do not") {
    brokers.fail(kInitProducerId, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 100);
    User user(brokers.options());
    const Result<Done> waited = user.wait_for_id(std::chrono::seconds(1));
    REQUIRE(!waited.ok());
    CHECK(waited.error().find("oordinator load in progress") != std::string::npos);
  }
}

TEST_CASE("kafka producer: an entry that the broker refuses is not written, and nothing behind it is") {
  Brokers brokers;
  User user(brokers.options());
  REQUIRE(user.wait_for_id().ok());
  user->append(1, "h", "v");
  CHECK(user.next().outcome == Outcome::kCommitted);
  brokers.fail(kProduce, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1);
  user->append(2, "h", "v");
  const Delivery refused = user.next();
  CHECK(refused.token == 2);
  CHECK(refused.outcome == Outcome::kNotWritten);
  CHECK(refused.reason.find("uthorization") != std::string::npos);
  user->append(3, "h", "v");
  const Delivery behind = user.next();
  CHECK(behind.token == 3);
  CHECK(behind.outcome == Outcome::kNotWritten);
  CHECK(behind.reason.find("uthorization") != std::string::npos);
}

TEST_CASE("kafka producer: an entry that was sent and never answered is unknown, what follows is not committed") {
  Brokers brokers;
  User user(brokers.options(std::chrono::milliseconds(500)));
  REQUIRE(user.wait_for_id().ok());
  user->append(1, "h", "v");
  CHECK(user.next().outcome == Outcome::kCommitted);
  rd_kafka_mock_broker_set_rtt(*brokers, 1, 60'000);
  for (uint64_t token = 2; token <= 9; ++token) user->append(token, "h", "v");
  const Delivery first = user.next();
  CHECK(first.token == 2);
  CHECK(first.outcome == Outcome::kUnknown);
  CHECK(first.reason != "");
  for (uint64_t token = 3; token <= 9; ++token) {
    const Delivery delivery = user.next();
    CHECK(delivery.token == token);
    CHECK(delivery.outcome != Outcome::kCommitted);
    CHECK(delivery.reason != "");
  }
}

TEST_CASE("kafka producer: an entry that could never be sent is not written") {
  Brokers brokers;
  User user(brokers.options(std::chrono::milliseconds(300)));
  REQUIRE(user.wait_for_id().ok());
  user->append(1, "h", "v");
  CHECK(user.next().outcome == Outcome::kCommitted);
  rd_kafka_mock_broker_set_down(*brokers, 1);
  // One may have been on its way when the connection broke; from then on nothing can be sent.
  user->append(2, "h", "v");
  CHECK(user.next().outcome != Outcome::kCommitted);
  user->append(3, "h", "v");
  CHECK(user.next().outcome == Outcome::kNotWritten);
}

TEST_CASE("kafka producer: an answer without an offset is unknown") {
  Brokers brokers;
  User user(brokers.options());
  REQUIRE(user.wait_for_id().ok());
  brokers.fail(kProduce, RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER, 1);
  user->append(1, "h", "v");
  CHECK(user.next().outcome == Outcome::kUnknown);
}

TEST_CASE("kafka producer: what the broker took behind one that is unknown is not told as committed") {
  Brokers brokers;
  KafkaOptions options = brokers.options();
  options.properties["batch.num.messages"] = "1";
  User user(options);
  REQUIRE(user.wait_for_id().ok());
  brokers.fail(kProduce, RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER, 1);
  user->append(1, "h", "v");
  user->append(2, "h", "v");
  CHECK(user.next().outcome == Outcome::kUnknown);
  const Delivery behind = user.next();
  CHECK(behind.token == 2);
  CHECK(behind.outcome != Outcome::kCommitted);
  CHECK(behind.position == kNoPosition);
}

TEST_CASE("kafka producer: what safety rests on cannot be set as a property, other things can") {
  Brokers brokers;
  KafkaOptions options = brokers.options();
  const auto error = [&](const char* name, const char* value) {
    options.properties = {{name, value}};
    auto producer = KafkaProducer::create(options, kMaxBatchBytes, std::make_shared<ReadySignal>());
    return producer.ok() ? std::string() : producer.error();
  };
  CHECK(error("acks", "1").find("acks") != std::string::npos);
  CHECK(error("enable.idempotence", "false") != "");
  CHECK(error("message.timeout.ms", "0") != "");
  CHECK(error("no.such.property", "1").find("no.such.property") != std::string::npos);
  CHECK(error("max.in.flight.requests.per.connection", "6") != "");  // librdkafka itself refuses this one
  CHECK(error("compression.type", "lz4") == "");
  CHECK(error("fetch.wait.max.ms", "50") == "");  // for consumers only
}

TEST_SUITE_END();
