// Which clients CLIENT LIST and CLIENT KILL are about.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/shard/users.h"

namespace holdfast {

// By what a client may be chosen. Flags and capabilities: a letter each, as CLIENT LIST shows them.
struct ClientFacts {
  int64_t number = 0;
  std::string_view type;  // "normal", "replica" or "pubsub"
  std::string_view address, local_address, user, name, lib_name, lib_version, capabilities;
  std::string flags;
  int db = 0;
  int64_t age_s = 0, idle_s = 0;
};

class ClientFilter {
 public:
  enum class Dialect : uint8_t {
    kRedis6,    // 6.2: any number may be an ID
    kRedis,     // 7.0 and 7.2
    kRedisAge,  // 7.4: CLIENT KILL MAXAGE
    kValkey,    // 9: both commands take all filters, and those they are not to fit
  };
  struct Known {
    Dialect dialect;
    const Users& users;
    int databases;
  };

  // `argv`: the whole request. An error is what the client is told.
  static Result<ClientFilter> of_list(const std::vector<std::string_view>& argv, const Known& known);
  static Result<ClientFilter> of_kill(const std::vector<std::string_view>& argv, const Known& known);

  bool fits(const ClientFacts& facts) const;
  bool skips_itself() const { return skips_itself_; }

 private:
  using Argv = std::vector<std::string_view>;
  using Condition = std::function<bool(const ClientFacts&)>;

  static Result<ClientFilter> of_words(const Argv& argv, const Known& known, bool skips_itself);
  static Result<Condition> condition(const std::string& name, bool negated, std::string_view value, const Known& known);
  Result<size_t> take_numbers(const Argv& argv, size_t at, bool negated, const Known& known);

  std::vector<int64_t> numbers_, other_numbers_;  // one of these, where there are any; none of those
  std::map<std::string, Condition> conditions_;   // by filter: given twice, the last one counts
  bool skips_itself_ = false;
};

}  // namespace holdfast
