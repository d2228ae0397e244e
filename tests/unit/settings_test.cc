#include "config/settings.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "config/command_line.h"
#include "config/nearest.h"
#include "config/settings_text.h"
#include "config/version.h"

namespace holdfast {
namespace {

const std::filesystem::path kSourceRoot = std::filesystem::absolute(__FILE__).parent_path().parent_path().parent_path();

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("holdfast-settings-" + std::to_string(getpid()) + '-' + std::to_string(++count));
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

Result<ParsedCommandLine> parse(const std::vector<std::string>& arguments, const Environment& environment = {}) {
  std::vector<const char*> argv = {"holdfast"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  return parse_command_line(static_cast<int>(argv.size()), argv.data(), environment);
}

std::string error_of(const std::vector<std::string>& arguments, const Environment& environment = {}) {
  auto parsed = parse(arguments, environment);
  return parsed ? "accepted" : parsed.error();
}

// The error about a file with this content, its name put as FILE.
std::string error_of_file(const std::string& content) {
  TemporaryFile file(content);
  std::string error = error_of({"--config", file.path()});
  size_t at = error.find(file.path());
  return at == std::string::npos ? error : error.replace(at, file.path().size(), "FILE");
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Every setting as text; of Kafka properties, the names.
std::string all_of(const Settings& settings) {
  std::string text;
  for (const Setting& setting : settings_table()) text += setting.key() + '=' + setting.get(settings) + '\n';
  return text;
}

// A value that is allowed, and not the default.
std::string other_value(const Setting& setting, const std::string& existing_file) {
  const std::map<std::string, std::string> chosen = {{"listen.address", "[::1]:7000"},
                                                     {"redis.address", "unix:/run/redis.sock"},
                                                     {"redis.password-file", existing_file},
                                                     {"redis.reserved-database", "5"},
                                                     {"redis.feed-address", "10.1.2.3:7001"},
                                                     {"tls.listen", "[::1]:7002"},
                                                     {"tls.auth-clients", "optional"},
                                                     {"tls.auth-clients-user", "CN"},
                                                     {"redis.tls-verify", "ca"},
                                                     {"limits.client-output-buffer-limit", "pubsub 1mb 0 0"},
                                                     {"log.url", "kafka://a:9092/t/3"},
                                                     {"logging.level", "warn"}};
  if (auto found = chosen.find(setting.key()); found != chosen.end()) return found->second;
  if (setting.kind == Setting::Kind::kBoolean) return setting.get(Settings{}) == "true" ? "false" : "true";
  if (setting.kind == Setting::Kind::kNumber) return std::to_string(std::stoll(setting.get(Settings{})) + 1);
  if (setting.kind == Setting::Kind::kBytes) return setting.name.starts_with("max-b") ? "1MiB" : "2GiB";
  return "something \"else\"";
}

std::string toml_of(const Setting& setting, const std::string& value) {
  bool bare = setting.kind == Setting::Kind::kNumber || setting.kind == Setting::Kind::kBoolean;
  return '[' + setting.section + "]\n" + setting.name + " = " + (bare ? value : "'" + value + "'") + '\n';
}

}  // namespace

TEST_CASE("the example file and the documentation are what the table says") {
  CHECK(content_of(kSourceRoot / "config/holdfast.example.toml") == example_config());
  CHECK(content_of(kSourceRoot / "docs/settings.md") == settings_doc());
}

TEST_CASE("the version is the project's") {
  CHECK(contains(content_of(kSourceRoot / "CMakeLists.txt"), std::string("VERSION ") + kVersion + ' '));
  CHECK(parse({"--version"})->print == std::string("holdfast ") + kVersion + '\n');
}

TEST_CASE("the example file, with its settings uncommented, is valid and says the defaults") {
  std::istringstream lines(example_config());
  std::string uncommented;
  for (std::string line; std::getline(lines, line);) {
    bool setting = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    uncommented += (setting ? line.substr(1) : line) + '\n';
  }
  TemporaryFile file(uncommented);
  auto parsed = parse({"--config", file.path()});
  REQUIRE_MESSAGE(parsed.ok(), error_of({"--config", file.path()}));
  CHECK(parsed->settings.kafka.properties.size() == 4);
  CHECK(parsed->settings.kafka.properties["security.protocol"] == "SASL_SSL");
  parsed->settings.kafka.properties.clear();
  CHECK(all_of(parsed->settings) == all_of(Settings{}));
  for (const Setting& setting : settings_table()) {
    CHECK((setting.name.empty() || contains(uncommented, '\n' + setting.name + " = ")));
  }
}

TEST_CASE("nothing given: the defaults, and they are valid") {
  auto parsed = parse({});
  REQUIRE(parsed.ok());
  CHECK_FALSE(parsed->print.has_value());
  CHECK(all_of(parsed->settings) == all_of(Settings{}));
  CHECK(parsed->settings.listen.address.port == 6379);
}

TEST_CASE("the names in the table are unique, every default is allowed, and --help tells every flag") {
  std::set<std::string> keys, flags, variables;
  std::string help = *parse({"--help"})->print;
  for (const Setting& setting : settings_table()) {
    CAPTURE(setting.key());
    CHECK(keys.insert(setting.key()).second);
    CHECK(variables.insert(setting.variable).second);
    CHECK((setting.flag.empty() ? setting.secret : flags.insert(setting.flag).second));
    CHECK(contains(help, "\n  " + (setting.flag.empty() ? setting.variable : setting.flag)));
    if (setting.kind == Setting::Kind::kProperties) continue;
    Settings settings;
    CHECK(setting.set(&settings, setting.get(Settings{})).ok());
    CHECK(all_of(settings) == all_of(Settings{}));
  }
}

TEST_CASE("every setting can be given by flag, environment and file, and changes nothing else") {
  TemporaryFile password("hush\n");
  for (const Setting& setting : settings_table()) {
    if (setting.kind == Setting::Kind::kProperties) continue;
    CAPTURE(setting.key());
    std::string value = other_value(setting, password.path());
    Settings expected;
    REQUIRE(setting.set(&expected, value).ok());
    if (setting.key() == "redis.password-file") expected.redis.password = "hush";
    CHECK(all_of(expected) != all_of(Settings{}));

    TemporaryFile file(toml_of(setting, value));
    std::vector<Result<ParsedCommandLine>> ways = {parse({}, {{setting.variable, value}}),
                                                   parse({"--config", file.path()})};
    if (!setting.flag.empty()) {
      ways.push_back(parse({setting.flag + '=' + value}));
      ways.push_back(parse({setting.flag, value}));
    }
    // What needs another one besides.
    constexpr std::string_view kNotAlone[] = {"redis.username", "tls.listen",          "tls.cert-file",
                                              "tls.key-file",   "redis.tls-cert-file", "redis.tls-key-file",
                                              "redis.tls"};
    if (std::find(std::begin(kNotAlone), std::end(kNotAlone), setting.key()) != std::end(kNotAlone)) {
      for (auto& way : ways) CHECK(contains(way.error(), setting.key() + " is given without "));
      continue;
    }
    for (auto& way : ways) {
      REQUIRE_MESSAGE(way.ok(), way.error());
      CHECK(all_of(way->settings) == all_of(expected));
    }
  }
}

TEST_CASE("a flag counts more than the environment, that more than the file, that more than the default") {
  TemporaryFile file("[timeouts]\nwrite-ms = 1\nread-ms = 1\nattach-ms = 1\n");
  auto parsed = parse({"--config", file.path(), "--timeouts-write-ms", "3"},
                      {{"HOLDFAST_TIMEOUTS_WRITE_MS", "2"}, {"HOLDFAST_TIMEOUTS_READ_MS", "2"}});
  REQUIRE(parsed.ok());
  CHECK(parsed->settings.timeouts.write.count() == 3);
  CHECK(parsed->settings.timeouts.read.count() == 2);
  CHECK(parsed->settings.timeouts.attach.count() == 1);
  CHECK(parsed->settings.timeouts.drain.count() == 10000);
}

TEST_CASE("the file can be named in the environment; --config counts more") {
  TemporaryFile one("[limits]\nclients = 1\n"), two("[limits]\nclients = 2\n");
  CHECK(parse({}, {{"HOLDFAST_CONFIG", one.path()}})->settings.limits.clients == 1);
  CHECK(parse({"--config", two.path()}, {{"HOLDFAST_CONFIG", one.path()}})->settings.limits.clients == 2);
}

TEST_CASE("Kafka properties are joined by name from all sources") {
  TemporaryFile file(
      "[kafka]\n\"linger.ms\" = 1\nsasl.mechanism = \"PLAIN\"\n\"x.y\" = true\n\"sasl.password\" = 'a;b=c'\n");
  auto parsed = parse({"--config", file.path(), "--kafka-property", "linger.ms=3", "--kafka-property", "b=2"},
                      {{"HOLDFAST_KAFKA_PROPERTIES", "linger.ms=2;;a=x=y;"}});
  REQUIRE_MESSAGE(parsed.ok(), parsed.error());
  CHECK(parsed->settings.kafka.properties == KafkaProperties{{"a", "x=y"},
                                                             {"b", "2"},
                                                             {"linger.ms", "3"},
                                                             {"sasl.mechanism", "PLAIN"},
                                                             {"sasl.password", "a;b=c"},
                                                             {"x.y", "true"}});
}

TEST_CASE("Kafka properties that Holdfast owns are refused by name, with the place and the reason") {
  CHECK(error_of({"--kafka-property", "acks=1"}) ==
        "--kafka-property: acks is set by Holdfast itself: a write counts only when all in-sync replicas have it");
  CHECK(contains(error_of({}, {{"HOLDFAST_KAFKA_PROPERTIES", "a=b;enable.idempotence=false"}}),
                 "HOLDFAST_KAFKA_PROPERTIES: enable.idempotence is set by Holdfast itself"));
  CHECK(contains(error_of_file("[kafka]\n\n\"transactional.id\" = \"x\"\n"),
                 "FILE:3: kafka \"transactional.id\": transactional.id is set by Holdfast itself"));
  CHECK(contains(error_of_file("[kafka]\nbootstrap.servers = \"x\"\n"), "the brokers stand in log.url"));
  CHECK(error_of({"--kafka-property", "novalue"}) == "--kafka-property: a property is written NAME=VALUE");
  CHECK(contains(error_of_file("[kafka]\n\"a\" = [1]\n"), "FILE:2: kafka \"a\": must be a string, a number"));
}

TEST_CASE("what is wrong in a file is told in one line: file, line, key, what is allowed") {
  CHECK(error_of_file("[redis]\n\nadress = \"a:1\"\n") ==
        "FILE:3: redis.adress: no such setting; did you mean redis.address?");
  CHECK(error_of_file("[limits]\nclient-output-buffer-limit = \"nobody 1 1 1\"\n").find("Invalid client class") !=
        std::string::npos);
  CHECK(error_of_file("[limits]\nwrite-ms = 1\n") ==
        "FILE:2: limits.write-ms: no such setting; did you mean timeouts.write-ms?");
  CHECK(error_of_file("[log]\nzzzzzzzzzzzz = 1\n") == "FILE:2: log.zzzzzzzzzzzz: no such setting");
  CHECK(error_of_file("[timeout]\nx = 1\n") == "FILE:1: [timeout]: no such section; did you mean [timeouts]?");
  CHECK(error_of_file("\nwrite-ms = 1\n") ==
        "FILE:2: write-ms: no such setting (settings stand in sections); did you mean timeouts.write-ms?");
  CHECK(error_of_file("log = \"sqlite:x\"\n") ==
        "FILE:1: log: this is a section; write [log] and its settings below it");
  CHECK(error_of_file("[limits]\nclients = \"10\"\n") ==
        "FILE:2: limits.clients: must be a whole number from 1 to 1000000, but is a string");
  CHECK(error_of_file("[limits]\nclients = 1.5\n") ==
        "FILE:2: limits.clients: must be a whole number from 1 to 1000000, but is a number with a fraction");
  CHECK(error_of_file("[limits]\nclients = 0\n") ==
        "FILE:2: limits.clients: \"0\" is not a whole number from 1 to 1000000");
  CHECK(error_of_file("[log]\ncreate-topic = \"true\"\n") ==
        "FILE:2: log.create-topic: must be true or false, but is a string");
  CHECK(error_of_file("[listen]\naddress = 6379\n") ==
        "FILE:2: listen.address: must be a string (HOST:PORT, [IPV6]:PORT or off), but is a whole number");
  CHECK(error_of_file("[listen]\naddress = \"6379\"\n") ==
        "FILE:2: listen.address: \"6379\": the port is missing; write HOST:PORT");
  CHECK(contains(error_of_file("[log]\nmax-batch-bytes = \"2 apples\"\n"),
                 "FILE:2: log.max-batch-bytes: \"2 apples\" is not a size from 1KiB to 1GiB"));
  CHECK(contains(error_of_file("[log]\nmax-batch-bytes = -1\n"), "FILE:2: log.max-batch-bytes: \"-1\" is not a size"));
  CHECK(error_of_file("[logging]\nlevel = \"loud\"\n") ==
        "FILE:2: logging.level: \"loud\" is not one of trace, debug, info, warn, error");
  CHECK(error_of_file("[snapshots]\ndirectory = \"\"\n") == "FILE:2: snapshots.directory: must not be empty");
  CHECK(contains(error_of_file("[limits]\n\nclients = \n"), "FILE:3: not valid TOML: "));
  CHECK(contains(error_of_file("[limits]\nclients = 1\nclients = 2\n"), "FILE:3: not valid TOML: "));
  for (const char* header :
       {"[=]\n", "[.limits]\n", "[limits.]\n", "[,", "[a\xef\xbb\x81.b]\n", "\xef\xbb\x81 = 1\n"}) {
    CAPTURE(header);
    CHECK(contains(error_of_file(header), "not valid TOML"));
  }
  CHECK(error_of({"--config", "/nowhere/holdfast.toml"}) ==
        "cannot read /nowhere/holdfast.toml: No such file or directory");
  CHECK(error_of({"--config", "/"}) == "cannot read /: Is a directory");
  CHECK(error_of_file("") == "accepted");
}

TEST_CASE("a wrong value in the file is told even where the environment replaces it") {
  TemporaryFile file("[limits]\nclients = 0\n");
  CHECK(contains(error_of({"--config", file.path()}, {{"HOLDFAST_LIMITS_CLIENTS", "5"}}), ":2: limits.clients: "));
}

TEST_CASE("what is wrong on the command line is told with the flag") {
  CHECK(error_of({"--lissten", "a:1"}) == "--lissten: no such flag; did you mean --listen?");
  CHECK(error_of({"--listen-address=a:1"}) == "--listen-address: no such flag; did you mean --listen?");
  CHECK(error_of({"--qqqqqqqqqqqq"}) == "--qqqqqqqqqqqq: no such flag; see --help");
  CHECK(error_of({"--limits-clients", "5", "6"}) == "argument 3 is neither a flag nor the value of one; see --help");
  CHECK(error_of({"--listen"}) == "--listen: its value is missing");
  CHECK(error_of({"--config"}) == "--config: its value is missing");
  CHECK(error_of({"--snapshots", "--check-config"}) == "--snapshots: its value is missing (--check-config follows)");
  CHECK(error_of({"--config", "--version"}) == "--config: its value is missing (--version follows)");
  CHECK(error_of({"--listen", "a:1", "--listen", "b:1"}) == "--listen: given more than once");
  CHECK(error_of({"--timeouts-read-ms", "0"}) == "--timeouts-read-ms: \"0\" is not a whole number from 1 to 86400000");
  CHECK(error_of({"--timeouts-write-ms", "5s"}) ==
        "--timeouts-write-ms: \"5s\" is not a whole number from 1 to 86400000");
  CHECK(error_of({"--log-create-topic=maybe"}) == "--log-create-topic: \"maybe\" is not true or false");
}

TEST_CASE("a switch alone means true, whatever follows it") {
  CHECK(parse({"--discard-redis-data"})->settings.redis.discard_data);
  auto parsed = parse({"--discard-redis-data", "--log-create-topic=no", "--redis-reserved-database", "-1"});
  REQUIRE(parsed.ok());
  CHECK(parsed->settings.redis.discard_data);
  CHECK_FALSE(parsed->settings.log.create_topic);
}

TEST_CASE("environment variables: misspelled ones are refused, those of others left alone") {
  CHECK(error_of({}, {{"HOLDFAST_REDIS_ADRESS", "a:1"}}) ==
        "HOLDFAST_REDIS_ADRESS: no such setting; did you mean HOLDFAST_REDIS_ADDRESS?");
  CHECK(error_of({}, {{"HOLDFAST_LIMITS_CLIENTS", "x"}}) ==
        "HOLDFAST_LIMITS_CLIENTS: \"x\" is not a whole number from 1 to 1000000");
  CHECK(parse({}, {{"HOLDFAST_LIMITS_CLIENTS", ""}})->settings.limits.clients == 10000);
  // What Kubernetes sets for services called holdfast and holdfast-log.
  CHECK(error_of({}, {{"HOLDFAST_PORT", "tcp://10.0.0.1:6379"},
                      {"HOLDFAST_SERVICE_HOST", "10.0.0.1"},
                      {"HOLDFAST_PORT_6379_TCP_ADDR", "10.0.0.1"},
                      {"HOLDFAST_LOG_PORT", "tcp://10.0.0.1:6379"}}) == "accepted");
}

TEST_CASE("settings that do not go together are refused with the reason") {
  CHECK(
      contains(error_of({"--redis", "10.0.0.5:6379"}),
               "redis.feed-address is 127.0.0.1:0, but Redis at 10.0.0.5:6379 (redis.address) is on another machine"));
  CHECK(error_of({"--redis", "10.0.0.5:6379", "--feed-address", "10.0.0.4:0"}) == "accepted");
  CHECK(error_of({"--redis", "unix:/run/redis.sock"}) == "accepted");
  CHECK(error_of({"--redis", "localhost:6379", "--listen", "0.0.0.0:6379"}) == "accepted");
  CHECK(contains(error_of({"--feed-address", "[::]:0"}), "which nothing can connect to"));
  CHECK(contains(error_of({"--redis-reserved-database", "0"}), "redis.reserved-database must not be 0"));
  CHECK(contains(error_of({"--listen", "a:1", "--redis", "a:1", "--feed-address", "a:2"}), "connect to itself"));
  CHECK(contains(error_of({"--log-min-insync-replicas", "4"}), "log.min-insync-replicas is 4, more than"));
  CHECK(contains(error_of({"--limits-client-query-bytes", "1mb"}),
                 "limits.client-query-bytes is 1MiB, less than one value may have (limits.max-bulk-bytes is 512MiB)"));
  CHECK(error_of({"--limits-client-query-bytes", "1mb", "--limits-max-bulk-bytes", "1mb"}) == "accepted");
}

TEST_CASE("TLS for clients: beside the plain port, or alone") {
  const std::vector<std::string> base = {"--tls-listen", "0.0.0.0:6390",   "--tls-cert-file",
                                         "a.crt",        "--tls-key-file", "a.key"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return more;
  };
  CHECK(contains(error_of(with({})), "tls.auth-clients is yes, but no CA is given"));
  CHECK(contains(error_of(with({"--tls-auth-clients", "optional"})), "tls.auth-clients is optional, but no CA"));
  CHECK(error_of(with({"--tls-auth-clients", "no"})) == "accepted");
  CHECK(error_of(with({"--tls-ca-cert-file", "ca.crt"})) == "accepted");
  CHECK(error_of(with({"--tls-ca-cert-dir", "ca"})) == "accepted");
  CHECK(contains(error_of(with({"--tls-auth-clients", "no", "--tls-auth-clients-user", "CN"})),
                 "clients are not asked for a certificate"));
  CHECK(contains(error_of(with({"--tls-auth-clients", "no", "--listen", "0.0.0.0:6390"})), "a port of its own"));
  CHECK(contains(error_of({"--listen", "off"}), "listen.address and tls.listen are both off"));

  auto alone = parse(with({"--tls-auth-clients", "no"}), {{"HOLDFAST_LISTEN_ADDRESS", "off"}});
  REQUIRE(alone.ok());
  CHECK(alone->settings.listen.address.is_off());
}

TEST_CASE("TLS to Redis needs a CA to check it against, and a certificate for the feed") {
  const std::vector<std::string> base = {"--redis-tls", "--redis-tls-ca-cert-file", "ca.crt"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return more;
  };
  CHECK(contains(error_of(with({})), "without a certificate for the feed"));
  CHECK(error_of(with({"--redis-tls-cert-file", "a.crt", "--redis-tls-key-file", "a.key"})) == "accepted");
  CHECK(error_of(with({"--tls-cert-file", "a.crt", "--tls-key-file", "a.key"})) == "accepted");
  CHECK(contains(error_of(with({"--redis", "unix:/run/redis.sock"})), "a Unix socket, where Redis speaks no TLS"));
}

TEST_CASE("the password: from the environment or a file, never shown, never an argument") {
  TemporaryFile secret("hush hush\n"), empty("");
  auto parsed = parse({"--redis-password-file", secret.path(), "--redis-username", "me", "--check-config"});
  REQUIRE(parsed.ok());
  CHECK(parsed->settings.redis.password == "hush hush");
  CHECK_FALSE(contains(*parsed->print, "hush"));
  CHECK(contains(*parsed->print, "# password is set, and not shown\n"));

  CHECK(error_of({"--redis-password=hush"}) ==
        "--redis-password: no such flag; give it as HOLDFAST_REDIS_PASSWORD in the environment, or as redis.password "
        "in the file");
  CHECK(contains(error_of({"--redis-password-file", secret.path()}, {{"HOLDFAST_REDIS_PASSWORD", "hush"}}),
                 "redis.password and redis.password-file are both given"));
  CHECK(error_of({"--redis-password-file", empty.path()}) ==
        "redis.password-file: no password in " + empty.path() + ": its first line is empty");
  CHECK(error_of({"--redis-password-file", "/nowhere/x"}) ==
        "redis.password-file: no password in /nowhere/x: No such file or directory");
  CHECK_FALSE(contains(error_of_file("[redis]\npassword = 'hush'\nadress = 1\n"), "hush"));
  CHECK_FALSE(contains(*parse({"--check-config", "--kafka-property", "sasl.password=hush"})->print, "hush"));
}

TEST_CASE("--check-config prints what the settings come to, as a file that says the same") {
  auto checked = parse({"--check-config", "--listen", "[::]:1", "--limits-maxmemory", "2gb"},
                       {{"HOLDFAST_SNAPSHOTS_DIRECTORY", "a \"b\" \\ c\t\x7f"}});
  REQUIRE(checked.ok());
  CHECK(contains(*checked->print, "maxmemory = \"2GiB\"\n"));
  TemporaryFile file(checked->print->substr(checked->print->find('[')));
  auto again = parse({"--config", file.path()});
  REQUIRE_MESSAGE(again.ok(), error_of({"--config", file.path()}));
  CHECK(all_of(again->settings) == all_of(checked->settings));
  CHECK(error_of({"--check-config", "--limits-clients", "0"}) != "accepted");
}

TEST_CASE("the nearest name, if one is near") {
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(nearest_name("abcdef", {"xbcdef", "xxcdef"}) == "xbcdef");
  CHECK(nearest_name("abcdef", {"xxcdef", "yycdef"}) == "xxcdef");  // the first of those as near
  CHECK(nearest_name("abcdef", {"xxxdef"}).empty());
}

TEST_CASE("--help and the printed files need no valid settings") {
  CHECK(parse({"--help", "--limits-clients", "0"})->print == help_text());
  CHECK(parse({"-h"})->print == help_text());
  CHECK(parse({"--print-example-config"})->print == example_config());
  CHECK(parse({"--print-settings-doc"})->print == settings_doc());
  std::istringstream lines(help_text());
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 100);
}

}  // namespace holdfast
