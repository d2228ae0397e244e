// SUBSCRIBE and its kin, and PUBSUB.
#include "core/resp/reply.h"
#include "core/resp/words.h"
#include "core/shard/frontdesk.h"
#include "core/shard/local_commands.h"

namespace holdfast {
namespace {

using Argv = std::vector<std::string_view>;

// SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE; the same of UNSUBSCRIBE.
PubSub::Kind kind_of(std::string_view command) {
  const char first = static_cast<char>(command[0] | 0x20);
  if (first == 'p') return PubSub::Kind::kPattern;
  const bool sharded = first == 's' && !same_word(command, "SUBSCRIBE");
  return sharded ? PubSub::Kind::kShard : PubSub::Kind::kChannel;
}

constexpr const char* kSubscribed[] = {"subscribe", "psubscribe", "ssubscribe"};
constexpr const char* kUnsubscribed[] = {"unsubscribe", "punsubscribe", "sunsubscribe"};

}  // namespace

// A confirmation counts as a message.
void LocalCommands::speak_up() {
  if (desk_->counter_->words().pushes_when_silent) session_->mute = false;
}

LocalCommands::Outcome LocalCommands::subscribe(const Argv& argv) {
  speak_up();
  const PubSub::Kind kind = kind_of(argv[0]);
  Outcome outcome;
  for (size_t i = 1; i < argv.size(); i++) {
    desk_->pubsub_.subscribe(session_->id(), kind, argv[i]);
    append_push_header(&outcome.reply, 3, session_->protocol);
    append_bulk(&outcome.reply, kSubscribed[static_cast<size_t>(kind)]);
    append_bulk(&outcome.reply, argv[i]);
    append_integer(&outcome.reply, static_cast<int64_t>(desk_->pubsub_.told_count(session_->id(), kind)));
  }
  return outcome;
}

LocalCommands::Outcome LocalCommands::unsubscribe(const Argv& argv) {
  speak_up();
  const PubSub::Kind kind = kind_of(argv[0]);
  Outcome outcome;
  auto tell = [&](const std::string* name) {
    append_push_header(&outcome.reply, 3, session_->protocol);
    append_bulk(&outcome.reply, kUnsubscribed[static_cast<size_t>(kind)]);
    name == nullptr ? append_null(&outcome.reply, session_->protocol) : append_bulk(&outcome.reply, *name);
    append_integer(&outcome.reply, static_cast<int64_t>(desk_->pubsub_.told_count(session_->id(), kind)));
  };
  std::vector<std::string> names(argv.begin() + 1, argv.end());
  if (names.empty()) names = desk_->pubsub_.of(session_->id(), kind);
  if (names.empty()) tell(nullptr);
  for (const std::string& name : names) {
    desk_->pubsub_.unsubscribe(session_->id(), kind, name);
    tell(&name);
  }
  return outcome;
}

LocalCommands::Outcome LocalCommands::pubsub(const Argv& argv) {
  const PubSub& pubsub = desk_->pubsub_;
  Outcome outcome;
  if (argv.size() == 2 && same_word(argv[1], "NUMPAT")) {
    append_integer(&outcome.reply, static_cast<int64_t>(pubsub.patterns()));
    return outcome;
  }
  const bool sharded = argv.size() > 1 && argv[1].size() > 5 && same_word(argv[1].substr(0, 5), "SHARD");
  if (sharded && desk_->counter_->words().cluster_dialect == ClusterDialect::kRedis6)
    return {.to_backend = true};  // not known yet
  const std::string_view what = sharded ? argv[1].substr(5) : argv.size() > 1 ? argv[1] : std::string_view();
  const PubSub::Kind kind = sharded ? PubSub::Kind::kShard : PubSub::Kind::kChannel;
  if (same_word(what, "CHANNELS") && argv.size() <= 3) {
    const std::vector<std::string> names = pubsub.names(kind, argv.size() == 3 ? std::optional(argv[2]) : std::nullopt);
    append_array_header(&outcome.reply, names.size());
    for (const std::string& name : names) append_bulk(&outcome.reply, name);
    return outcome;
  }
  if (same_word(what, "NUMSUB")) {
    append_array_header(&outcome.reply, 2 * (argv.size() - 2));
    for (size_t i = 2; i < argv.size(); i++) {
      append_bulk(&outcome.reply, argv[i]);
      append_integer(&outcome.reply, static_cast<int64_t>(pubsub.subscribers(kind, argv[i])));
    }
    return outcome;
  }
  outcome.to_backend = true;  // HELP, and what is wrong in Redis's own words
  return outcome;
}

}  // namespace holdfast
