#include "core/shard/users.h"

#include <algorithm>

namespace holdfast {
namespace {

constexpr std::string_view kLine = "user ";
constexpr std::string_view kShadow = "holdfast:as:";

// About signing in, not about what the user may do.
bool is_flag(std::string_view word) {
  return word == "on" || word == "off" || word == "nopass" || word == "sanitize-payload" ||
         word == "skip-sanitize-payload" || word.starts_with('#');
}

User parse_rules(std::string_view rules) {
  User user;
  user.rules = rules;
  bool nopass = false;
  bool keys = false, channels = false, commands = false;  // all of them
  for (const std::string_view word : user.words()) {
    user.on = user.on || word == "on";
    nopass = nopass || word == "nopass";
    if (is_flag(word)) continue;
    keys = keys || word == "~*";
    channels = channels || word == "&*";
    commands = commands || word == "+@all";
    user.restricted = user.restricted || (word != "~*" && word != "&*" && word != "+@all");
  }
  user.restricted = user.restricted || !keys || !channels || !commands;
  user.open = user.on && nopass;
  return user;
}

void add_line(std::string_view line, Users* users) {
  if (!line.starts_with(kLine)) return;
  line.remove_prefix(kLine.size());
  const size_t end = std::min(line.find(' '), line.size());
  const std::string_view name = line.substr(0, end);
  if (!is_own_user(name)) users->emplace(name, parse_rules(line.substr(std::min(end + 1, line.size()))));
}

}  // namespace

std::vector<std::string_view> User::words() const {
  std::vector<std::string_view> words;
  for (std::string_view rest = rules; !rest.empty();) {
    const size_t end = std::min(rest.find(' '), rest.size());
    if (end > 0) words.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return words;
}

Users parse_users(const std::vector<std::string>& lines) {
  Users users;
  for (const std::string& line : lines) add_line(line, &users);
  return users;
}

std::vector<std::string> user_lines(const Users& users) {
  std::vector<std::string> lines;
  for (const auto& [name, user] : users) lines.push_back(std::string(kLine) + name + " " + user.rules);
  return lines;
}

Users parse_user_text(std::string_view text) {
  Users users;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    add_line(text.substr(0, end), &users);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return users;
}

std::string user_text(const Users& users) {
  std::string text;
  for (const std::string& line : user_lines(users)) text += line + "\n";
  return text;
}

std::string shadow_of(std::string_view name) { return std::string(kShadow) + std::string(name); }

std::string user_of(std::string_view shadow) { return std::string(shadow.substr(kShadow.size())); }

std::string without_shadow(std::string_view reply) {
  std::string text(reply);
  for (size_t at = text.find(kShadow); at != std::string::npos; at = text.find(kShadow, at))
    text.erase(at, kShadow.size());
  return text;
}

}  // namespace holdfast
