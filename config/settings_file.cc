#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace {
// Some files that are not valid TOML (a "." where a key should begin) make an assertion of toml++ 3.3 fail.
struct TomlAssertion {};
[[noreturn]] void fail_assertion() { throw TomlAssertion(); }
}  // namespace

#define TOML_EXCEPTIONS 0
#define TOML_ASSERT(expression) ((expression) ? void() : fail_assertion())
#include <toml++/toml.h>

#include "config/nearest.h"
#include "config/settings_sources.h"

namespace holdfast {
namespace {

using Kind = Setting::Kind;

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "a list";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "a whole number";
    case toml::node_type::floating_point: return "a number with a fraction";
    case toml::node_type::boolean: return "true or false";
    default: return "a date or a time";
  }
}

// The value as text, if a value of this kind may be written that way.
std::optional<std::string> scalar_text(const toml::node& node, Kind kind) {
  bool any = kind == Kind::kProperties;
  if (node.is_string() && (any || kind == Kind::kText || kind == Kind::kBytes)) return node.as_string()->get();
  if (node.is_integer() && (any || kind == Kind::kNumber || kind == Kind::kBytes)) {
    return std::to_string(node.as_integer()->get());
  }
  if (node.is_boolean() && (any || kind == Kind::kBoolean)) return node.as_boolean()->get() ? "true" : "false";
  if (node.is_floating_point() && any) {
    std::ostringstream text;
    text << node.as_floating_point()->get();
    return text.str();
  }
  return std::nullopt;
}

class SettingsFile {
 public:
  explicit SettingsFile(std::string path) : path_(std::move(path)) {}

  Result<std::vector<GivenSetting>> read() {
    auto content = read_content();
    if (!content) return Error{content.error()};
    toml::parse_result parsed;
    try {
      parsed = toml::parse(*content, path_);
    } catch (const TomlAssertion&) {
      return Error{path_ + ": not valid TOML"};
    }
    if (!parsed) {
      return Error{at(parsed.error().source()) + "not valid TOML: " + std::string(parsed.error().description())};
    }
    for (const auto& [key, node] : parsed.table()) {
      if (auto done = take_section(key, node); !done) return Error{done.error()};
    }
    return std::move(given_);
  }

 private:
  Result<std::string> read_content() const {
    errno = 0;
    std::ifstream file(path_, std::ios::binary);
    std::ostringstream content;
    // A directory can be opened; it fails only here.
    if (!file || (file.peek() != std::ifstream::traits_type::eof() && !(content << file.rdbuf())) || file.bad()) {
      return Error{"cannot read " + path_ + ": " + (errno != 0 ? std::strerror(errno) : "unknown reason")};
    }
    return content.str();
  }

  std::string at(const toml::source_region& source) const {
    return path_ + ':' + std::to_string(source.begin.line) + ": ";
  }

  Result<Done> take_section(const toml::key& key, const toml::node& node) {
    std::string name(key.str());
    std::vector<std::string> sections;
    bool known = false;
    for (const SettingsSection& section : settings_sections()) {
      sections.push_back(section.name);
      known = known || section.name == name;
    }
    if (!known) {
      std::string meant = node.is_table() ? nearest_name(name, sections) : nearest_key(name);
      if (node.is_table())
        return unknown(key, '[' + name + "]: no such section", meant.empty() ? "" : '[' + meant + ']');
      return unknown(key, name + ": no such setting (settings stand in sections)", meant);
    }
    if (!node.is_table()) {
      return Error{at(key.source()) + name + ": this is a section; write [" + name + "] and its settings below it"};
    }
    for (const Setting& setting : settings_table()) {
      if (setting.section == name && setting.kind == Kind::kProperties) {
        return take_properties(setting, "", *node.as_table());
      }
    }
    for (const auto& [inner_key, inner] : *node.as_table()) {
      if (auto done = take_setting(name, inner_key, inner); !done) return done;
    }
    return Done{};
  }

  Result<Done> take_setting(const std::string& section, const toml::key& key, const toml::node& node) {
    std::string full = section + '.' + std::string(key.str());
    for (const Setting& setting : settings_table()) {
      if (setting.key() == full) return take_value(setting, setting.key(), "", key, node);
    }
    return unknown(key, full + ": no such setting", nearest_key(full));
  }

  // Both "ssl.ca.location" = ... and the same without quotation marks, which makes tables, name a property.
  Result<Done> take_properties(const Setting& setting, const std::string& prefix, const toml::table& table) {
    for (const auto& [key, node] : table) {
      std::string name = prefix + std::string(key.str());
      auto done = node.is_table() ? take_properties(setting, name + '.', *node.as_table())
                                  : take_value(setting, setting.section + " \"" + name + '"', name + '=', key, node);
      if (!done) return done;
    }
    return Done{};
  }

  Result<Done> take_value(const Setting& setting, const std::string& shown_key, const std::string& value_prefix,
                          const toml::key& key, const toml::node& node) {
    auto value = scalar_text(node, setting.kind);
    if (!value) {
      bool property = setting.kind == Kind::kProperties;
      return Error{at(key.source()) + shown_key + ": must be " +
                   (property ? "a string, a number, or true or false" : wanted(setting)) + ", but is " +
                   std::string(type_name(node))};
    }
    given_.push_back({&setting, value_prefix + *value, at(key.source()) + shown_key});
    return Done{};
  }

  static std::string wanted(const Setting& setting) {
    return setting.kind == Kind::kText ? "a string (" + setting.allowed + ')' : setting.allowed;
  }

  Result<Done> unknown(const toml::key& key, const std::string& what, const std::string& meant) const {
    return Error{at(key.source()) + what + (meant.empty() ? "" : "; did you mean " + meant + '?')};
  }

  // A key with the right name in the wrong section is near, too.
  static std::string nearest_key(const std::string& written) {
    std::vector<std::string> keys;
    std::string name = written.substr(written.find('.') + 1);
    for (const Setting& setting : settings_table()) {
      if (setting.name.empty()) continue;
      if (setting.name == name) return setting.key();
      keys.push_back(setting.key());
    }
    return nearest_name(written, keys);
  }

  std::string path_;
  std::vector<GivenSetting> given_;
};

}  // namespace

Result<std::vector<GivenSetting>> read_settings_file(const std::string& path) { return SettingsFile(path).read(); }

}  // namespace holdfast
