#include "config/command_line.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "config/nearest.h"
#include "config/settings_text.h"
#include "config/version.h"

namespace holdfast {
namespace {

// The command line taken apart, its values not looked at.
struct Flags {
  bool help = false, version = false, check_config = false, print_example_config = false, print_settings_doc = false;
  std::string config;
  std::vector<GivenSetting> given;
};

// Without the value of "--name=value": it may be a secret.
std::string name_of(const std::string& argument) { return argument.substr(0, argument.find('=')); }

Error unknown_flag(const std::string& argument, const CLI::App& app) {
  std::string name = name_of(argument);
  Error error{name + ": no such flag"};
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) known.push_back(option->get_name());
  for (const Setting& setting : settings_table()) {
    std::string spelled = "--" + setting.section + '-' + setting.name;  // what the key of the file leads to expect
    if (spelled != name) continue;
    if (setting.flag.empty()) {
      error.what += "; give it as " + setting.variable + " in the environment, or as " + setting.key() + " in the file";
      return error;
    }
    known = {setting.flag};
    name = setting.flag;
  }
  std::string meant = nearest_name(name, known);
  error.what += meant.empty() ? "; see --help" : "; did you mean " + meant + '?';
  return error;
}

Error unknown_argument(const std::string& argument, const CLI::App& app, int argc, const char* const* argv) {
  if (argument.starts_with('-')) return unknown_flag(argument, app);
  // Told by its place only: it may be a secret that slipped off its flag.
  auto place = std::find(argv + 1, argv + argc, argument) - argv;
  return Error{"argument " + std::to_string(place) + " is neither a flag nor the value of one; see --help"};
}

// A flag followed by another flag would otherwise swallow it.
Result<Done> check_value(const std::string& flag, const std::string& value) {
  if (!value.starts_with("--")) return Done{};
  return Error{flag + ": its value is missing (" + name_of(value) + " follows)"};
}

Result<Flags> read_flags(int argc, const char* const* argv) {
  Flags flags;
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();  // told below, in our own words
  app.add_flag("-h,--help", flags.help);
  app.add_flag("--version", flags.version);
  app.add_flag("--check-config", flags.check_config);
  app.add_flag("--print-example-config", flags.print_example_config);
  app.add_flag("--print-settings-doc", flags.print_settings_doc);
  app.add_option("--config", flags.config);

  std::vector<std::pair<CLI::Option*, const Setting*>> options;
  std::vector<std::vector<std::string>> values(settings_table().size());
  for (size_t i = 0; i < settings_table().size(); ++i) {
    const Setting& setting = settings_table()[i];
    if (setting.flag.empty()) continue;
    CLI::Option* option = app.add_option(setting.flag, values[i]);
    // TakeAll, so that a flag that is given twice is told in our own words.
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(false);
    if (setting.kind == Setting::Kind::kBoolean) {
      option->expected(0, 1)->default_str("true");
    } else {
      option->expected(1);
    }
    options.emplace_back(option, &setting);
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Only a missing value can be wrong so far; the message begins with the flag.
    std::string what = error.what();
    return Error{what.substr(0, what.find(':')) + ": its value is missing"};
  }
  if (flags.help) return flags;
  if (auto rest = app.remaining(); !rest.empty()) return unknown_argument(rest.front(), app, argc, argv);

  if (auto done = check_value("--config", flags.config); !done) return Error{done.error()};
  for (const auto& [option, setting] : options) {
    if (option->count() == 0) continue;
    if (option->count() > 1 && setting->kind != Setting::Kind::kProperties) {
      return Error{setting->flag + ": given more than once"};
    }
    for (const std::string& value : option->results()) {
      if (auto done = check_value(setting->flag, value); !done) return Error{done.error()};
      flags.given.push_back({setting, value, setting->flag});
    }
  }
  return flags;
}

Result<Done> read_password_file(RedisSettings* redis) {
  if (redis->password_file.empty()) return Done{};
  if (!redis->password.empty()) {
    return Error{"redis.password and redis.password-file are both given; give one of them"};
  }
  errno = 0;
  std::ifstream file(redis->password_file, std::ios::binary);
  std::getline(file, redis->password);
  if (redis->password.ends_with('\r')) redis->password.pop_back();
  if (redis->password.empty()) {
    return Error{"redis.password-file: no password in " + redis->password_file + ": " +
                 (errno != 0 ? std::strerror(errno) : "its first line is empty")};
  }
  return Done{};
}

Result<std::vector<GivenSetting>> read_file(const std::string& flag, const Environment& environment) {
  std::string path = flag;
  if (auto found = environment.find(kConfigVariable); path.empty() && found != environment.end()) path = found->second;
  if (path.empty()) return std::vector<GivenSetting>();
  return read_settings_file(path);
}

}  // namespace

Result<ParsedCommandLine> parse_command_line(int argc, const char* const* argv, const Environment& environment) {
  auto flags = read_flags(argc, argv);
  if (!flags) return Error{flags.error()};
  ParsedCommandLine parsed;
  if (flags->help)
    parsed.print = help_text();
  else if (flags->version)
    parsed.print = std::string("holdfast ") + kVersion + '\n';
  else if (flags->print_example_config)
    parsed.print = example_config();
  else if (flags->print_settings_doc)
    parsed.print = settings_doc();
  if (parsed.print) return parsed;

  auto from_file = read_file(flags->config, environment);
  if (!from_file) return Error{from_file.error()};
  auto from_environment = read_settings_environment(environment);
  if (!from_environment) return Error{from_environment.error()};
  // The source that counts most comes last.
  for (const auto* given : {&*from_file, &*from_environment, &flags->given}) {
    if (auto done = apply_settings(*given, &parsed.settings); !done) return Error{done.error()};
  }
  if (auto done = read_password_file(&parsed.settings.redis); !done) return Error{done.error()};
  if (auto done = check_settings(parsed.settings); !done) return Error{done.error()};

  if (flags->check_config) parsed.print = "The settings are valid:\n" + effective_settings(parsed.settings);
  return parsed;
}

Environment process_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

}  // namespace holdfast
