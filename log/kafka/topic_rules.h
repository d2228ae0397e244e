// Which settings a topic must have to be fit for a log.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "log/options.h"

namespace holdfast::kafka {

// A setting as it takes effect, and where it comes from ("topic", "broker default", ...).
struct TopicSetting {
  std::string value;
  std::string source;
};
using TopicSettings = std::map<std::string, TopicSetting>;

// What a topic is created with.
std::map<std::string, std::string> settings_for_new_topic(const KafkaOptions& options);

// What is wrong with a topic and how to put it right, a sentence each; empty: it is fit.
std::vector<std::string> unsafe_settings(const TopicSettings& settings, const KafkaOptions& options);

}  // namespace holdfast::kafka
