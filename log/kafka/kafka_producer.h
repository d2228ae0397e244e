// One producer instance: appends until the first failure, and tells what became of each entry, in order.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "log/kafka/client.h"
#include "log/log.h"
#include "log/options.h"
#include "log/ready_signal.h"

namespace holdfast::kafka {

class KafkaProducer {
 public:
  // `max_batch_bytes` is what the topic takes. `ready` is raised when next() has something to tell.
  static Result<std::unique_ptr<KafkaProducer>> create(const KafkaOptions& options, size_t max_batch_bytes,
                                                       std::shared_ptr<ReadySignal> ready);
  // May block; silence() it, and leave it to a thread that has time.
  ~KafkaProducer();
  KafkaProducer(const KafkaProducer&) = delete;
  KafkaProducer& operator=(const KafkaProducer&) = delete;

  // Waits until the brokers have given this instance the id that an idempotent producer needs: for some seconds after
  // their start they do not.
  Result<Done> wait_for_id(std::chrono::steady_clock::time_point deadline);

  void append(uint64_t token, std::string_view header, std::string_view value);

  // The next delivery in order; none: nothing is known yet.
  std::optional<Delivery> next();

  // Gives up what is under way. After this `ready` is not raised any more. Does not block.
  void silence();

  static size_t max_entry_bytes(size_t max_batch_bytes);

 private:
  struct InFlight {
    uint64_t token = 0;
    bool known = false;
    Delivery::Outcome outcome = Delivery::Outcome::kUnknown;
    Position position = kNoPosition;
    std::string reason;
  };

  KafkaProducer(Client client, const KafkaOptions& options, size_t max_entry_bytes, std::shared_ptr<ReadySignal> ready);
  std::string produce(uint64_t sequence, std::string_view header, std::string_view value);
  void drain(int timeout_ms);
  void on_report(const rd_kafka_message_t& message);
  void on_statistics(std::string_view json);
  void fail(InFlight* entry, Delivery::Outcome outcome, std::string reason);
  bool front_is_known() const { return !in_flight_.empty() && in_flight_.front().known; }

  int32_t partition_;
  size_t max_entry_bytes_;
  std::shared_ptr<ReadySignal> ready_;  // outlives the client, which raises it
  Client client_;
  Queue queue_;
  Topic topic_;  // made at once, so that its leader is known when the first entry comes
  bool has_id_ = false;

  std::deque<InFlight> in_flight_;
  uint64_t first_sequence_ = 0;  // of the front of in_flight_
  std::string failed_;           // not empty: why nothing is sent any more
  bool failure_told_ = false;
};

}  // namespace holdfast::kafka
