// CONFIG: Redis's own settings, but for those by which it could break what Holdfast promises.
#include <utility>

#include "core/resp/reply.h"
#include "core/resp/words.h"
#include "core/shard/frontdesk.h"
#include "core/shard/local_commands.h"
#include "core/shard/outcomes.h"

namespace holdfast {
namespace {

std::string failed(std::string_view setting, std::string_view reason) {
  return "ERR CONFIG SET failed (possibly related to argument '" + std::string(setting) + "') - " + std::string(reason);
}

std::unique_ptr<Unit> unit_of(const std::vector<std::string>& requests) {
  auto unit = std::make_unique<Unit>();
  for (const std::string& request : requests) unit->add_read(0, request);
  return unit;
}

}  // namespace

LocalCommands::Outcome LocalCommands::config(const Argv& argv) {
  if (same_word(argv[1], "GET")) return backend(Filter::kConfigGet);
  if (!same_word(argv[1], "SET")) return backend();
  // Only inside a transaction; otherwise see Frontdesk::set_config().
  for (size_t i = 2; i + 1 < argv.size(); i += 2) {
    std::string_view reason = LiveSettings::why_fixed(argv[i], argv[i + 1]);
    if (same_word(argv[i], "maxmemory") || same_word(argv[i], "maxmemory-policy")) {
      reason = "Holdfast has a part in it, which cannot be in a transaction";
    }
    if (!reason.empty()) return error(failed(argv[i], reason));
  }
  return backend();
}

void Frontdesk::set_config(Session* session, const Argv& argv) {
  for (size_t i = 2; i + 1 < argv.size(); i += 2) {
    const std::string_view reason = LiveSettings::why_fixed(argv[i], argv[i + 1]);
    if (!reason.empty()) return reply_error(session, failed(argv[i], reason));
  }
  if (const std::string down = counter_->refuse_read(); !down.empty()) return reply_error(session, down);
  wait_for(session, [this, session, change = counter_->settings().plan(argv)] {
    if (session->has_open_in_batch()) return false;
    look(session, unit_of(change.requests), [this, change](Session* there, const std::string& replies) {
      const std::string reply = split_replies(replies).back();
      const bool done = reply.starts_with('+');
      if (done) counter_->settings().carried_out(change);
      if (const std::string& more = done ? change.then : change.undo; !more.empty()) {
        counter_->look(unit_of({more}), [](const Result<std::string>&) {});
      }
      there->asking = false;
      answer(there, reply);
    });
    return true;
  });
}

}  // namespace holdfast
