#include "core/stats/own_calls.h"

#include <algorithm>
#include <charconv>

#include "core/stats/statistics.h"

namespace holdfast {
namespace {

uint64_t number_behind(std::string_view text, std::string_view name) {
  uint64_t number = 0;
  const size_t at = text.find(name);
  if (at != std::string_view::npos) {
    std::from_chars(text.data() + at + name.size(), text.data() + text.size(), number);
  }
  return number;
}

// Calls `use` with name and value of each line "prefixNAME:VALUE".
template <class Use>
void for_each_line(std::string_view info, std::string_view prefix, Use use) {
  while (!info.empty()) {
    const std::string_view line = info.substr(0, info.find('\n'));
    info.remove_prefix(std::min(line.size() + 1, info.size()));
    const size_t colon = line.find(':');
    if (!line.starts_with(prefix) || colon == std::string_view::npos) continue;
    use(line.substr(prefix.size(), colon - prefix.size()), line.substr(colon + 1));
  }
}

uint64_t more(uint64_t now, uint64_t before) { return now > before ? now - before : 0; }

}  // namespace

OwnCalls::Commands OwnCalls::commands_in(std::string_view info) {
  Commands commands;
  for_each_line(info, "cmdstat_", [&](std::string_view name, std::string_view value) {
    commands[std::string(name)] = {number_behind(value, "calls="), number_behind(value, ",usec="),
                                   number_behind(value, ",failed_calls=")};
  });
  return commands;
}

OwnCalls::Errors OwnCalls::errors_in(std::string_view info) {
  Errors errors;
  for_each_line(info, "errorstat_", [&](std::string_view word, std::string_view value) {
    errors[std::string(word)] = number_behind(value, "count=");
  });
  return errors;
}

uint64_t OwnCalls::all_errors_in(std::string_view info) { return number_behind(info, "\ntotal_error_replies:"); }

uint32_t OwnCalls::number_of(const std::vector<std::string_view>& argv) const {
  const CommandInfo* info = table_ == nullptr ? nullptr : table_->find(argv);
  return info == nullptr ? 0 : info->number;
}

void OwnCalls::executed(uint32_t command, std::string_view reply) {
  if (command == 0 || !begun_ || refused_unexecuted(reply)) return;
  if (command >= own_.size()) own_.resize(command + 1);
  own_[command].calls++;
  if (reply.starts_with('-')) own_[command].failed++;
}

void OwnCalls::begin(std::string_view info) {
  reset();
  begun_ = true;
  before_ = {commands_in(info), errors_in(info), all_errors_in(info)};
  changes_unsaved(info);
  markers_saved_ = markers_;  // another Redis, or one that was made anew, may not have counted them
  select_ = number_of({"select"});
  set_ = number_of({"set"});
}

void OwnCalls::reset() {
  before_ = {};
  own_.clear();
  errors_.reset();
}

std::map<std::string, OwnCalls::Inside, std::less<>> OwnCalls::commands_inside(std::string_view info) const {
  std::map<std::string, Inside, std::less<>> inside;
  if (!begun_) return inside;
  for (const auto& [name, now] : commands_in(info)) {
    const CommandInfo* command = table_->find_name(name);
    // Those that cannot be in a script, and the PING of another link.
    if (command == nullptr || command->no_script || name == "ping") continue;
    const auto found = before_.commands.find(name);
    const Counted before = found == before_.commands.end() ? Counted{} : found->second;
    const Counted own = command->number < own_.size() ? own_[command->number] : Counted{};
    const uint64_t calls = more(now.calls, before.calls);
    Inside more_here{more(calls, own.calls), more(now.failed, before.failed + own.failed), 0};
    if (calls > 0) more_here.usec = more(now.usec, before.usec) / calls * more_here.calls;
    if (more_here.calls > 0 || more_here.failed > 0) inside[name] = more_here;
  }
  return inside;
}

std::map<std::string, uint64_t, std::less<>> OwnCalls::errors_inside(std::string_view info) const {
  std::map<std::string, uint64_t, std::less<>> inside;
  if (!begun_) return inside;
  for (const auto& [word, now] : errors_in(info)) {
    const auto before = before_.errors.find(word);
    const auto own = errors_.by_word().find(word);
    const uint64_t count = more(now, (before == before_.errors.end() ? 0 : before->second) +
                                         (own == errors_.by_word().end() ? 0 : own->second));
    if (count > 0) inside[word] = count;
  }
  return inside;
}

uint64_t OwnCalls::changes_unsaved(std::string_view info) {
  const uint64_t saves = number_behind(info, "\nrdb_saves:"), last = number_behind(info, "\nrdb_last_save_time:");
  if (saves != saves_seen_ || last != last_save_seen_) {
    saves_seen_ = saves;
    last_save_seen_ = last;
    markers_saved_ = markers_;
  }
  return more(number_behind(info, "\nrdb_changes_since_last_save:"), markers_ - markers_saved_);
}

uint64_t OwnCalls::all_errors_inside(std::string_view info) const {
  return begun_ ? more(all_errors_in(info), before_.all_errors + errors_.total()) : 0;
}

}  // namespace holdfast
