// An instance of librdkafka, owned, with its settings and its log lines in order.
#pragma once

#include <librdkafka/rdkafka.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/result.h"
#include "log/options.h"

namespace holdfast::kafka {

template <auto destroy>
struct DestroyBy {
  template <class T>
  void operator()(T* object) const {
    destroy(object);
  }
};
using Queue = std::unique_ptr<rd_kafka_queue_t, DestroyBy<rd_kafka_queue_destroy>>;
using Topic = std::unique_ptr<rd_kafka_topic_t, DestroyBy<rd_kafka_topic_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, DestroyBy<rd_kafka_event_destroy>>;
using Message = std::unique_ptr<rd_kafka_message_t, DestroyBy<rd_kafka_message_destroy>>;
using Partitions = std::unique_ptr<rd_kafka_topic_partition_list_t, DestroyBy<rd_kafka_topic_partition_list_destroy>>;
using KafkaError = std::unique_ptr<rd_kafka_error_t, DestroyBy<rd_kafka_error_destroy>>;

using Settings = std::map<std::string, std::string>;

// The header of a record that carries the header of an entry.
inline constexpr const char* kHeaderName = "hf";

// The trouble that an instance spoke of last: what goes on below an error that only says "timed out".
class LastProblem {
 public:
  void note(std::string problem);
  std::string text() const;

 private:
  mutable std::mutex mutex_;
  std::string problem_;
};

class Client {
 public:
  struct Setup {
    rd_kafka_type_t type = RD_KAFKA_CONSUMER;
    Settings defaults;  // the properties of the options go before these
    Settings fixed;     // these go before the properties of the options
    int events = 0;     // which kinds the main queue shall carry
  };
  // Does not connect yet.
  static Result<Client> create(const KafkaOptions& options, const Setup& setup);

  rd_kafka_t* get() const { return handle_.get(); }
  Queue main_queue() const { return Queue(rd_kafka_queue_get_main(handle_.get())); }

  // " (what was said last)", or nothing.
  std::string last_problem() const;

 private:
  std::unique_ptr<LastProblem> last_problem_;  // outlives the handle, which writes to it
  std::unique_ptr<rd_kafka_t, DestroyBy<rd_kafka_destroy>> handle_;
};

}  // namespace holdfast::kafka
