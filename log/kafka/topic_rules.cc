#include "log/kafka/topic_rules.h"

#include <charconv>
#include <optional>

namespace holdfast::kafka {

namespace {

struct Rule {
  const char* name;
  const char* value;
  const char* danger;
};

constexpr Rule kRules[] = {
    {"cleanup.policy", "delete", "entries would vanish from the middle of the log"},
    {"retention.ms", "-1", "entries would be deleted by age, needed or not"},
    {"retention.bytes", "-1", "entries would be deleted by size, needed or not"},
    {"unclean.leader.election.enable", "false", "committed entries could be lost when brokers fail"},
};
constexpr const char* kMinInsyncReplicas = "min.insync.replicas";

std::optional<int> number(const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string way_out(const KafkaOptions& options, const std::string& name, const std::string& value) {
  return "kafka-configs.sh --bootstrap-server " + options.brokers + " --alter --entity-type topics --entity-name " +
         options.topic + " --add-config " + name + "=" + value;
}

std::string complaint(const KafkaOptions& options, const std::string& name, const TopicSetting& found,
                      const std::string& wanted, const std::string& danger, const std::string& value) {
  return name + " is " + found.value + " (set by: " + found.source + ") but must be " + wanted + ": " + danger +
         "; put it right with: " + way_out(options, name, value);
}

}  // namespace

std::map<std::string, std::string> settings_for_new_topic(const KafkaOptions& options) {
  std::map<std::string, std::string> settings;
  for (const Rule& rule : kRules) settings[rule.name] = rule.value;
  settings[kMinInsyncReplicas] = std::to_string(options.min_insync_replicas);
  return settings;
}

std::vector<std::string> unsafe_settings(const TopicSettings& settings, const KafkaOptions& options) {
  std::vector<std::string> complaints;
  const auto find = [&](const std::string& name) -> const TopicSetting* {
    const auto found = settings.find(name);
    if (found != settings.end()) return &found->second;
    complaints.push_back(name + " is not told by the brokers: allow this user to describe the topic's configuration");
    return nullptr;
  };
  for (const Rule& rule : kRules) {
    const TopicSetting* found = find(rule.name);
    if (found == nullptr || found->value == rule.value) continue;
    complaints.push_back(complaint(options, rule.name, *found, rule.value, rule.danger, rule.value));
  }
  if (const TopicSetting* found = find(kMinInsyncReplicas)) {
    const std::string least = std::to_string(options.min_insync_replicas);
    if (number(found->value).value_or(0) < options.min_insync_replicas) {
      complaints.push_back(complaint(options, kMinInsyncReplicas, *found, least + " or more",
                                     "an entry could be committed on fewer brokers than that", least));
    }
  }
  return complaints;
}

}  // namespace holdfast::kafka
