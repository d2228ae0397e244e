#include "config/setting_kinds.h"

namespace holdfast {
namespace {

// "redis.password-file" becomes HOLDFAST_REDIS_PASSWORD_FILE.
std::string variable_of(const std::string& key) {
  std::string variable = "HOLDFAST_";
  for (char c : key) {
    bool small = c >= 'a' && c <= 'z';
    variable += small ? static_cast<char>(c - 'a' + 'A') : (c == '.' || c == '-') ? '_' : c;
  }
  return variable;
}

}  // namespace

Setting make_setting(SettingLabel label, Setting::Kind kind, std::string allowed) {
  Setting setting;
  size_t dot = label.key.find('.');
  setting.section = label.key.substr(0, dot);
  if (dot != std::string::npos) setting.name = label.key.substr(dot + 1);
  setting.variable = variable_of(label.key);
  setting.flag = std::move(label.flag);
  setting.placeholder = std::move(label.placeholder);
  setting.kind = kind;
  setting.allowed = std::move(allowed);
  setting.summary = std::move(label.summary);
  setting.details = std::move(label.details);
  return setting;
}

std::string allowed_numbers(int64_t lowest, int64_t highest) {
  return "a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest);
}

std::string allowed_sizes(uint64_t lowest, uint64_t highest) {
  return "a size from " + format_byte_size(lowest) + " to " + format_byte_size(highest) +
         ", like 65536, \"64kb\" or \"64MiB\"";
}

std::string allowed_choices(const std::vector<std::string>& choices) {
  std::string allowed = "one of";
  for (const std::string& one : choices) allowed += (&one == &choices.front() ? " " : ", ") + one;
  return allowed;
}

}  // namespace holdfast
