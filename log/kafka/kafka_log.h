// The log in one partition of a Kafka topic. A record's value is the entry's value, its header "hf" the entry's header.
#pragma once

#include <memory>

#include "core/result.h"
#include "log/log.h"
#include "log/options.h"

namespace holdfast {

// Waits for the brokers until they would take an entry. Refuses a topic whose settings could lose entries.
Result<std::unique_ptr<Log>> open_kafka_log(const LogOptions& options);

}  // namespace holdfast
