#include "log/kafka/kafka_admin.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <thread>
#include <vector>

namespace holdfast::kafka {

namespace {

using Clock = std::chrono::steady_clock;
using Deadline = KafkaAdmin::Deadline;
using Metadata = std::unique_ptr<const rd_kafka_metadata_t, DestroyBy<rd_kafka_metadata_destroy>>;
using AdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, DestroyBy<rd_kafka_AdminOptions_destroy>>;
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, DestroyBy<rd_kafka_NewTopic_destroy>>;
using ConfigResource = std::unique_ptr<rd_kafka_ConfigResource_t, DestroyBy<rd_kafka_ConfigResource_destroy>>;
using DeleteRecords = std::unique_ptr<rd_kafka_DeleteRecords_t, DestroyBy<rd_kafka_DeleteRecords_destroy>>;

constexpr std::chrono::milliseconds kRetryAfter{100};
constexpr const char* kMaxMessageBytes = "max.message.bytes";

int milliseconds_until(Deadline deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  return static_cast<int>(std::max<int64_t>(1, left.count()));
}

// Sleeps before another try; false: there is no time for one.
bool try_again(Deadline deadline) {
  if (Clock::now() + kRetryAfter >= deadline) return false;
  std::this_thread::sleep_for(kRetryAfter);
  return true;
}

// What a cluster says that starts, or whose leaders change.
bool passes(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:  // not all brokers are there yet
      return true;
    default: return false;
  }
}

std::string reason(rd_kafka_resp_err_t code, const char* text = nullptr) {
  return text != nullptr ? text : rd_kafka_err2str(code);
}

AdminOptions admin_options(rd_kafka_t* handle, rd_kafka_admin_op_t operation, Deadline deadline) {
  AdminOptions options(rd_kafka_AdminOptions_new(handle, operation));
  char text[256];
  const int timeout = milliseconds_until(deadline);
  rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout, text, sizeof(text));
  if (operation != RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS) {
    rd_kafka_AdminOptions_set_operation_timeout(options.get(), timeout, text, sizeof(text));
  }
  return options;
}

// The answer to an admin request that will come to `queue`; a request always ends, at the latest at its time-out.
Event wait_for(rd_kafka_queue_t* queue) { return Event(rd_kafka_queue_poll(queue, -1)); }

std::string source_name(rd_kafka_ConfigSource_t source) {
  switch (source) {
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG: return "the topic";
    case RD_KAFKA_CONFIG_SOURCE_DEFAULT_CONFIG: return "Kafka's default";
    default: return "the brokers' configuration";
  }
}

}  // namespace

Result<size_t> KafkaAdmin::attach(bool read_only, Deadline deadline) {
  if (options_.min_insync_replicas > options_.replication_factor) {
    return Error{of_topic() + ": with " + std::to_string(options_.replication_factor) + " replicas, " +
                 std::to_string(options_.min_insync_replicas) +
                 " can never be in sync: correct one of the two options"};
  }
  if (Result<Done> found = find_partition(read_only, deadline); !found) return Error{found.error()};
  const Result<TopicSettings> settings = topic_settings(deadline);
  if (!settings) return Error{settings.error()};
  for (const std::string& complaint : unsafe_settings(*settings, options_)) {
    if (!read_only) return Error{of_topic() + ": " + complaint};
    spdlog::warn("{}: {}", of_topic(), complaint);
  }
  const auto found = settings->find(kMaxMessageBytes);
  if (found == settings->end()) return Error{of_topic() + ": the brokers do not tell " + kMaxMessageBytes};
  const std::string& text = found->second.value;
  size_t bytes = 0;
  std::from_chars(text.data(), text.data() + text.size(), bytes);
  return bytes;
}

Result<Done> KafkaAdmin::find_partition(bool read_only, Deadline deadline) {
  Result<int> found = replicas(deadline);
  if (found.ok() && *found == 0) {
    if (!options_.create_topic || read_only) {
      return Error{of_topic() + " does not exist: create it with " + std::to_string(options_.replication_factor) +
                   " replicas, or let Holdfast create it"};
    }
    if (Result<Done> created = create_topic(deadline); !created) return created;
    // The broker that is asked may not have heard of the new topic yet.
    while ((found = replicas(deadline)).ok() && *found == 0) {
      if (!try_again(deadline)) return Error{of_topic() + " was created, but is not there in time"};
    }
  }
  if (!found) return Error{found.error()};
  if (*found >= options_.replication_factor) return Done{};
  const std::string complaint = of_topic() + ": partition " + std::to_string(options_.partition) + " has " +
                                std::to_string(*found) + " replicas but must have " +
                                std::to_string(options_.replication_factor) +
                                ": add some with kafka-reassign-partitions.sh, or ask for fewer in the configuration";
  if (!read_only) return Error{complaint};
  spdlog::warn("{}", complaint);
  return Done{};
}

