// Where settings are given: the configuration file, the environment, the command line. Each gives texts, which are
// applied to Settings one after the other, the source that counts most last.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/settings_table.h"

namespace holdfast {

using Environment = std::map<std::string, std::string>;

struct GivenSetting {
  const Setting* setting;
  std::string value;  // as Setting::set takes it
  std::string where;  // begins a message about it: "holdfast.toml:12: redis.address", "--redis"
};

// Reads a TOML file. An error names the file, the line, the key and what is allowed.
Result<std::vector<GivenSetting>> read_settings_file(const std::string& path);

// Takes HOLDFAST_... out of the environment. An empty variable counts as absent. A variable that is no setting is left
// alone (Kubernetes makes such ones for a service called "holdfast"), unless it looks like a misspelled one.
Result<std::vector<GivenSetting>> read_settings_environment(const Environment& environment);

Result<Done> apply_settings(const std::vector<GivenSetting>& given, Settings* settings);

// Names a file with settings, in place of --config.
inline constexpr const char* kConfigVariable = "HOLDFAST_CONFIG";

}  // namespace holdfast
