// What clients get without having asked for it at this moment: messages, invalidations, and what monitors see.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "core/command/named_keys.h"
#include "core/deliberate_bug.h"
#include "core/resp/reply.h"
#include "core/resp/words.h"
#include "core/shard/frontdesk.h"
#include "core/shard/migration.h"
#include "core/stats/command_log.h"

namespace holdfast {
namespace {

// As Redis prints arguments for people: in quotes, what cannot be printed as escapes.
void append_quoted(std::string* out, std::string_view text) {
  *out += '"';
  for (const char c : text) {
    switch (c) {
      case '\\':
      case '"':
        *out += '\\';
        *out += c;
        break;
      case '\n': *out += "\\n"; break;
      case '\r': *out += "\\r"; break;
      case '\t': *out += "\\t"; break;
      case '\a': *out += "\\a"; break;
      case '\b': *out += "\\b"; break;
      default:
        if (c >= ' ' && c <= '~') {
          *out += c;
        } else {
          char escaped[8];
          std::snprintf(escaped, sizeof(escaped), "\\x%02x", static_cast<unsigned char>(c));
          *out += escaped;
        }
    }
  }
  *out += '"';
}

}  // namespace

void Frontdesk::push(Session* session, std::string bytes) {
  if (session->closing || (session->silent && !counter_->words().pushes_when_silent)) return;
  session->push(std::move(bytes));
  touch(session);
  check_output(session, true);
}

const OutputLimit& Frontdesk::output_limit(const Session& session) const {
  return !pubsub_.empty() && pubsub_.subscribed(session.id()) ? limits_.subscribers : limits_.normal;
}

// Who does not read is let go where it has such a limit, as in Redis. Its requests can be made to wait, but not what is
// `pushed`, so that has a limit in any case.
void Frontdesk::check_output(Session* session, bool pushed) {
  OutputLimit limit = output_limit(*session);
  if (limit.hard_bytes == 0 && pushed) limit.hard_bytes = limits_.output_bytes;
  if (session->closing || session->replica || (limit.hard_bytes == 0 && limit.soft_bytes == 0)) return;
  const size_t bytes = world_->client_unsent(session->id()) + session->outgoing.size() + session->message_bytes;
  if (!session->output.over(limit, bytes, world_->monotonic_ms())) return;
  world_->note(World::Level::kWarn, "closing client " + session->address() + ": " + std::to_string(bytes) +
                                        " bytes wait for it, over its client-output-buffer-limit");
  cut(session);
}

void Frontdesk::on_published(PubSub::Message message) { messages_.push_back(std::move(message)); }

void Frontdesk::on_touched(const Touched& touched) {
  if (!migrating_.empty()) find(migrating_.front())->migration->on_touched(touched);
  blocking_.on_touched(touched);
  if (!tracking_.empty()) tracking_.on_touched(touched);
}

void Frontdesk::on_redis_rebuilt(int64_t settled_offset, uint64_t removals_committed) {
  blocking_.mark_all();
  // What was not settled did not happen.
  deliver(settled_offset, removals_committed);
  for (const PubSub::Message& message : messages_) uncharge(message);
  messages_.clear();
  charged_messages_ = 0;
  monitors_.drop_script_lines();
  tracking_.restart();
  replicas_.restart();
}

void Frontdesk::deliver(int64_t settled_offset, uint64_t removals_committed) {
  deliver_messages(settled_offset, removals_committed);
  deliver_invalidations(settled_offset, removals_committed);
  deliver_script_lines(settled_offset, removals_committed);
}

// A message may tell of what is not in the log yet, where a script has sent it.
void Frontdesk::deliver_messages(int64_t settled_offset, uint64_t removals_committed) {
  for (; !messages_.empty(); messages_.pop_front()) {
    const PubSub::Message& message = messages_.front();
    const bool settled = message.offset <= settled_offset && message.removal <= removals_committed;
    if (!settled && kDeliberateBug != 16) break;  // bug: messages do not wait for the log
    uncharge(message);
    if (charged_messages_ > 0) charged_messages_--;
    for (const PubSub::Delivery& delivery : pubsub_.receivers(message.sharded, message.channel)) {
      Session* session = find(delivery.session);
      push(session, message_push(message, delivery.pattern, session->protocol));
    }
  }
  charge_messages();
}

// While the log is away messages have to wait, and nobody knows for how long: until they leave they count for those who
// are to get them as if they had been sent. What is for nobody need not wait.
void Frontdesk::charge_messages() {
  bool cut = false;
  size_t kept = charged_messages_;
  for (size_t i = kept; i < messages_.size(); i++) {
    PubSub::Message& message = messages_[i];
    for (const PubSub::Delivery& delivery : pubsub_.receivers(message.sharded, message.channel)) {
      Session* session = find(delivery.session);
      if (session->closing) continue;
      const size_t bytes = push_bytes(message, delivery.pattern);
      message.charged.emplace_back(delivery.session, bytes);
      session->message_bytes += bytes;
      check_output(session, true);
      cut = cut || session->closing;
    }
    if (message.charged.empty()) continue;
    if (kept != i) messages_[kept] = std::move(message);
    kept++;
  }
  messages_.resize(kept);
  charged_messages_ = kept;
  if (cut) drop_unwanted_messages();
}

void Frontdesk::uncharge(const PubSub::Message& message) {
  for (const auto& [id, bytes] : message.charged) {
    if (Session* session = find(id)) session->message_bytes -= bytes;
  }
}

// Those that wait for nobody any more.
void Frontdesk::drop_unwanted_messages() {
  const auto gone = [this](const std::pair<SessionId, size_t>& one) {
    const Session* session = find(one.first);
    return session == nullptr || session->closing;
  };
  size_t charged = 0, at = 0;
  std::erase_if(messages_, [&](const PubSub::Message& message) {
    const bool is_charged = at++ < charged_messages_;
    const bool unwanted = is_charged && std::all_of(message.charged.begin(), message.charged.end(), gone);
    if (unwanted) uncharge(message);
    if (is_charged && !unwanted) charged++;
    return unwanted;
  });
  charged_messages_ = charged;
}

void Frontdesk::deliver_invalidations(int64_t settled_offset, uint64_t removals_committed) {
  if (tracking_.empty()) return;
  const auto waits = [this](const Tracking::Invalidation& one) {
    if (one.behind == 0) return false;
    const Session* session = find(one.session);
    if (one.behind == Tracking::kBlockedCall) return blocking_.attempting(one.session);
    return session != nullptr && !session->has_left(one.behind);
  };
  for (const Tracking::Invalidation& one : tracking_.take(settled_offset, removals_committed, waits)) {
    Tracking::Options* options = tracking_.of(one.session);
    if (options == nullptr) continue;
    Session* owner = find(one.session);
    Session* target = options->redirect == 0 ? owner : find_number(options->redirect);
    if (target == nullptr) {
      if (!options->redirect_broken && owner->protocol == Protocol::kResp3) {
        std::string broken;
        append_push_header(&broken, 2, owner->protocol);
        append_bulk(&broken, "tracking-redir-broken");
        append_integer(&broken, options->redirect);
        push(owner, std::move(broken));
      }
      options->redirect_broken = true;
      continue;
    }
    const bool listens = options->redirect != 0 && pubsub_.subscribed(target->id());
    if (target->protocol == Protocol::kResp3 || listens) push(target, invalidation_push(one, target->protocol));
  }
}

// Whoever caches the reply wants to know when it is out of date.
void Frontdesk::note_read(Session* session, uint64_t slot, const CommandInfo* info, const Argv& argv) {
  if (tracking_.empty() || info == nullptr) return;
  const Tracking::Options* options = tracking_.of(session->id());
  if (options == nullptr || options->broadcast) return;
  if (options->opt_in && session->caching != true) return;
  if (options->opt_out && session->caching == false) return;
  const std::vector<std::string_view> keys = keys_read(*info, argv);
  if (!keys.empty()) tracking_.on_read(session->id(), slot, keys);
}

void Frontdesk::show_to_monitors(const Session& session, const CommandInfo* info, const Argv& argv) {
  if (monitors_.sessions().empty() || (info != nullptr && info->admin)) return;
  const int64_t now = world_->unix_ms();
  char time[40];
  std::snprintf(time, sizeof(time), "+%lld.%06lld", static_cast<long long>(now / 1000),
                static_cast<long long>(now % 1000 * 1000));
  std::string line = std::string(time) + " [" + std::to_string(session.db) + " " + session.address() + "]";
  std::vector<std::string> shown(argv.begin(), argv.end());
  if (info != nullptr) redact(info->name, &shown);
  for (const std::string& argument : shown) {
    line += ' ';
    append_quoted(&line, argument);
  }
  line += "\r\n";
  for (const SessionId id : std::vector<SessionId>(monitors_.sessions())) push(find(id), line);
}

// It is not told that it monitors before it would see what a script does.
void Frontdesk::begin_monitoring(Session* session) {
  monitors_.expect(session->id());
  wait_for(session, [this, session] {
    if (!counter_->script_lines_up() && counter_->refuse_read().empty()) return false;
    session->asking = false;
    monitors_.begin(session->id());
    answer(session, "+OK\r\n");
    return true;
  });
}

void Frontdesk::deliver_script_lines(int64_t settled_offset, uint64_t removals_committed) {
  for (const std::string& line : monitors_.take_script_lines(settled_offset, removals_committed)) {
    for (const SessionId id : std::vector<SessionId>(monitors_.sessions())) push(find(id), "+" + line + "\r\n");
  }
}

}  // namespace holdfast