// The number of replicas that the partition has, once it has a leader; 0: there is no such topic.
Result<int> KafkaAdmin::replicas(Deadline deadline) {
  const Topic topic(rd_kafka_topic_new(client_.get(), options_.topic.c_str(), nullptr));
  if (!topic) return Error{of_topic() + ": " + reason(rd_kafka_last_error())};
  std::string problem;
  do {
    const rd_kafka_metadata_t* answer = nullptr;
    const rd_kafka_resp_err_t code =
        rd_kafka_metadata(client_.get(), 0, topic.get(), &answer, milliseconds_until(deadline));
    const Metadata metadata(answer);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      problem = "no answer: " + reason(code);
      if (!passes(code)) break;
      continue;
    }
    if (metadata->topic_cnt != 1) return Error{of_topic() + ": the answer names no topic"};
    const rd_kafka_metadata_topic_t& found = metadata->topics[0];
    if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return 0;
    if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR && !passes(found.err)) {
      return Error{of_topic() + ": " + reason(found.err)};
    }
    const rd_kafka_metadata_partition_t* last = found.partitions + found.partition_cnt;
    const auto* partition = std::find_if<const rd_kafka_metadata_partition_t*>(
        found.partitions, last, [&](const auto& candidate) { return candidate.id == options_.partition; });
    if (partition != last && partition->leader >= 0) return partition->replica_cnt;
    if (partition == last && found.partition_cnt > 0) {
      return Error{of_topic() + " has no partition " + std::to_string(options_.partition) + ", only " +
                   std::to_string(found.partition_cnt) + " of them: add partitions or name another"};
    }
    problem = "partition " + std::to_string(options_.partition) + " of topic " + options_.topic + " has no leader";
  } while (try_again(deadline));
  return Error{at_brokers() + ": " + problem + client_.last_problem()};
}

Result<Done> KafkaAdmin::create_topic(Deadline deadline) {
  char text[512];
  const NewTopic topic(rd_kafka_NewTopic_new(options_.topic.c_str(), options_.partition + 1,
                                             options_.replication_factor, text, sizeof(text)));
  if (!topic) return Error{of_topic() + ": " + text};
  for (const auto& [name, value] : settings_for_new_topic(options_)) {
    rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str());
  }
  const Queue queue(rd_kafka_queue_new(client_.get()));
  std::string problem;
  do {
    rd_kafka_NewTopic_t* topics[] = {topic.get()};
    const AdminOptions request = admin_options(client_.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS, deadline);
    rd_kafka_CreateTopics(client_.get(), topics, 1, request.get(), queue.get());
    const Event event = wait_for(queue.get());
    rd_kafka_resp_err_t code = rd_kafka_event_error(event.get());
    const char* said = rd_kafka_event_error_string(event.get());
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      size_t count = 0;
      const auto** results =
          rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
      if (count != 1) return Error{of_topic() + " cannot be created: the answer names no topic"};
      code = rd_kafka_topic_result_error(results[0]);
      said = rd_kafka_topic_result_error_string(results[0]);
    }
    // Another node may have been quicker.
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return Done{};
    problem = reason(code, said);
    if (!passes(code)) break;
  } while (try_again(deadline));
  return Error{of_topic() + " cannot be created: " + problem};
}

Result<TopicSettings> KafkaAdmin::topic_settings(Deadline deadline) {
  const Queue queue(rd_kafka_queue_new(client_.get()));
  std::string problem;
  do {
    const ConfigResource resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, options_.topic.c_str()));
    rd_kafka_ConfigResource_t* resources[] = {resource.get()};
    const AdminOptions request = admin_options(client_.get(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, deadline);
    rd_kafka_DescribeConfigs(client_.get(), resources, 1, request.get(), queue.get());
    const Event event = wait_for(queue.get());
    rd_kafka_resp_err_t code = rd_kafka_event_error(event.get());
    const char* said = rd_kafka_event_error_string(event.get());
    const rd_kafka_ConfigResource_t* described = nullptr;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      size_t count = 0;
      const auto** results =
          rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
      if (count != 1) return Error{of_topic() + ": its settings are not in the answer"};
      described = results[0];
      code = rd_kafka_ConfigResource_error(described);
      said = rd_kafka_ConfigResource_error_string(described);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      TopicSettings settings;
      size_t count = 0;
      const auto** entries = rd_kafka_ConfigResource_configs(described, &count);
      for (size_t i = 0; i < count; ++i) {
        const char* value = rd_kafka_ConfigEntry_value(entries[i]);
        settings[rd_kafka_ConfigEntry_name(entries[i])] = {value != nullptr ? value : "",
                                                           source_name(rd_kafka_ConfigEntry_source(entries[i]))};
      }
      return settings;
    }
    problem = reason(code, said);
    if (!passes(code)) break;
  } while (try_again(deadline));
  return Error{of_topic() + ": its settings cannot be read: " + problem + client_.last_problem()};
}

Result<KafkaAdmin::Range> KafkaAdmin::range(Deadline deadline) {
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  do {
    Range range;
    code = rd_kafka_query_watermark_offsets(client_.get(), options_.topic.c_str(), options_.partition, &range.begin,
                                            &range.end, milliseconds_until(deadline));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return range;
  } while (passes(code) && try_again(deadline));
  return Error{of_topic() + ": the brokers do not tell where it begins and ends: " + reason(code) +
               client_.last_problem()};
}

Result<Done> KafkaAdmin::delete_records(Position before, Deadline deadline) {
  const Queue queue(rd_kafka_queue_new(client_.get()));
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string problem;
  do {
    const Partitions offsets(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(offsets.get(), options_.topic.c_str(), options_.partition)->offset = before;
    const DeleteRecords request(rd_kafka_DeleteRecords_new(offsets.get()));
    rd_kafka_DeleteRecords_t* requests[] = {request.get()};
    const AdminOptions with = admin_options(client_.get(), RD_KAFKA_ADMIN_OP_DELETERECORDS, deadline);
    rd_kafka_DeleteRecords(client_.get(), requests, 1, with.get(), queue.get());
    const Event event = wait_for(queue.get());
    code = rd_kafka_event_error(event.get());
    problem = reason(code, rd_kafka_event_error_string(event.get()));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const auto* results = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()));
      if (results->cnt != 1) return Error{of_topic() + ": the answer to truncating names no partition"};
      code = results->elems[0].err;
      problem = reason(code);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return Done{};
  } while (passes(code) && try_again(deadline));
  return Error{of_topic() + ": cannot truncate before position " + std::to_string(before) + ": " + problem};
}

}  // namespace holdfast::kafka
