// DEBUG: for tests and in need. What would end Redis, or change it behind the log's back, does not get there.
#include <algorithm>

#include "core/resp/words.h"
#include "core/shard/frontdesk.h"
#include "core/shard/local_commands.h"
#include "core/shard/outcomes.h"

namespace holdfast {
namespace {

constexpr std::string_view kNoMerge = "ERR Error trying to load the RDB dump, check server logs.";

// Otherwise Redis says what is wrong with it.
bool is_reload(const std::vector<std::string_view>& argv) {
  const auto is_option = [](std::string_view word) {
    return same_word(word, "NOSAVE") || same_word(word, "NOFLUSH") || same_word(word, "MERGE");
  };
  return argv.size() > 1 && same_word(argv[1], "RELOAD") && std::all_of(argv.begin() + 2, argv.end(), is_option);
}

bool has_option(const std::vector<std::string_view>& argv, std::string_view option) {
  return std::any_of(argv.begin() + 2, argv.end(), [option](std::string_view word) { return same_word(word, option); });
}

// To load what is there already beside it: Redis would say so, or end itself.
bool loads_twice(const std::vector<std::string_view>& argv) {
  return is_reload(argv) && has_option(argv, "NOFLUSH") && !has_option(argv, "MERGE");
}

}  // namespace

LocalCommands::Outcome LocalCommands::debug(const Argv& argv) {
  if (loads_twice(argv)) return error(kNoMerge);
  // Those that end Redis, or change its data or its stream so that no replica would see it.
  for (std::string_view harmful : {"ASSERT", "CHANGE-REPL-ID", "CRASH-AND-ABORT", "CRASH-AND-RECOVER", "LOADAOF", "OOM",
                                   "PANIC", "POPULATE", "REPLICATE", "RESTART", "SEGFAULT"}) {
    if (argv.size() > 1 && same_word(argv[1], harmful)) {
      return error("ERR DEBUG " + std::string(argv[1]) +
                   " is not let through by Holdfast: it would end Redis, or change it behind the log's back");
    }
  }
  return backend();
}

bool Frontdesk::loads_anew(const CommandInfo& info, const Argv& argv) {
  if (!info.name.starts_with("debug")) return false;
  return (is_reload(argv) && !loads_twice(argv)) || (argv.size() == 2 && same_word(argv[1], "LOADAOF"));
}

// To a client the log is the append only file, and the RDB file: Redis is made anew from it, whatever its own hold.
// When it loads them itself it drops what has expired, and no replica learns of that. Not where Redis does not let the
// client use DEBUG.
void Frontdesk::load_anew(Session* session, std::string_view command) {
  with_leave(session, command, [this](Session* asked) {
    wait_for(asked, [this, asked] {
      if (asked->has_open_in_batch()) return false;
      asked->asking = false;
      counter_->load_anew(asked->waiter(asked->open_slot(false, world_->monotonic_ms())));
      return true;
    });
  });
}

void Frontdesk::digest(Session* session, std::string_view command) {
  with_leave(session, command, [this, kept = std::string(command)](Session* asked) {
    wait_for(asked, [this, asked, kept] {
      if (!counter_->at_rest()) return false;
      counter_->digest(kept, [this, id = asked->id(), question = asked->question](const std::string& reply) {
        Session* there = still_asking(id, question);
        if (there == nullptr) return;
        there->asking = false;
        answer(there, reply);
      });
      return true;
    });
  });
}

// Goes on once Redis has said that it lets the client's user use the command; answers what it says otherwise.
void Frontdesk::with_leave(Session* session, std::string_view command, std::function<void(Session* session)> then) {
  ask_leave(session, command, [this, then = std::move(then)](Session* asked, std::string_view refusal) {
    if (!refusal.empty()) return answer(asked, asked->restricted ? without_shadow(refusal) : std::string(refusal));
    then(asked);
  });
}

}  // namespace holdfast
