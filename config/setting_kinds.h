// The kinds of rows that the table of settings is made of: how a value is parsed, checked and written. Each is told
// the section and the member of Settings that it is about: number<&Settings::log, &LogSettings::in_flight>(...).
#pragma once

#include <charconv>
#include <utility>

#include "config/byte_size.h"
#include "config/settings_table.h"
#include "core/shard/client_limits.h"

namespace holdfast {

// What a row says about itself.
struct SettingLabel {
  std::string key;  // "section.name"
  std::string flag;
  std::string placeholder;
  std::string summary;
  std::string details;
};

// A row without what depends on the type of its value.
Setting make_setting(SettingLabel label, Setting::Kind kind, std::string allowed);

std::string allowed_numbers(int64_t lowest, int64_t highest);
std::string allowed_sizes(uint64_t lowest, uint64_t highest);
std::string allowed_choices(const std::vector<std::string>& choices);

// `parse` makes a Result of the member's type out of a text, `format` a text out of the member.
template <auto Section, auto Member, class Parse, class Format>
Setting bind_setting(Setting setting, Parse parse, Format format) {
  setting.set = [parse](Settings* settings, const std::string& value) -> Result<Done> {
    auto parsed = parse(value);
    if (!parsed) return Error{parsed.error()};
    (settings->*Section).*Member = std::move(*parsed);
    return Done{};
  };
  setting.get = [format](const Settings& settings) { return format((settings.*Section).*Member); };
  return setting;
}

inline Error not_allowed(const std::string& value, const std::string& allowed) {
  return Error{'"' + value + "\" is not " + allowed};
}

template <auto Section, auto Member>
Setting text(SettingLabel label) {
  return bind_setting<Section, Member>(
      make_setting(std::move(label), Setting::Kind::kText, "any text"),
      [](const std::string& value) -> Result<std::string> { return value; },
      [](const std::string& value) { return value; });
}

template <auto Section, auto Member>
Setting secret_text(SettingLabel label) {
  Setting setting = text<Section, Member>(std::move(label));
  setting.secret = true;
  return setting;
}

template <auto Section, auto Member>
Setting required_text(SettingLabel label) {
  return bind_setting<Section, Member>(
      make_setting(std::move(label), Setting::Kind::kText, "any text but an empty one"),
      [](const std::string& value) -> Result<std::string> {
        if (value.empty()) return Error{"must not be empty"};
        return value;
      },
      [](const std::string& value) { return value; });
}

template <auto Section, auto Member>
Setting choice(SettingLabel label, const std::vector<std::string>& choices) {
  std::string allowed = allowed_choices(choices);
  return bind_setting<Section, Member>(
      make_setting(std::move(label), Setting::Kind::kText, allowed),
      [=](const std::string& value) -> Result<std::string> {
        for (const std::string& one : choices) {
          if (one == value) return value;
        }
        return not_allowed(value, allowed);
      },
      [](const std::string& value) { return value; });
}

template <auto Section, auto Member>
Setting boolean(SettingLabel label) {
  std::string allowed = "true or false";
  return bind_setting<Section, Member>(
      make_setting(std::move(label), Setting::Kind::kBoolean, allowed),
      [=](const std::string& value) -> Result<bool> {
        if (value == "true" || value == "yes") return true;
        if (value == "false" || value == "no") return false;
        return not_allowed(value, allowed);
      },
      [](bool value) -> std::string { return value ? "true" : "false"; });
}

inline int64_t plain_number(int64_t number) { return number; }
template <class Rep, class Period>
int64_t plain_number(std::chrono::duration<Rep, Period> duration) {
  return duration.count();
}

// An int64_t or a duration, counted in its own unit.
template <auto Section, auto Member>
Setting number(SettingLabel label, int64_t lowest, int64_t highest) {
  using Value = std::remove_reference_t<decltype((std::declval<Settings&>().*Section).*Member)>;
  std::string allowed = allowed_numbers(lowest, highest);
  return bind_setting<Section, Member>(
      make_setting(std::move(label), Setting::Kind::kNumber, allowed),
      [=](const std::string& value) -> Result<Value> {
        int64_t parsed = 0;
        auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), parsed);
        bool whole = problem == std::errc() && end == value.data() + value.size();
        if (!whole || parsed < lowest || parsed > highest) return not_allowed(value, allowed);
        return Value(parsed);
      },
      [](Value value) { return std::to_string(plain_number(value)); });
}

