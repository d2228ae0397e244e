// CONFIG: Redis's own settings, but for those by which it could break what Holdfast promises.
#include <charconv>
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

// 0: no limit.
size_t tracking_limit(const std::string& text) {
  size_t limit = 0;
  std::from_chars(text.data(), text.data() + text.size(), limit);
  return limit == 0 ? SIZE_MAX : limit;
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
    Unit unit;
    for (const std::string& request : change.requests) unit.add_read(0, request);
    counter_->settings().begin(change);
    look(session, unit, [this, change](Session* there, const std::string& replies) {
      const std::string reply = split_replies(replies).back();
      const bool done = reply.starts_with('+');
      if (done) {
        counter_->settings().carried_out(change);
        const auto most_keys = change.kept.find("tracking-table-max-keys");
        if (most_keys != change.kept.end()) tracking_.set_most_keys(tracking_limit(most_keys->second));
      }
      if (const std::string& more = done ? change.then : change.undo; !more.empty()) {
        Unit last;
        last.add_read(0, more);
        counter_->look(last, [](const Result<std::string>&) {});
      }
      there->asking = false;
      answer(there, reply);
    });
    return true;
  });
}

}  // namespace holdfast
