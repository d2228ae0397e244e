#include "config/kafka_properties.h"

#include <array>

namespace holdfast {
namespace {

struct Owned {
  std::string_view name;
  std::string_view reason;
};

constexpr std::string_view kAcks = "a write counts only when all in-sync replicas have it";
constexpr std::string_view kIdempotence = "Holdfast relies on the order of what it sends, whatever is sent again";
constexpr std::string_view kBrokers = "the brokers stand in log.url";
constexpr std::string_view kTimeout = "it follows from timeouts.write-ms";
constexpr std::string_view kRetries = "timeouts.write-ms alone bounds how long a write is tried";
constexpr std::string_view kReading = "Holdfast keeps its positions itself, without a consumer group";
constexpr std::string_view kTransactions = "epochs in the log take the place of transactions";

// What durability and order rest on, and what another setting already says. librdkafka's aliases are listed too.
constexpr std::array<Owned, 22> kOwned = {{{"acks", kAcks},
                                           {"request.required.acks", kAcks},
                                           {"enable.idempotence", kIdempotence},
                                           {"enable.gapless.guarantee", kIdempotence},
                                           {"max.in.flight", kIdempotence},
                                           {"max.in.flight.requests.per.connection", kIdempotence},
                                           {"transactional.id", kTransactions},
                                           {"transaction.timeout.ms", kTransactions},
                                           {"isolation.level", kTransactions},
                                           {"bootstrap.servers", kBrokers},
                                           {"metadata.broker.list", kBrokers},
                                           {"delivery.timeout.ms", kTimeout},
                                           {"message.timeout.ms", kTimeout},
                                           {"retries", kRetries},
                                           {"message.send.max.retries", kRetries},
                                           {"group.id", kReading},
                                           {"group.instance.id", kReading},
                                           {"auto.offset.reset", kReading},
                                           {"enable.auto.commit", kReading},
                                           {"enable.auto.offset.store", kReading},
                                           {"enable.partition.eof", kReading},
                                           {"allow.auto.create.topics", "log.create-topic says it"}}};

}  // namespace

Result<Done> add_kafka_property(KafkaProperties* properties, std::string_view text) {
  size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) return Error{"a property is written NAME=VALUE"};
  std::string name(text.substr(0, equals));
  if (name.find_first_of(" \t\r\n;") != std::string::npos)
    return Error{"the name of a property has no spaces or \";\""};
  for (const Owned& owned : kOwned) {
    if (owned.name == name) return Error{name + " is set by Holdfast itself: " + std::string(owned.reason)};
  }
  (*properties)[name] = text.substr(equals + 1);
  return Done{};
}

}  // namespace holdfast