template <auto Section, auto Member>
Setting bytes(SettingLabel label, uint64_t lowest, uint64_t highest) {
  std::string allowed = allowed_sizes(lowest, highest);
  return bind_setting<Section, Member>(
      make_setting(std::move(label), Setting::Kind::kBytes, allowed),
      [=](const std::string& value) -> Result<uint64_t> {
        auto parsed = parse_byte_size(value);
        if (!parsed || *parsed < lowest || *parsed > highest) return not_allowed(value, allowed);
        return *parsed;
      },
      format_byte_size);
}

// As Redis writes them: CLASS HARD SOFT SECONDS, for one class of clients or more.
template <auto Section, auto Member>
Setting output_limits(SettingLabel label) {
  return bind_setting<Section, Member>(
      make_setting(std::move(label), Setting::Kind::kText, "CLASS HARD SOFT SECONDS, for each of some classes"),
      [](const std::string& value) -> Result<std::string> {
        FrontdeskLimits limits;
        const std::string problem = set_client_setting(&limits, kOutputLimits, value);
        if (!problem.empty()) return Error{'"' + value + "\": " + problem};
        return value;
      },
      [](const std::string& value) { return value; });
}

template <auto Section, auto Member>
Setting tcp_address(SettingLabel label) {
  return bind_setting<Section, Member>(
      make_setting(std::move(label), Setting::Kind::kText, "HOST:PORT or [IPV6]:PORT"),
      [](const std::string& value) { return parse_tcp_address(value, 0); },
      [](const Address& value) { return to_string(value); });
}

template <auto Section, auto Member>
Setting optional_address(SettingLabel label) {
  return bind_setting<Section, Member>(
      make_setting(std::move(label), Setting::Kind::kText, "HOST:PORT, [IPV6]:PORT or off"),
      [](const std::string& value) { return parse_optional_address(value); },
      [](const Address& value) { return to_string(value); });
}

template <auto Section, auto Member>
Setting redis_address(SettingLabel label) {
  return bind_setting<Section, Member>(
      make_setting(std::move(label), Setting::Kind::kText, "HOST:PORT, [IPV6]:PORT or unix:/PATH"),
      [](const std::string& value) { return parse_redis_address(value); },
      [](const Address& value) { return to_string(value); });
}

template <auto Section, auto Member>
Setting log_url(SettingLabel label) {
  return bind_setting<Section, Member>(
      make_setting(std::move(label), Setting::Kind::kText,
                   "sqlite:PATH or kafka://HOST:PORT,HOST:PORT/TOPIC[/PARTITION]"),
      [](const std::string& value) { return parse_log_url(value); },
      [](const LogUrl& value) { return to_string(value); });
}

template <auto Section, auto Member>
Setting kafka_properties(SettingLabel label) {
  Setting setting = make_setting(std::move(label), Setting::Kind::kProperties, "NAME=VALUE");
  setting.variable = "HOLDFAST_KAFKA_PROPERTIES";
  setting.set = [](Settings* settings, const std::string& value) {
    return add_kafka_property(&((settings->*Section).*Member), value);
  };
  setting.get = [](const Settings& settings) {
    std::string names;
    for (const auto& [name, value] : (settings.*Section).*Member) names.append(names.empty() ? "" : " ").append(name);
    return names;
  };
  return setting;
}

}  // namespace holdfast
