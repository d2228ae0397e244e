// The scripts that clients have made known to Redis, by EVAL or SCRIPT LOAD. A client takes a script for known as long
// as its connection lasts, and a restarted Redis would have broken that; here connections outlive Redis, so a Redis
// that comes back is told the scripts again.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/command/script_flags.h"
#include "core/command/table.h"

namespace holdfast {

class ScriptCache {
 public:
  // In bytes of script; above it the ones that were not used for longest are forgotten.
  explicit ScriptCache(size_t limit = kLimitBytes) : limit_(limit) {}
  static constexpr size_t kLimitBytes = 32 << 20;

  // A command that was admitted, or queued in a transaction.
  void note(const CommandInfo& command, const std::vector<std::string_view>& argv) {
    if (command.name[0] == 'e' || command.name[0] == 's') take(command, argv);
  }

  // Of the script that EVALSHA names so; nothing declared: also one that is not known.
  ScriptFlags flags(std::string_view sha) const;

  // The oldest use first.
  const std::list<std::string>& scripts() const { return scripts_; }

 private:
  void take(const CommandInfo& command, const std::vector<std::string_view>& argv);
  void forget_oldest();

  const size_t limit_;
  size_t bytes_ = 0;
  std::list<std::string> scripts_;
  std::unordered_map<std::string_view, std::list<std::string>::iterator> places_;  // of what stands in scripts_
  std::unordered_map<std::string, ScriptFlags> flags_;  // by SHA1, of those that declare some
};

}  // namespace holdfast
