// What a user writes: the configuration file, the command line and the environment, addresses, urls, sizes. What is
// taken means the same when it is written and read again.
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/byte_size.h"
#include "config/command_line.h"
#include "config/kafka_properties.h"
#include "config/settings_sources.h"
#include "core/check.h"
#include "core/command/blocking_call.h"
#include "core/shard/live_settings.h"
#include "tests/fuzz/fuzz.h"

namespace holdfast::fuzz {

namespace {

void check_applied(const std::vector<GivenSetting>& given) {
  Settings settings;
  if (Result<Done> applied = apply_settings(given, &settings); !applied.ok()) {
    HOLDFAST_CHECK(!applied.error().empty());
    return;
  }
  static_cast<void>(check_settings(settings).ok());
  for (const Setting& setting : settings_table()) {
    if (setting.kind == Setting::Kind::kProperties) continue;
    Settings again;
    const std::string text = setting.get(settings);
    HOLDFAST_CHECK(setting.set(&again, text).ok() && setting.get(again) == text);
  }
}

void fuzz_settings_file(std::string_view bytes) {
  static const int kFile = memfd_create("settings", 0);
  HOLDFAST_CHECK(kFile >= 0 && ftruncate(kFile, 0) == 0);
  HOLDFAST_CHECK(pwrite(kFile, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  const auto given = read_settings_file("/proc/self/fd/" + std::to_string(kFile));
  if (given.ok()) {
    check_applied(*given);
  } else {
    HOLDFAST_CHECK(!given.error().empty());
  }
}

// Lines: arguments; those that begin with "HOLDFAST_" stand for the environment.
void fuzz_command_line(std::string_view bytes) {
  std::vector<std::string> arguments = {"holdfast"};
  Environment environment;
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::string line(bytes.substr(0, std::min(bytes.substr(0, end).find('\0'), end)));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    // They would be read, and might be anything.
    if (line.find("/dev") != std::string::npos || line.find("/proc") != std::string::npos) return;
    const size_t equals = line.find('=');
    if (line.starts_with("HOLDFAST_") && equals != std::string::npos) {
      environment[line.substr(0, equals)] = line.substr(equals + 1);
    } else {
      arguments.push_back(line);
    }
  }
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  const auto parsed = parse_command_line(static_cast<int>(argv.size()), argv.data(), environment);
  HOLDFAST_CHECK(parsed.ok() || (!parsed.error().empty() && parsed.error().find('\n') == std::string::npos));
  static_cast<void>(read_settings_environment(environment).ok());
}

template <class Value>
void check_written(const Result<Value>& value, Result<Value> (*parse)(std::string_view)) {
  if (!value.ok()) {
    HOLDFAST_CHECK(!value.error().empty());
    return;
  }
  const Result<Value> again = parse(to_string(*value));
  HOLDFAST_CHECK(again.ok() && *again == *value);
}

void fuzz_values(std::string_view bytes) {
  check_written<Address>(parse_tcp_address(bytes, 0), [](std::string_view text) { return parse_tcp_address(text, 0); });
  check_written<Address>(parse_redis_address(bytes), parse_redis_address);
  check_written<LogUrl>(parse_log_url(bytes), parse_log_url);
  KafkaProperties properties;
  static_cast<void>(add_kafka_property(&properties, bytes).ok());
  if (const auto size = parse_byte_size(bytes)) HOLDFAST_CHECK(parse_byte_size(format_byte_size(*size)) == size);
  if (const auto memory = parse_memory(bytes)) human_memory(*memory);
  static_cast<void>(parse_timeout_seconds(bytes));
}

const Registration kSettingsFile("settings-file", fuzz_settings_file), kCommandLine("command-line", fuzz_command_line),
    kValues("values", fuzz_values);

}  // namespace

}  // namespace holdfast::fuzz
