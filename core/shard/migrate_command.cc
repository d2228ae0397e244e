// MIGRATE, see Migration. As with a Redis of one's own everybody waits while keys are under way: Redis does nothing
// else then. It begins when all that was admitted before is executed and safe in the log, so another server gets
// nothing that might yet be lost here; and its DEL is admitted before anything that comes later. What changes a key in
// between all the same (an expiry, somebody at Redis itself, a write that was let through because the log was slow) is
// seen on the tap.
#include <utility>

#include "core/resp/reply.h"
#include "core/shard/frontdesk.h"
#include "core/shard/migration.h"

namespace holdfast {

void Frontdesk::migrate(Session* session, const CommandInfo* info, const Argv& argv, std::string_view command) {
  std::optional<Migration> migration = Migration::parse(session->db, argv);
  if (!migration) return forward_read(session, info, session->db, argv, command);
  const std::string down = migration->copies() ? counter_->refuse_read() : counter_->refuse_write();
  if (!down.empty()) return refuse(session, down);
  session->migration = std::make_shared<Migration>(std::move(*migration));
  migrating_.push_back(session->id());
  holding_ = true;
  wait_for(session, [this, session] {
    if (migrating_.front() != session->id() || session->has_open_in_batch() || !counter_->at_rest()) return false;
    transfer(session);
    return true;
  });
}

void Frontdesk::transfer(Session* session) {
  Migration& migration = *session->migration;
  const std::string request = migration.transfer();
  session->asked_ms = world_->monotonic_ms();
  if (!request.empty()) {
    session->asked_ms += migration.patience_ms();
    Unit question;
    question.add_read(migration.db(), request);
    return look(session, question, [this](Session* there, const std::string& reply) {
      there->migration->on_reply(reply);
      transfer(there);
    });
  }
  wait_for(session, [this, session] {
    if (counter_->write_under_way(session->migration->hashes())) return false;
    if (session->migration->again()) {
      transfer(session);
    } else {
      remove_migrated(session);
    }
    return true;
  });
}

// And answers. What was transferred stays here where the log takes no writes by now, and the reply says so.
void Frontdesk::remove_migrated(Session* session) {
  const std::shared_ptr<Migration> migration = end_migration(session);
  session->asking = false;
  const std::string removal = migration->removal();
  if (removal.empty()) return answer_when_settled(session, migration->reply());
  if (const std::string down = counter_->refuse_write(); !down.empty()) return reply_error(session, down);
  RequestParser parser(kNoRequestLimits);
  parser.parse(removal);
  Op op = make_op(counter_->table().find(parser.argv()), migration->db(), parser.argv());
  op.in_transaction = true;  // no second try: a key may be another by then
  const uint64_t slot = session->open_slot(true, world_->monotonic_ms(), migration->reply());
  op.waiter = session->waiter(slot, Filter::kOnlyErrors);
  Unit unit;
  unit.add(std::move(op), removal);
  admit_write(session, std::move(unit));
}

std::shared_ptr<Migration> Frontdesk::end_migration(Session* session) {
  std::erase(migrating_, session->id());
  return std::exchange(session->migration, nullptr);
}

// What a client is told whose migration was given up.
std::string Frontdesk::give_up_migration(Session* session, std::string_view error) {
  if (!end_migration(session)->begun()) return std::string(error);
  return "IOERR " + std::string(error.substr(error.find(' ') + 1)) +
         ": nothing was removed here, but the target may have got keys";
}

}  // namespace holdfast
