#include "core/stats/command_log.h"

#include <doctest/doctest.h>

#include "core/resp/request.h"
#include "tests/unit/test_unit.h"

namespace holdfast {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string redacted(std::string_view command, const std::string& request) {
  std::vector<std::string> argv;
  for (const std::string_view word : testing::split(request)) argv.emplace_back(word);
  redact(command, &argv);
  return joined(argv);
}

std::vector<std::string> trimmed(const std::vector<std::string_view>& argv) {
  std::string canonical, out;
  append_request(&canonical, argv);
  append_trimmed(&out, argv, canonical);
  RequestParser parser(kNoRequestLimits);
  REQUIRE(parser.parse(out) == RequestParser::Status::kComplete);
  return {parser.argv().begin(), parser.argv().end()};
}

TEST_CASE("command log: no password is shown") {
  CHECK(redacted("auth", "AUTH secret") == "AUTH (redacted)");
  CHECK(redacted("auth", "AUTH user secret") == "AUTH (redacted) (redacted)");
  CHECK(redacted("acl|setuser", "ACL setuser joe on >pw") == "ACL setuser (redacted) (redacted) (redacted)");
  CHECK(redacted("acl", "acl SETUSER joe >pw") == "acl SETUSER (redacted) (redacted)");
  CHECK(redacted("acl|deluser", "acl deluser joe") == "acl deluser (redacted)");
  CHECK(redacted("acl|whoami", "acl whoami") == "acl whoami");
  CHECK(redacted("config|set", "config set maxmemory 1 requirepass pw MASTERAUTH pw2") ==
        "config set maxmemory 1 requirepass (redacted) MASTERAUTH (redacted)");
  CHECK(redacted("config|set", "config set requirepass requirepass timeout 0") ==
        "config set requirepass (redacted) timeout 0");
  CHECK(redacted("config|set", "config set tls-key-file-pass pw") == "config set tls-key-file-pass (redacted)");
  CHECK(redacted("config|get", "config get requirepass") == "config get requirepass");
  CHECK(redacted("hello", "HELLO 3 AUTH joe pw SETNAME x") == "HELLO 3 AUTH (redacted) (redacted) SETNAME x");
  // A name that looks like the option hides nothing of what follows.
  CHECK(redacted("hello", "HELLO 3 SETNAME AUTH AUTH joe pw") ==
        "HELLO 3 SETNAME AUTH (redacted) (redacted) (redacted)");
  CHECK(redacted("hello", "HELLO 3 AUTH auth auth") == "HELLO 3 AUTH (redacted) (redacted)");
  CHECK(redacted("migrate", "migrate h 1 key 9 5000 AUTH pw") == "migrate h 1 key 9 5000 AUTH (redacted)");
  CHECK(redacted("migrate", "migrate h 1 key 9 5000 AUTH2 joe pw KEYS a") ==
        "migrate h 1 key 9 5000 AUTH2 (redacted) (redacted) KEYS a");
  CHECK(redacted("set", "set requirepass x") == "set requirepass x");
}

TEST_CASE("command log: long requests are trimmed as Redis does it") {
  CHECK(joined(trimmed({"get", "a"})) == "get a");
  const std::string most(128, 'A'), more(129, 'A');
  CHECK(trimmed({"set", most, more}) == std::vector<std::string>{"set", most, most + "... (1 more bytes)"});
  std::vector<std::string_view> many(33, "x");
  std::vector<std::string> shown = trimmed(many);
  CHECK(shown.size() == 32);
  CHECK(shown[30] == "x");
  CHECK(shown[31] == "... (2 more arguments)");
  many.pop_back();
  shown = trimmed(many);
  CHECK(shown.size() == 32);
  CHECK(shown[31] == "x");
}

TEST_CASE("command log: the newest first, and no more than it may keep") {
  CommandLog log(10);
  CHECK(log.wants(10));
  CHECK(!log.wants(9));
  log.set_most(2);
  for (int64_t value = 0; value < 3; value++) log.add({.value = value});
  REQUIRE(log.entries().size() == 2);
  CHECK(log.entries()[0].value == 2);
  CHECK(log.entries()[0].id == 2);
  CHECK(log.entries()[1].value == 1);
  log.set_most(1);
  REQUIRE(log.entries().size() == 1);
  CHECK(log.entries()[0].value == 2);
  log.reset();
  log.add({.value = 7});
  CHECK(log.entries()[0].id == 3);  // ids go on
  log.set_most(0);
  log.add({.value = 8});
  CHECK(log.entries().empty());
  log.set_threshold(-1);
  CHECK(!log.wants(INT64_MAX));
}

}  // namespace
}  // namespace holdfast
