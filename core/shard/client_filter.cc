#include "core/shard/client_filter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/address.h"
#include "core/resp/integer.h"
#include "core/resp/words.h"

namespace holdfast {
namespace {

constexpr std::string_view kFlags = "OSMPxbtRBdcuAUreTIN";
constexpr std::string_view kCapabilities = "r";
constexpr size_t kLongestWord = 16;

Error syntax_error() { return {"ERR syntax error"}; }

bool holds_all(std::string_view letters, std::string_view wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](char c) { return letters.find(c) != std::string_view::npos; });
}

// As CLIENT LIST and CLIENT KILL call it: more names than ClientFacts has.
std::optional<std::string> type_named(std::string_view text, bool valkey) {
  if (same_word(text, "slave")) return "replica";
  if (valkey && same_word(text, "primary")) return "master";
  for (const std::string_view type : {"normal", "master", "replica", "pubsub"}) {
    if (same_word(text, type)) return std::string(type);
  }
  return std::nullopt;
}

}  // namespace

bool ClientFilter::fits(const ClientFacts& facts) const {
  const auto is_in = [&](const std::vector<int64_t>& numbers) {
    return std::find(numbers.begin(), numbers.end(), facts.number) != numbers.end();
  };
  if ((!numbers_.empty() && !is_in(numbers_)) || is_in(other_numbers_)) return false;
  return std::all_of(conditions_.begin(), conditions_.end(), [&](const auto& one) { return one.second(facts); });
}

Result<ClientFilter> ClientFilter::of_list(const Argv& argv, const Known& known) {
  if (known.dialect == Dialect::kValkey || argv.size() == 2) return of_words(argv, known, false);
  if (argv.size() == 4 && same_word(argv[2], "TYPE")) return of_words(argv, known, false);
  if (argv.size() < 4 || !same_word(argv[2], "ID")) return syntax_error();
  ClientFilter filter;
  for (size_t i = 3; i < argv.size(); i++) {
    const std::optional<int64_t> number = parse_integer(argv[i]);
    if (!number) return Error{"ERR Invalid client ID"};
    filter.numbers_.push_back(*number);
  }
  return filter;
}

Result<ClientFilter> ClientFilter::of_kill(const Argv& argv, const Known& known) {
  if (argv.size() > 3) return of_words(argv, known, true);
  ClientFilter filter;
  filter.conditions_["addr"] = [address = std::string(argv[2])](const ClientFacts& facts) {
    return facts.address == address;
  };
  return filter;
}

Result<ClientFilter> ClientFilter::of_words(const Argv& argv, const Known& known, bool skips_itself) {
  ClientFilter filter;
  filter.skips_itself_ = skips_itself;
  for (size_t i = 2; i < argv.size(); i += 2) {
    if (i + 1 == argv.size()) return syntax_error();
    const std::string word = lowered(argv[i].substr(0, kLongestWord));
    const std::string_view value = argv[i + 1];
    const bool negated = known.dialect == Dialect::kValkey && word.starts_with("not-");
    const std::string name = negated ? word.substr(4) : word;
    if (name == "id") {
      const Result<size_t> taken = filter.take_numbers(argv, i + 1, negated, known);
      if (!taken.ok()) return Error{taken.error()};
      i += *taken - 1;
    } else if (word == "skipme") {
      if (!same_word(value, "yes") && !same_word(value, "no")) return syntax_error();
      filter.skips_itself_ = same_word(value, "yes");
    } else {
      const Result<Condition> found = condition(name, negated, value, known);
      if (!found.ok()) return Error{found.error()};
      filter.conditions_[word] = [fits = *found, negated](const ClientFacts& facts) { return fits(facts) != negated; };
    }
  }
  return filter;
}

