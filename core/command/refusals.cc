#include "core/command/refusals.h"

#include <algorithm>
#include <iterator>

#include "core/resp/words.h"

namespace holdfast {
namespace {

constexpr std::string_view kModules =
    "a Redis that is made anew needs its modules, too: load them with 'loadmodule' in its configuration";

struct Refusal {
  std::string_view command;
  std::string_view subcommand;  // empty: all
  std::string_view reason;
};

// The first row that fits counts; without a reason it lets through.
constexpr Refusal kRefusals[] = {
    {"failover", "", "this Redis has no replica that could take over"},
    {"module", "help", ""},
    {"module", "list", ""},
    {"module", "", kModules},
    {"restore-asking", "", "only nodes of a cluster send it to each other"},
    {"script", "debug", "the debugger would stop all clients: use it on a Redis of your own"},
    {"shutdown", "", "other clients go on: Holdfast and Redis are stopped by who runs them"},
};

std::string_view container_of(std::string_view name) { return name.substr(0, name.find('|')); }

}  // namespace

bool may_be_refused(std::string_view name) {
  return std::any_of(std::begin(kRefusals), std::end(kRefusals),
                     [&](const Refusal& refusal) { return refusal.command == container_of(name); });
}

std::string_view why_refused(const CommandInfo& command, const std::vector<std::string_view>& argv) {
  if (!command.may_be_refused) return {};
  const auto found = std::find_if(std::begin(kRefusals), std::end(kRefusals), [&](const Refusal& refusal) {
    return refusal.command == container_of(command.name) &&
           (refusal.subcommand.empty() || (argv.size() > 1 && same_word(argv[1], refusal.subcommand)));
  });
  if (found != std::end(kRefusals)) return found->reason;
  return command.blocking ? "it may block, and Holdfast does not know how: it would hold up all clients" : "";
}

}  // namespace holdfast
