// DEBUG: for tests and in need. What would end Redis, or change it behind the log's back, does not get there.
#include "core/resp/words.h"
#include "core/shard/frontdesk.h"
#include "core/shard/local_commands.h"
#include "core/shard/outcomes.h"

namespace holdfast {

LocalCommands::Outcome LocalCommands::debug(const Argv& argv) {
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
  return info.name.starts_with("debug") && argv.size() == 2 && same_word(argv[1], "LOADAOF");
}

// To a client the log is the append only file: Redis is made anew from it, whatever its own holds. Not where Redis does
// not let it use DEBUG.
void Frontdesk::load_anew(Session* session, std::string_view command) {
  if (const std::string down = counter_->refuse_read(); !down.empty()) return refuse(session, down);
  begin_asking(session);
  const SessionId id = session->id();
  const uint64_t question = session->question;
  const std::string user = session->restricted ? shadow_of(session->user) : std::string();
  counter_->ask(session->db, command, user, [this, id, question](std::string_view refusal) {
    Session* asked = still_asking(id, question);
    if (asked == nullptr) return;
    asked->asking = false;
    if (!refusal.empty()) return answer(asked, asked->restricted ? without_shadow(refusal) : std::string(refusal));
    wait_for(asked, [this, asked] {
      if (asked->has_open_in_batch()) return false;
      asked->asking = false;
      counter_->load_anew(asked->waiter(asked->open_slot(false, world_->monotonic_ms())));
      return true;
    });
  });
}

}  // namespace holdfast
