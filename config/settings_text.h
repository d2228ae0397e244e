// Texts that follow from the table of settings.
#pragma once

#include <string>

#include "config/settings_table.h"

namespace holdfast {

// --help
std::string help_text();

// config/holdfast.example.toml: every setting, explained, commented out with its default.
std::string example_config();

// docs/settings.md
std::string settings_doc();

// What is set, as TOML. Secrets and the values of Kafka properties are left out.
std::string effective_settings(const Settings& settings);

}  // namespace holdfast
