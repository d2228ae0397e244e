#include "config/settings_sources.h"

#include <algorithm>

#include "config/nearest.h"

namespace holdfast {
namespace {

constexpr std::string_view kVariablePrefix = "HOLDFAST_";
constexpr size_t kMisspelled = 2;  // characters wrong in a variable that is taken for a misspelled one

Result<Done> refuse_misspelled(const Environment& environment) {
  std::vector<std::string> known = {kConfigVariable};
  for (const Setting& setting : settings_table()) known.push_back(setting.variable);

  for (const auto& [variable, value] : environment) {
    if (!variable.starts_with(kVariablePrefix)) continue;
    if (std::find(known.begin(), known.end(), variable) != known.end()) continue;
    std::string meant = nearest_name(variable, known);
    if (!meant.empty() && edit_distance(variable, meant) <= kMisspelled) {
      return Error{std::string(variable).append(": no such setting; did you mean ").append(meant).append("?")};
    }
  }
  return Done{};
}

}  // namespace

Result<std::vector<GivenSetting>> read_settings_environment(const Environment& environment) {
  if (auto done = refuse_misspelled(environment); !done) return Error{done.error()};
  std::vector<GivenSetting> given;
  for (const Setting& setting : settings_table()) {
    auto found = environment.find(setting.variable);
    if (found == environment.end() || found->second.empty()) continue;
    if (setting.kind != Setting::Kind::kProperties) {
      given.push_back({&setting, found->second, setting.variable});
      continue;
    }
    std::string_view rest = found->second;
    while (!rest.empty()) {
      std::string_view property = rest.substr(0, rest.find(';'));
      if (!property.empty()) given.push_back({&setting, std::string(property), setting.variable});
      rest.remove_prefix(std::min(rest.size(), property.size() + 1));
    }
  }
  return given;
}

Result<Done> apply_settings(const std::vector<GivenSetting>& given, Settings* settings) {
  for (const GivenSetting& one : given) {
    if (auto done = one.setting->set(settings, one.value); !done) return Error{one.where + ": " + done.error()};
  }
  return Done{};
}

}  // namespace holdfast