// How many there are: one in Redis, where the last one counts; in Valkey as many as one likes, and all count.
Result<size_t> ClientFilter::take_numbers(const Argv& argv, size_t at, bool negated, const Known& known) {
  const bool valkey = known.dialect == Dialect::kValkey;
  std::vector<int64_t>& numbers = negated ? other_numbers_ : numbers_;
  if (!valkey) numbers.clear();
  size_t taken = 0;
  for (; at + taken < argv.size() && (valkey || taken == 0); taken++) {
    const std::optional<int64_t> number = parse_integer(argv[at + taken]);
    if (!number && valkey) break;
    if (!number && known.dialect == Dialect::kRedis6) return Error{"ERR value is not an integer or out of range"};
    const bool is_one = number && (*number >= 1 || known.dialect == Dialect::kRedis6);
    if (!is_one) return Error{"ERR client-id should be greater than 0"};
    numbers.push_back(*number);
  }
  if (taken == 0) return syntax_error();
  return taken;
}

Result<ClientFilter::Condition> ClientFilter::condition(const std::string& name, bool negated, std::string_view value,
                                                        const Known& known) {
  const bool valkey = known.dialect == Dialect::kValkey;
  const std::string text(value);
  if (name == "type") {
    const std::optional<std::string> type = type_named(value, valkey);
    if (!type) return Error{"ERR Unknown client type '" + text + "'"};
    return Condition([type = *type](const ClientFacts& facts) { return facts.type == type; });
  }
  if (name == "addr") return Condition([text](const ClientFacts& facts) { return facts.address == text; });
  if (name == "laddr") return Condition([text](const ClientFacts& facts) { return facts.local_address == text; });
  if (name == "user") {
    if (!known.users.contains(value)) return Error{"ERR No such user '" + text + "'"};
    return Condition([text](const ClientFacts& facts) { return facts.user == text; });
  }
  if ((name == "maxage" && !negated && known.dialect >= Dialect::kRedisAge) || (name == "idle" && !negated && valkey)) {
    const std::optional<int64_t> seconds = parse_integer(value);
    if (!seconds) return Error{"ERR " + name + " is not an integer or out of range"};
    if (*seconds <= 0) return Error{"ERR " + name + " should be greater than 0"};
    return Condition([age = name == "maxage", seconds = *seconds](const ClientFacts& facts) {
      return (age ? facts.age_s : facts.idle_s) >= seconds;
    });
  }
  if (!valkey) return syntax_error();
  if (name == "flags" || name == "capa") {
    const bool flags = name == "flags";
    if (!holds_all(flags ? kFlags : kCapabilities, value)) {
      return Error{"ERR Unknown " + name + " found in the " +
                   (!negated ? "provided"
                    : flags  ? "NOT-FLAGS"
                             : "NOT-CAPA") +
                   " filter: " + text};
    }
    return Condition([text, flags](const ClientFacts& facts) {
      return holds_all(flags ? std::string_view(facts.flags) : facts.capabilities, text);
    });
  }
  // What has no name has not this one either.
  const auto named = [&text](std::string_view ClientFacts::*field) {
    return Condition([text, field](const ClientFacts& facts) { return !text.empty() && facts.*field == text; });
  };
  if (name == "name") return named(&ClientFacts::name);
  if (name == "lib-name") return named(&ClientFacts::lib_name);
  if (name == "lib-ver") return named(&ClientFacts::lib_version);
  if (name == "ip") return Condition([text](const ClientFacts& facts) { return host_of(facts.address) == text; });
  if (name == "db") {
    const std::string what = negated ? "NOT-DB" : "DB";
    const std::optional<int64_t> db = parse_integer(value);
    if (!db) return Error{"ERR " + what + " is not an integer or out of range"};
    if (*db < 0 || *db >= known.databases) {
      return Error{"ERR " + what + " number should be between 0 and " + std::to_string(known.databases - 1)};
    }
    return Condition([db = *db](const ClientFacts& facts) { return facts.db == db; });
  }
  return syntax_error();
}

}  // namespace holdfast
