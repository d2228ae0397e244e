// What Holdfast was started with: the command line, the environment and the configuration file put together. A flag
// counts more than the environment, that more than the file, that more than the default.
#pragma once

#include <optional>
#include <string>

#include "config/settings_sources.h"

namespace holdfast {

struct ParsedCommandLine {
  Settings settings;
  // Given: print it to standard output and end with success (--help, --version, --check-config, ...) instead of
  // serving.
  std::optional<std::string> print;
};

// Covers --config, --check-config, --help and --version besides the settings. The settings are complete and checked,
// the password file read. An error is one line for people.
Result<ParsedCommandLine> parse_command_line(int argc, const char* const* argv, const Environment& environment);

// The environment of this process.
Environment process_environment();

}  // namespace holdfast
