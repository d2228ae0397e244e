#include "log/kafka/kafka_producer.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace holdfast::kafka {

namespace {

using Outcome = Delivery::Outcome;
using Clock = std::chrono::steady_clock;

// What a batch of one entry takes beside the entry: 61 bytes of batch, up to 21 of record, the header's name.
constexpr size_t kFraming = 256;

constexpr const char* kMayItWrite = " (is this user allowed to write to the topic?)";

}  // namespace

size_t KafkaProducer::max_entry_bytes(size_t max_batch_bytes) {
  return max_batch_bytes > kFraming ? max_batch_bytes - kFraming : 0;
}

Result<std::unique_ptr<KafkaProducer>> KafkaProducer::create(const KafkaOptions& options, size_t max_batch_bytes,
                                                             std::shared_ptr<ReadySignal> ready) {
  const std::string timeout = std::to_string(options.write_timeout.count());
  Client::Setup setup;
  setup.type = RD_KAFKA_PRODUCER;
  setup.events = RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_STATS;
  setup.defaults = {
      {"linger.ms", "0"},
      {"max.in.flight.requests.per.connection", "5"},
      {"queue.buffering.max.messages", "1000000"},
      {"request.timeout.ms", timeout},
      {"batch.size", std::to_string(std::min<size_t>(max_batch_bytes, 1'000'000))},
  };
  setup.fixed = {
      {"enable.idempotence", "true"},
      {"acks", "all"},
      {"message.timeout.ms", timeout},
      {"message.max.bytes", std::to_string(std::clamp<size_t>(max_batch_bytes, 1000, 1'000'000'000))},
      {"statistics.interval.ms", "200"},  // they tell when there is a producer id
  };
  Result<Client> client = Client::create(options, setup);
  if (!client) return Error{client.error()};
  return std::unique_ptr<KafkaProducer>(
      new KafkaProducer(std::move(*client), options, max_entry_bytes(max_batch_bytes), std::move(ready)));
}

KafkaProducer::KafkaProducer(Client client, const KafkaOptions& options, size_t max_entry_bytes,
                             std::shared_ptr<ReadySignal> ready)
    : partition_(options.partition),
      max_entry_bytes_(max_entry_bytes),
      ready_(std::move(ready)),
      client_(std::move(client)),
      queue_(client_.main_queue()),
      topic_(rd_kafka_topic_new(client_.get(), options.topic.c_str(), nullptr)) {
  const auto raise = [](rd_kafka_t*, void* signal) { static_cast<ReadySignal*>(signal)->raise(); };
  rd_kafka_queue_cb_event_enable(queue_.get(), raise, ready_.get());
}

KafkaProducer::~KafkaProducer() { silence(); }

void KafkaProducer::silence() {
  rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr);
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

Result<Done> KafkaProducer::wait_for_id(Clock::time_point deadline) {
  while (!has_id_) {
    char reason[512];
    if (rd_kafka_fatal_error(client_.get(), reason, sizeof reason) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return Error{"no id for an idempotent producer: " + std::string(reason) + kMayItWrite};
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return Error{"the brokers gave no id for an idempotent producer in time" + client_.last_problem()};
    drain(static_cast<int>(left));
  }
  return Done{};
}

void KafkaProducer::append(uint64_t token, std::string_view header, std::string_view value) {
  in_flight_.emplace_back().token = token;
  InFlight& entry = in_flight_.back();
  if (failed_.empty()) {
    const std::string problem = produce(first_sequence_ + in_flight_.size() - 1, header, value);
    if (problem.empty()) return;
    fail(&entry, Outcome::kNotWritten, problem);
  } else {
    fail(&entry, Outcome::kNotWritten, "behind an entry that failed: " + failed_);
  }
  ready_->raise();
}

// Returns what is wrong, or nothing.
std::string KafkaProducer::produce(uint64_t sequence, std::string_view header, std::string_view value) {
  if (header.size() + value.size() > max_entry_bytes_) {
    return "an entry is larger than " + std::to_string(max_entry_bytes_) + " bytes";
  }
  rd_kafka_vu_t arguments[6];
  arguments[0].vtype = RD_KAFKA_VTYPE_RKT;
  arguments[0].u.rkt = topic_.get();
  arguments[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  arguments[1].u.i32 = partition_;
  arguments[2].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  arguments[2].u.i = RD_KAFKA_MSG_F_COPY;
  // Not null, also when empty: an empty value and an absent one are two things to Kafka.
  arguments[3].vtype = RD_KAFKA_VTYPE_VALUE;
  arguments[3].u.mem.ptr = value.empty() ? const_cast<char*>("") : const_cast<char*>(value.data());
  arguments[3].u.mem.size = value.size();
  arguments[4].vtype = RD_KAFKA_VTYPE_HEADER;
  arguments[4].u.header.name = kHeaderName;
  arguments[4].u.header.val = header.empty() ? "" : header.data();
  arguments[4].u.header.size = static_cast<ssize_t>(header.size());
  arguments[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
  // A number that librdkafka hands back, never followed.
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  arguments[5].u.ptr = reinterpret_cast<void*>(static_cast<uintptr_t>(sequence));
  const KafkaError error(rd_kafka_produceva(client_.get(), arguments, std::size(arguments)));
  return error ? rd_kafka_error_string(error.get()) : std::string();
}

std::optional<Delivery> KafkaProducer::next() {
  if (!front_is_known()) drain(0);
  if (!front_is_known()) return std::nullopt;
  InFlight& front = in_flight_.front();
  Delivery delivery{front.token, front.outcome, front.position, std::move(front.reason)};
  in_flight_.pop_front();
  ++first_sequence_;
  if (delivery.outcome != Outcome::kCommitted) {
    // All that is left is behind it: what has not been sent yet need not be.
    if (!failure_told_) rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
    failure_told_ = true;
  } else if (failure_told_) {
    delivery = {delivery.token, Outcome::kUnknown, kNoPosition, "behind an entry that failed: " + failed_};
  }
  return delivery;
}

void KafkaProducer::drain(int timeout_ms) {
  for (Event event(rd_kafka_queue_poll(queue_.get(), timeout_ms)); event;
       event.reset(rd_kafka_queue_poll(queue_.get(), 0))) {
    if (rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_STATS) on_statistics(rd_kafka_event_stats(event.get()));
    while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event.get())) on_report(*message);
  }
}

void KafkaProducer::on_report(const rd_kafka_message_t& message) {
  InFlight& entry = in_flight_[reinterpret_cast<uintptr_t>(message._private) - first_sequence_];
  const rd_kafka_msg_status_t status = rd_kafka_message_status(&message);
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const bool not_written = status == RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
    return fail(&entry, not_written ? Outcome::kNotWritten : Outcome::kUnknown, rd_kafka_err2str(message.err));
  }
  if (message.offset < 0 || status != RD_KAFKA_MSG_STATUS_PERSISTED) {
    return fail(&entry, Outcome::kUnknown, "the broker's answer has no offset");
  }
  entry.known = true;
  entry.outcome = Outcome::kCommitted;
  entry.position = message.offset;
}

void KafkaProducer::fail(InFlight* entry, Outcome outcome, std::string reason) {
  entry->known = true;
  entry->outcome = outcome;
  entry->reason = std::move(reason);
  if (failed_.empty()) failed_ = entry->reason;
}

void KafkaProducer::on_statistics(std::string_view json) {
  // One key of a text that librdkafka writes itself: no need for a parser.
  constexpr std::string_view kKey = "\"idemp_state\"";
  const size_t key = json.find(kKey);
  if (key == std::string_view::npos) return;
  const size_t value = json.find_first_not_of(": ", key + kKey.size());
  has_id_ = has_id_ || (value != std::string_view::npos && json.substr(value).starts_with("\"Assigned\""));
}

}  // namespace holdfast::kafka
