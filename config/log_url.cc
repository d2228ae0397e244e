#include "config/log_url.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "config/address.h"

namespace holdfast {
namespace {

constexpr std::string_view kSqlitePrefix = "sqlite:";
constexpr std::string_view kKafkaPrefix = "kafka://";
constexpr size_t kLongestTopic = 249;  // Kafka's own limit

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool is_topic_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestTopic && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == '-';
         });
}

Result<LogUrl> parse_sqlite(std::string_view text) {
  LogUrl url;
  url.kind = LogUrl::Kind::kSqlite;
  url.path = text.substr(kSqlitePrefix.size());
  auto refuse = [&](const std::string& why) { return Error{'"' + std::string(text) + "\": " + why}; };
  if (url.path.empty()) return refuse("the path is missing; write sqlite:PATH");
  if (url.path.starts_with("//")) return refuse("write sqlite:/PATH for a full path, sqlite:PATH for a relative one");
  if (url.path == ":memory:") return refuse("a log must outlive the process; name a file");
  return url;
}

Result<LogUrl> parse_kafka(std::string_view text) {
  // Checked first, so that a password is never repeated in a message.
  if (text.find('@') != std::string_view::npos) {
    return Error{"user and password do not belong into the URL of the log; set them as Kafka properties"};
  }
  auto refuse = [&](const std::string& why) { return Error{'"' + std::string(text) + "\": " + why}; };

  std::vector<std::string_view> parts = split(text.substr(kKafkaPrefix.size()), '/');
  if (parts.size() < 2 || parts.size() > 3) return refuse("write kafka://HOST:PORT,HOST:PORT/TOPIC[/PARTITION]");

  LogUrl url;
  url.kind = LogUrl::Kind::kKafka;
  url.brokers = parts[0];
  for (std::string_view broker : split(parts[0], ',')) {
    if (auto address = parse_tcp_address(broker, 1); !address) return refuse("broker " + address.error());
  }
  url.topic = parts[1];
  if (!is_topic_name(url.topic)) {
    return refuse("\"" + url.topic + "\" is not a topic: 1 to 249 letters, digits, \".\", \"_\" or \"-\"");
  }
  if (parts.size() == 3) {
    const char* last = parts[2].data() + parts[2].size();
    auto [end, problem] = std::from_chars(parts[2].data(), last, url.partition);
    if (problem != std::errc() || end != last || url.partition < 0) {
      return refuse('"' + std::string(parts[2]) + "\" is not a partition: a whole number from 0");
    }
  }
  return url;
}

}  // namespace

Result<LogUrl> parse_log_url(std::string_view text) {
  if (text.starts_with(kSqlitePrefix)) return parse_sqlite(text);
  if (text.starts_with(kKafkaPrefix)) return parse_kafka(text);
  if (text.find('@') != std::string_view::npos) {  // perhaps a password: not repeated
    return Error{"not the URL of a log; write sqlite:PATH or kafka://HOST:PORT,HOST:PORT/TOPIC[/PARTITION]"};
  }
  return Error{'"' + std::string(text) +
               "\": a log is named sqlite:PATH or kafka://HOST:PORT,HOST:PORT/TOPIC[/PARTITION]"};
}

std::string to_string(const LogUrl& url) {
  if (url.kind == LogUrl::Kind::kSqlite) return std::string(kSqlitePrefix) + url.path;
  std::string text = std::string(kKafkaPrefix) + url.brokers + '/' + url.topic;
  if (url.partition != 0) text += '/' + std::to_string(url.partition);
  return text;
}

}  // namespace holdfast
