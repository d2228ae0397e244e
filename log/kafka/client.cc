#include "log/kafka/client.h"

#include <spdlog/spdlog.h>

#include <cstring>
#include <set>
#include <utility>

namespace holdfast::kafka {

namespace {

using Configuration = std::unique_ptr<rd_kafka_conf_t, DestroyBy<rd_kafka_conf_destroy>>;

// What the promises of the log rest on, or what the options say by other names. Not to be set as a property.
const std::set<std::string>& reserved_properties() {
  static const std::set<std::string> reserved = {
      "acks",
      "allow.auto.create.topics",
      "auto.offset.reset",
      "bootstrap.servers",
      "delivery.timeout.ms",
      "enable.gapless.guarantee",
      "enable.idempotence",
      "group.id",
      "isolation.level",
      "log.queue",
      "message.max.bytes",
      "message.timeout.ms",
      "metadata.broker.list",
      "request.required.acks",
      "statistics.interval.ms",
      "transactional.id",
  };
  return reserved;
}

// librdkafka says many things several times over, of connections that it makes anew by itself: details. What matters is
// told by whoever waits for it.
spdlog::level::level_enum level_of(int syslog_level) {
  return syslog_level <= 2 ? spdlog::level::critical : syslog_level <= 6 ? spdlog::level::info : spdlog::level::debug;
}

void on_log(const rd_kafka_t* handle, int level, const char* facility, const char* text) {
  // The properties of the options go to producers and consumers alike; that some are for one of them is no news.
  const bool no_news = std::strcmp(facility, "CONFWARN") == 0;
  spdlog::log(no_news ? spdlog::level::debug : level_of(level), "kafka: {}: {}", facility, text);
  // "ERROR" sums up ("2/2 brokers are down") what other lines gave the reason for: "FAIL", whatever their level.
  const bool sums_up = std::strcmp(facility, "ERROR") == 0;
  const bool reason = std::strcmp(facility, "FAIL") == 0 && level <= 6;
  if ((level > 4 && !reason) || no_news || sums_up || handle == nullptr) return;
  if (auto* last_problem = static_cast<LastProblem*>(rd_kafka_opaque(handle))) last_problem->note(text);
}

Result<Done> set_all(rd_kafka_conf_t* configuration, const Settings& settings) {
  char reason[512];
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(configuration, name.c_str(), value.c_str(), reason, sizeof(reason)) != RD_KAFKA_CONF_OK) {
      return Error{"kafka property " + name + ": " + reason};
    }
  }
  return Done{};
}

// Before this version librdkafka sends its nonce twice when it signs in by SCRAM, which Kafka 4 takes for a wrong
// password.
constexpr int kScramWorksSince = 0x020601ff;

std::string explain(const std::string& problem) {
  const bool scram =
      problem.find("invalid credentials") != std::string::npos && problem.find("SCRAM") != std::string::npos;
  if (!scram || rd_kafka_version() >= kScramWorksSince) return problem;
  return problem + "; is the password right, and are these brokers of Kafka 4? librdkafka " + rd_kafka_version_str() +
         " cannot sign in to those by SCRAM: use 2.6.1 or newer, PLAIN, or client certificates";
}

}  // namespace

void LastProblem::note(std::string problem) {
  const std::lock_guard lock(mutex_);
  problem_ = std::move(problem);
}

std::string LastProblem::text() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

Result<Client> Client::create(const KafkaOptions& options, const Setup& setup) {
  for (const auto& property : options.properties) {
    if (reserved_properties().count(property.first) != 0) {
      return Error{"kafka property " + property.first + " is set by Holdfast itself: leave it out"};
    }
  }
  Client client;
  client.last_problem_ = std::make_unique<LastProblem>();
  Configuration configuration(rd_kafka_conf_new());
  const Settings common = {{"bootstrap.servers", options.brokers}};
  const Settings common_defaults = {
      {"client.id", "holdfast"},
      {"socket.nagle.disable", "true"},
      {"reconnect.backoff.max.ms", "1000"},  // brokers that come back shall be found soon
  };
  for (const Settings* settings : {&common_defaults, &setup.defaults, &options.properties, &common, &setup.fixed}) {
    if (Result<Done> set = set_all(configuration.get(), *settings); !set) return Error{set.error()};
  }
  rd_kafka_conf_set_log_cb(configuration.get(), on_log);
  rd_kafka_conf_set_opaque(configuration.get(), client.last_problem_.get());
  rd_kafka_conf_set_events(configuration.get(), setup.events);

  char reason[512];
  client.handle_.reset(rd_kafka_new(setup.type, configuration.get(), reason, sizeof(reason)));
  if (!client.handle_) return Error{std::string("kafka: ") + reason};
  (void)configuration.release();  // the handle has it now
  return client;
}

std::string Client::last_problem() const {
  const std::string text = last_problem_->text();
  return text.empty() ? text : " (" + explain(text) + ")";
}

}  // namespace holdfast::kafka
