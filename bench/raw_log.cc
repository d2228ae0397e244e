// The Kafka side by itself. `produce`: what librdkafka commits with acks=all, with entries of one size and a number of
// them in flight. `end` and `sizes`: how far a topic goes, and how large its entries are. Each prints one JSON object.
#include <librdkafka/rdkafka.h>

#include <CLI/CLI.hpp>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/clock.h"
#include "bench/histogram.h"

namespace holdfast::bench {
namespace {

constexpr int kTimeoutMs = 30'000;
constexpr const char* kHeaderName = "hf";  // as Holdfast's entries have it

struct Options {
  std::string brokers;
  std::string topic;
  size_t value_bytes = 150;
  size_t header_bytes = 150;
  size_t in_flight = 1;
  double seconds = 2;
  double warmup = 0.3;
  int64_t from = 0, to = 0;
};

struct Failure {
  std::string what;
};

void require(bool fine, const std::string& what) {
  if (!fine) throw Failure{what};
}

// An instance of librdkafka and its topic.
class Client {
 public:
  Client(rd_kafka_type_t type, const Options& options, const std::map<std::string, std::string>& settings,
         void (*on_report)(rd_kafka_t*, const rd_kafka_message_t*, void*) = nullptr, void* opaque = nullptr) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char reason[512];
    const auto set = [&](const std::string& name, const std::string& value) {
      require(rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason, sizeof reason) == RD_KAFKA_CONF_OK, reason);
    };
    set("bootstrap.servers", options.brokers);
    set("socket.nagle.disable", "true");
    for (const auto& [name, value] : settings) set(name, value);
    if (on_report != nullptr) rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_opaque(conf, opaque);
    handle_ = rd_kafka_new(type, conf, reason, sizeof reason);
    require(handle_ != nullptr, reason);
    topic_ = rd_kafka_topic_new(handle_, options.topic.c_str(), nullptr);
  }
  ~Client() {
    rd_kafka_topic_destroy(topic_);
    rd_kafka_destroy(handle_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  rd_kafka_t* get() const { return handle_; }
  rd_kafka_topic_t* topic() const { return topic_; }

 private:
  rd_kafka_t* handle_ = nullptr;
  rd_kafka_topic_t* topic_ = nullptr;
};

class Producer {
 public:
  explicit Producer(const Options& options)
      : options_(options),
        value_(options.value_bytes, 'v'),
        header_(options.header_bytes, 'h'),
        sent_at_(options.in_flight),
        client_(RD_KAFKA_PRODUCER, options,
                {{"acks", "all"},
                 {"enable.idempotence", "true"},
                 {"linger.ms", "0"},
                 {"max.in.flight.requests.per.connection", "5"},
                 {"message.timeout.ms", std::to_string(kTimeoutMs)}},
                on_report, this) {
    // Nothing that could be compressed away, should a broker be set up to do that.
    uint32_t state = 1;
    for (char& byte : value_) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  }

  nlohmann::json run() {
    // The first entry waits for connections and for the producer's id.
    produce(0);
    while (in_flight_ > 0 && error_.empty()) rd_kafka_poll(client_.get(), 100);
    const int64_t begin = now_ns();
    measure_at_ = begin + to_ns(options_.warmup);
    stop_at_ = measure_at_ + to_ns(options_.seconds);
    for (size_t slot = 0; slot < options_.in_flight; ++slot) produce(slot);
    going_on_ = true;
    while (in_flight_ > 0 && error_.empty()) {
      rd_kafka_poll(client_.get(), 100);
      if (measured_from_ == 0 && now_ns() >= measure_at_) {
        say_line(kMeasuring);
        measured_from_ = now_ns();
        measuring_ = true;
      }
      if (going_on_ && now_ns() >= stop_at_) {
        going_on_ = measuring_ = false;
        measured_to_ = now_ns();
        say_line(kMeasured);
      }
    }
    require(error_.empty(), error_);
    const double seconds = static_cast<double>(measured_to_ - measured_from_) / 1e9;
    nlohmann::json report = times_.to_json();
    report["seconds"] = seconds;
    report["per_second"] = static_cast<double>(times_.count()) / seconds;
    report["bytes_per_second"] =
        report["per_second"].get<double>() * static_cast<double>(value_.size() + header_.size());
    return report;
  }

 private:
  static void on_report(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto* self = static_cast<Producer*>(opaque);
    --self->in_flight_;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      self->error_ = rd_kafka_err2str(message->err);
      return;
    }
    const auto slot = reinterpret_cast<uintptr_t>(message->_private);
    if (self->measuring_) self->times_.add(now_ns() - self->sent_at_[slot]);
    if (self->going_on_) self->produce(slot);
  }

  void produce(size_t slot) {
    rd_kafka_vu_t arguments[6];
    arguments[0].vtype = RD_KAFKA_VTYPE_RKT;
    arguments[0].u.rkt = client_.topic();
    arguments[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    arguments[1].u.i32 = 0;
    arguments[2].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    arguments[2].u.i = RD_KAFKA_MSG_F_COPY;
    arguments[3].vtype = RD_KAFKA_VTYPE_VALUE;
    arguments[3].u.mem.ptr = value_.data();
    arguments[3].u.mem.size = value_.size();
    arguments[4].vtype = RD_KAFKA_VTYPE_HEADER;
    arguments[4].u.header.name = kHeaderName;
    arguments[4].u.header.val = header_.data();
    arguments[4].u.header.size = static_cast<ssize_t>(header_.size());
    arguments[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
    arguments[5].u.ptr = reinterpret_cast<void*>(slot);
    sent_at_[slot] = now_ns();
    rd_kafka_error_t* failed = rd_kafka_produceva(client_.get(), arguments, std::size(arguments));
    if (failed != nullptr) {
      error_ = rd_kafka_error_string(failed);
      rd_kafka_error_destroy(failed);
      return;
    }
    ++in_flight_;
  }

  Options options_;
  std::string value_, header_;
  std::vector<int64_t> sent_at_;
  size_t in_flight_ = 0;
  bool going_on_ = false;
  bool measuring_ = false;
  int64_t measure_at_ = 0, stop_at_ = 0;
  int64_t measured_from_ = 0, measured_to_ = 0;
  Histogram times_;
  std::string error_;
  Client client_;
};

int64_t end_of(const Client& client, const Options& options) {
  int64_t low = 0, high = 0;
  const auto failed = rd_kafka_query_watermark_offsets(client.get(), options.topic.c_str(), 0, &low, &high, kTimeoutMs);
  require(failed == RD_KAFKA_RESP_ERR_NO_ERROR, rd_kafka_err2str(failed));
  return high;
}

// The mean sizes of a range of entries.
nlohmann::json sizes(const Client& client, const Options& options) {
  require(rd_kafka_consume_start(client.topic(), 0, options.from) == 0, "cannot read the topic");
  int64_t entries = 0;
  double value_bytes = 0, header_bytes = 0;
  for (; options.from + entries < options.to; ++entries) {
    rd_kafka_message_t* message = rd_kafka_consume(client.topic(), 0, kTimeoutMs);
    require(message != nullptr && message->err == RD_KAFKA_RESP_ERR_NO_ERROR, "cannot read the topic");
    value_bytes += static_cast<double>(message->len);
    rd_kafka_headers_t* headers = nullptr;
    const void* header = nullptr;
    size_t size = 0;
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        rd_kafka_header_get_last(headers, kHeaderName, &header, &size) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      header_bytes += static_cast<double>(size);
    }
    rd_kafka_message_destroy(message);
  }
  rd_kafka_consume_stop(client.topic(), 0);
  require(entries > 0, "no entries there");
  const auto mean = [&](double bytes) { return bytes / static_cast<double>(entries); };
  return {{"entries", entries}, {"value_bytes", mean(value_bytes)}, {"header_bytes", mean(header_bytes)}};
}

int run_main(int argc, char** argv) {
  Options options;
  CLI::App app("What Kafka does by itself; prints JSON.");
  app.option_defaults()->always_capture_default();
  app.require_subcommand(1);
  app.add_option("--brokers", options.brokers, "HOST:PORT,...")->required();
  app.add_option("--topic", options.topic, "of one partition")->required();
  CLI::App* produce = app.add_subcommand("produce", "commits entries for a time");
  produce->add_option("--value-bytes", options.value_bytes, "size of a value");
  produce->add_option("--header-bytes", options.header_bytes, "size of a header");
  produce->add_option("--in-flight", options.in_flight, "entries under way at a time")->check(CLI::PositiveNumber);
  produce->add_option("--seconds", options.seconds, "how long to measure");
  produce->add_option("--warmup", options.warmup, "seconds before that");
  CLI::App* end = app.add_subcommand("end", "the position behind the last entry");
  CLI::App* size = app.add_subcommand("sizes", "mean sizes of entries");
  size->add_option("--from", options.from, "position of the first")->required();
  size->add_option("--to", options.to, "position behind the last")->required();
  CLI11_PARSE(app, argc, argv);

  try {
    nlohmann::json report;
    if (*produce) {
      report = Producer(options).run();
    } else {
      const Client client(RD_KAFKA_CONSUMER, options, {});
      report = *end ? nlohmann::json{{"end", end_of(client, options)}} : sizes(client, options);
    }
    say_line(report.dump().c_str());
  } catch (const Failure& failure) {
    std::fprintf(stderr, "bench-raw-log: %s\n", failure.what.c_str());
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) { return holdfast::bench::run_main(argc, argv); }
