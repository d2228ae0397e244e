#include "recovery/options.h"

#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "config/kafka_properties.h"
#include "config/log_url.h"
#include "config/settings_sources.h"
#include "log/log_id.h"
#include "log/open.h"

namespace holdfast {

CLI::Option* one_value(CLI::Option* option, const std::string& type_name) {
  return option->type_name(type_name)->expected(1)->allow_extra_args(false);
}

void LogFlags::add_to(CLI::App* parent) {
  one_value(parent->add_option("--log", url, "The log: sqlite:PATH or kafka://HOST:PORT,HOST:PORT/TOPIC[/PARTITION]"),
            "URL")
      ->required()
      ->envname("HOLDFAST_LOG_URL");
  one_value(parent->add_option("--config", config,
                               "Holdfast's configuration file; what stands in its section [kafka] counts here, too"),
            "FILE")
      ->envname(kConfigVariable);
  parent
      ->add_option(
          "--kafka-property", kafka_properties,
          "A property of librdkafka (security.protocol=SSL, ...); can be given more than once. Others can read "
          "the arguments of a process: passwords rather belong into the file, or HOLDFAST_KAFKA_PROPERTIES")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void PrivateRedisFlags::add_to(CLI::App* parent) {
  one_value(parent->add_option("--snapshots", snapshots,
                               "The directory of the base snapshot, if the log begins with one (it was adopted from a "
                               "Redis that had data)"),
            "DIR")
      ->capture_default_str();
  one_value(parent->add_option("--redis-server", program,
                               "The redis-server to run privately: of the version of the Redis in use, or newer, with "
                               "the same modules"),
            "PROGRAM")
      ->capture_default_str();
}

void LoginFlags::add_to(CLI::App* parent) {
  one_value(parent->add_option("--redis-username", login.username, "The ACL user to sign in to Redis as"), "USER");
  one_value(parent->add_option("--redis-password", login.password,
                               "The password of Redis. Others can read the arguments of a process: rather use "
                               "HOLDFAST_REDIS_PASSWORD in the environment, or a file"),
            "PASSWORD")
      ->envname("HOLDFAST_REDIS_PASSWORD");
  one_value(parent->add_option("--redis-password-file", password_file_, "A file whose first line is the password"),
            "FILE");
  CLI::Option* tls = parent->add_flag("--redis-tls", tls_, "Speak TLS with Redis, also where it connects to this tool");
  const auto file = [&](const std::string& flag, std::string* to, const std::string& about) {
    one_value(parent->add_option(flag, *to, about), "FILE")->needs(tls);
  };
  file("--redis-tls-ca-cert-file", &tls_options_.ca_cert_file, "The CAs that Redis's certificate comes from, in PEM");
  file("--redis-tls-cert-file", &tls_options_.cert_file, "The certificate that Redis is shown, in PEM");
  file("--redis-tls-key-file", &tls_options_.key_file, "The private key of that, in PEM");
  one_value(parent->add_option("--redis-tls-verify", tls_verify_,
                               "host: Redis's certificate has to be for the host that is given; ca: it may be for any"),
            "HOW")
      ->capture_default_str()
      ->check(CLI::IsMember({"host", "ca"}))
      ->needs(tls);
}

std::optional<Failure> LoginFlags::read(const Address& redis) {
  if (auto failure = read_password()) return failure;
  return tls_ ? load_certificates(redis) : std::nullopt;
}

std::optional<Failure> LoginFlags::load_certificates(const Address& redis) {
  if (redis.is_unix()) return Failure(Error{"--redis-tls: Redis speaks no TLS on a Unix socket"}, kExitUsage);
  if (tls_options_.ca_cert_file.empty()) {
    return Failure(Error{"--redis-tls: give the CAs of Redis with --redis-tls-ca-cert-file"}, kExitUsage);
  }
  if (tls_options_.cert_file.empty() != tls_options_.key_file.empty()) {
    return Failure(Error{"--redis-tls-cert-file and --redis-tls-key-file are given together or not at all"},
                   kExitUsage);
  }
  tls_options_.peer_host = redis.host;
  tls_options_.check_peer_host = tls_verify_ == "host";
  tls_options_.session_caching = false;
  for (const bool feed : {false, true}) {
    if (feed && tls_options_.cert_file.empty()) break;
    tls_options_.side = feed ? TlsOptions::Side::kServer : TlsOptions::Side::kClient;
    auto context = TlsContext::load(tls_options_);
    if (!context) return Failure(Error{"--redis-tls: " + context.error()});
    (feed ? feed_tls : login.tls) = *context;
  }
  return std::nullopt;
}

std::optional<Failure> LoginFlags::read_password() {
  if (password_file_.empty()) return std::nullopt;
  std::ifstream file(password_file_, std::ios::binary);
  std::getline(file, login.password);
  if (login.password.ends_with('\r')) login.password.pop_back();
  if (!login.password.empty()) return std::nullopt;
  return Failure(Error{"--redis-password-file: there is no password in " + password_file_}, kExitUsage);
}

namespace {

// Of the file, the environment and the flags; the later ones go before.
Result<KafkaProperties> all_kafka_properties(const LogFlags& flags) {
  constexpr const char* kVariable = "HOLDFAST_KAFKA_PROPERTIES";
  std::vector<GivenSetting> given;
  if (!flags.config.empty()) {
    auto of_file = read_settings_file(flags.config);
    if (!of_file) return Error{of_file.error()};
    given = std::move(*of_file);
    std::erase_if(given, [](const GivenSetting& one) { return one.setting->kind != Setting::Kind::kProperties; });
  }
  if (const char* text = std::getenv(kVariable); text != nullptr) {
    auto of_environment = read_settings_environment({{kVariable, text}});
    if (!of_environment) return Error{of_environment.error()};
    given.insert(given.end(), of_environment->begin(), of_environment->end());
  }
  Settings settings;
  if (auto done = apply_settings(given, &settings); !done) return Error{done.error()};
  for (const std::string& property : flags.kafka_properties) {
    if (auto done = add_kafka_property(&settings.kafka.properties, property); !done) {
      return Error{"--kafka-property: " + done.error()};
    }
  }
  return std::move(settings.kafka.properties);
}

}  // namespace

std::optional<Failure> open_log(const std::string& url_text, const LogFlags& flags, const OpenLog& how,
                                std::unique_ptr<Log>* log) {
  const Result<LogUrl> url = parse_log_url(url_text);
  if (!url) return Failure(Error{url.error()}, kExitUsage);
  LogOptions options;
  options.read_only = !how.for_writing;
  options.kind = url->kind == LogUrl::Kind::kKafka ? LogOptions::Kind::kKafka : LogOptions::Kind::kSqlite;
  options.sqlite.path = url->path;
  options.kafka.brokers = url->brokers;
  options.kafka.topic = url->topic;
  options.kafka.partition = url->partition;
  options.kafka.create_topic = how.create_topic;
  options.kafka.replication_factor = how.replication_factor;
  options.kafka.min_insync_replicas = how.min_insync_replicas;
  auto properties = all_kafka_properties(flags);
  if (!properties) return Failure(Error{properties.error()}, kExitUsage);
  options.kafka.properties = std::move(*properties);
  struct stat about {};
  if (options.read_only && options.kind == LogOptions::Kind::kSqlite && stat(url->path.c_str(), &about) != 0) {
    return Failure(Error{"there is no log " + url->path});
  }
  Result<std::unique_ptr<Log>> opened = open_log(options);
  if (!opened) return Failure(Error{opened.error()});
  *log = std::move(*opened);
  return std::nullopt;
}

Result<LogStart> look_at_start(Log* log) {
  LogStart start;
  const Result<Position> begin = log->begin();
  if (!begin) return Error{begin.error()};
  const Result<Position> end = log->end();
  if (!end) return Error{end.error()};
  start.begin = *begin;
  start.end = *end;
  Result<std::unique_ptr<LogReader>> reader = log->read_from(start.begin);
  if (!reader) return Error{reader.error()};
  Chain chain;
  std::vector<LogEntry> entries;
  for (Position last = start.begin - 1; last + 1 < start.end;) {
    entries.clear();
    const Result<size_t> read = (*reader)->poll(&entries, 64 << 10);
    if (!read) return Error{read.error()};
    for (const LogEntry& entry : entries) {
      last = entry.position;
      const Chain::Verdict verdict = chain.next(entry);
      if (verdict == Chain::Verdict::kDamaged && start.id.empty()) {
        return Error{log->describe() + " cannot be read from its beginning, at position " +
                     std::to_string(entry.position) + ": " + chain.reason()};
      }
      // What is wrong further on is for those to tell who read there.
      if (verdict == Chain::Verdict::kDamaged) return start;
      if (verdict == Chain::Verdict::kPart) return start;
      if (verdict != Chain::Verdict::kCounts) continue;
      const Record& record = chain.record();
      if (record.type == RecordType::kClaim && start.id.empty()) start.id = record.value;
      if (start.time_ms == 0) start.time_ms = record.time_ms;
      if (record.type == RecordType::kBatch) return start;
      if (record.type != RecordType::kSnapshot) continue;
      start.base = record.position;
      start.base_time_ms = record.time_ms;
    }
  }
  return start;
}

std::string hex16(uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}

}  // namespace holdfast
