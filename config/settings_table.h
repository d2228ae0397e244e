// The one table of settings.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/settings.h"

namespace holdfast {

struct Setting {
  enum class Kind {
    kText,
    kNumber,
    kBytes,  // a number or a text like "64MiB"
    kBoolean,
    kProperties,  // a section of its own: every key in it is a property
  };

  std::string section;
  std::string name;         // within the section; empty for kProperties
  std::string flag;         // empty: a secret, which has no place in a list of processes
  std::string placeholder;  // what stands for the value in --help
  Kind kind = Kind::kText;
  bool secret = false;   // never shown
  std::string allowed;   // "a whole number from 1 to 64"
  std::string summary;   // one sentence
  std::string details;   // more sentences, or empty
  std::string variable;  // HOLDFAST_REDIS_ADDRESS

  // Takes the value as text; the error says what is wrong with it. For kProperties: one NAME=VALUE at a time.
  std::function<Result<Done>(Settings*, const std::string&)> set;
  // The value as text, which set() takes again. For kProperties: the names, without the values.
  std::function<std::string(const Settings&)> get;

  std::string key() const { return name.empty() ? section : section + '.' + name; }
};

struct SettingsSection {
  std::string name;
  std::string title;  // "Timeouts": heads the section in --help
  std::string about;  // one sentence
};

const std::vector<SettingsSection>& settings_sections();

// In the order of the sections.
const std::vector<Setting>& settings_table();

}  // namespace holdfast
