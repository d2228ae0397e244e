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
  while (bytes_ > limit_) {
    bytes_ -= scripts_.front().size();
    places_.erase(scripts_.front());
    scripts_.pop_front();
  }
}

}  // namespace holdfast
