// Properties of librdkafka that a user passes through to it ([kafka], --kafka-property).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/result.h"

namespace holdfast {

using KafkaProperties = std::map<std::string, std::string>;

// Adds "NAME=VALUE". Refuses those that Holdfast sets itself, with the reason. No message repeats a value: it may be
// a password.
Result<Done> add_kafka_property(KafkaProperties* properties, std::string_view text);

}  // namespace holdfast
