#include "config/settings_text.h"

#include <sstream>

#include "config/settings_sources.h"
#include "config/version.h"

namespace holdfast {
namespace {

using Kind = Setting::Kind;

constexpr size_t kWidth = 100;
constexpr size_t kHelpColumn = 38;

constexpr const char* kPrecedence =
    "A flag on the command line counts more than an environment variable, that more than the configuration file, that "
    "more than the default.";

constexpr const char* kKafkaExample =
    "#\"security.protocol\" = \"SASL_SSL\"\n"
    "#\"sasl.mechanism\" = \"SCRAM-SHA-512\"\n"
    "#\"sasl.username\" = \"holdfast\"\n"
    "#\"sasl.password\" = \"secret\"\n";

// The words of `text` in lines of at most kWidth characters, each after `prefix`.
std::string wrap(const std::string& text, const std::string& prefix) {
  std::istringstream words(text);
  std::string result, line, word;
  while (words >> word) {
    if (!line.empty() && prefix.size() + line.size() + 1 + word.size() > kWidth) {
      result += prefix + line + '\n';
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return line.empty() ? result : result + prefix + line + '\n';
}

std::string toml_string(const std::string& text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      constexpr char kHex[] = "0123456789ABCDEF";
      quoted += std::string("\\u00") + kHex[c >> 4] + kHex[c & 15];
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string toml_value(const Setting& setting, const Settings& settings) {
  std::string value = setting.get(settings);
  bool bare = setting.kind == Kind::kNumber || setting.kind == Kind::kBoolean ||
              (setting.kind == Kind::kBytes && value.find_first_not_of("0123456789") == std::string::npos);
  return bare ? value : toml_string(value);
}

std::string explanation(const Setting& setting) {
  return setting.summary + (setting.details.empty() ? "" : ' ' + setting.details);
}

std::string flag_with_placeholder(const Setting& setting) {
  if (setting.kind == Kind::kBoolean) return setting.flag + "[=true|false]";
  return setting.flag + (setting.placeholder.empty() ? "" : ' ' + setting.placeholder);
}

std::string help_line(const std::string& option, const std::string& text) {
  std::string wrapped = wrap(text, std::string(kHelpColumn, ' '));
  return wrapped.replace(0, option.size() + 2, "  " + option);
}

// For --help: " [...]", where there is a default worth saying.
std::string help_default(const Setting& setting) {
  std::string value = setting.get(Settings{});
  if (value.empty() || value == "false") return "";
  return " [" + value + ']';
}

}  // namespace

std::string help_text() {
  std::string text = std::string("holdfast ") + kVersion + ": a durable, replicated log in front of stock Redis\n\n" +
                     "Usage: holdfast [flags]\n\nA default stands in [ ] behind its flag.\n\nGeneral:\n";
  text += help_line("--config FILE", std::string("The configuration file, in TOML (or ") + kConfigVariable + ").");
  text += help_line("--check-config", "Check the settings, say what they come to, and end.");
  text += help_line("--print-example-config", "Print a configuration file that explains every setting, and end.");
  text += help_line("--version", "Print the version, and end.");
  text += help_line("-h, --help", "Print this, and end.");

  for (const SettingsSection& section : settings_sections()) {
    text += '\n' + section.title + ":\n";
    for (const Setting& setting : settings_table()) {
      if (setting.section != section.name) continue;
      std::string option = setting.flag.empty() ? setting.variable : flag_with_placeholder(setting);
      std::string note = setting.flag.empty() ? " (An environment variable, or in the file; no flag.)" : "";
      text += help_line(option, setting.summary + note + help_default(setting));
    }
  }
  text += '\n' + wrap(std::string("Every setting can also be given in the configuration file or as an environment "
                                  "variable; --print-example-config tells the names. ") +
                          kPrecedence + " SIZE: 1024, 1kb and 1KiB are the same, 1k is 1000; likewise m and g.",
                      "");
  return text;
}

std::string example_config() {
  std::string text =
      wrap("The settings of Holdfast, all of them, with their defaults. To change one, take away the # in front of it.",
           "# ");
  text += wrap(std::string("Use it with: holdfast --config FILE. ") + kPrecedence +
                   " A key that is not known is an error. Relative paths begin where Holdfast is started.",
               "# ");
  for (const SettingsSection& section : settings_sections()) {
    text += "\n\n" + wrap(section.about, "# ") + '[' + section.name + "]\n";
    for (const Setting& setting : settings_table()) {
      if (setting.section != section.name) continue;
      bool properties = setting.kind == Kind::kProperties;
      text += '\n' + wrap(explanation(setting), "# ");
      if (!properties) text += wrap("Allowed: " + setting.allowed + '.', "# ");
      text += wrap((setting.flag.empty() ? "" : "Flag: " + flag_with_placeholder(setting) + " - ") +
                       "Environment: " + setting.variable + (properties ? "=\"NAME=VALUE;NAME=VALUE\"" : ""),
                   "# ");
      text += properties ? kKafkaExample : '#' + setting.name + " = " + toml_value(setting, Settings{}) + '\n';
    }
  }
  return text;
}

std::string settings_doc() {
  std::string text =
      "# Settings\n\n"
      "<!-- Printed by `holdfast --print-settings-doc`; a test fails when this file is not what the program prints. "
      "-->\n\n";
  text += wrap(std::string("Every setting can be given in a configuration file in TOML (`--config FILE`, or "
                           "`HOLDFAST_CONFIG`), as an environment variable, and, but for the password, as a flag. ") +
                   kPrecedence + " An empty environment variable counts as absent.",
               "");
  text += '\n' + wrap(
                     "`holdfast --check-config` checks the settings, says what they come to and ends; with a "
                     "setting that is not valid it says which one, where it stands and what is allowed. "
                     "`config/holdfast.example.toml` holds all settings as a file. Relative paths begin where "
                     "Holdfast is started.",
                     "");
  for (const SettingsSection& section : settings_sections()) {
    text += "\n## " + section.title + ": `[" + section.name + "]`\n\n" + wrap(section.about, "");
    for (const Setting& setting : settings_table()) {
      if (setting.section != section.name) continue;
      bool properties = setting.kind == Kind::kProperties;
      text += "\n### " + setting.key() + "\n\n" + wrap(explanation(setting), "") + '\n';
      if (!properties) text += "- default: `" + toml_value(setting, Settings{}) + "`\n";
      text += "- allowed: " + setting.allowed + '\n';
      if (!setting.flag.empty()) text += "- flag: `" + flag_with_placeholder(setting) + "`\n";
      text += "- environment: `" + setting.variable + (properties ? "=\"NAME=VALUE;NAME=VALUE\"" : "") + "`\n";
      if (properties)
        text += std::string("- in the file, for example:\n\n```toml\n[kafka]\n") +
                "\"security.protocol\" = \"SASL_SSL\"\n```\n";
    }
  }
  return text;
}

std::string effective_settings(const Settings& settings) {
  std::string text;
  for (const SettingsSection& section : settings_sections()) {
    text += '[' + section.name + "]\n";
    for (const Setting& setting : settings_table()) {
      if (setting.section != section.name) continue;
      if (setting.kind == Kind::kProperties) {
        std::istringstream names(setting.get(settings));
        for (std::string name; names >> name;) text += "# " + name + " is set, and not shown\n";
      } else if (setting.secret) {
        text += "# " + setting.name + (setting.get(settings).empty() ? " is not set\n" : " is set, and not shown\n");
      } else {
        text += setting.name + " = " + toml_value(setting, settings) + '\n';
      }
    }
  }
  return text;
}

}  // namespace holdfast
