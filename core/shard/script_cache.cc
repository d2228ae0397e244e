#include "core/shard/script_cache.h"

#include "core/resp/words.h"

namespace holdfast {

void ScriptCache::take(const CommandInfo& command, const std::vector<std::string_view>& argv) {
  const std::string_view name = command.name;
  std::string_view script;
  if ((name == "eval" || name == "eval_ro") && argv.size() > 1) script = argv[1];
  if (name.starts_with("script") && argv.size() > 1) {
    if (same_word(argv[1], "FLUSH")) {
      places_.clear();
      scripts_.clear();
      flags_.clear();
      bytes_ = 0;
    }
    if (same_word(argv[1], "LOAD") && argv.size() == 3) script = argv[2];
  }
  if (script.empty() || script.size() > limit_) return;
  if (const auto known = places_.find(script); known != places_.end()) {
    scripts_.splice(scripts_.end(), scripts_, known->second);
    return;
  }
  scripts_.emplace_back(script);
  places_.emplace(scripts_.back(), std::prev(scripts_.end()));
  bytes_ += script.size();
  if (const ScriptFlags flags = script_flags(script); flags.declared) flags_[script_sha(script)] = flags;
  while (bytes_ > limit_) forget_oldest();
}

void ScriptCache::forget_oldest() {
  const std::string& script = scripts_.front();
  if (script_flags(script).declared) flags_.erase(script_sha(script));
  bytes_ -= script.size();
  places_.erase(script);
  scripts_.pop_front();
}

ScriptFlags ScriptCache::flags(std::string_view sha) const {
  if (flags_.empty()) return {};
  const auto known = flags_.find(lowered(sha));
  return known == flags_.end() ? ScriptFlags() : known->second;
}

}  // namespace holdfast
