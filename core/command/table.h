// The command table: learnt from the backend's own COMMAND reply, so that it fits the build and its modules, plus our
// own traits (traits.cc), which say what Holdfast knows of a command beyond what Redis tells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/resp/reply.h"
#include "core/result.h"

namespace holdfast {

// Who deals with a command.
enum class Handling : uint8_t {
  kBackend,  // Redis: a read goes there at once, a write through the log first
  kProxy,    // the session answers (PING, SELECT, MULTI, CLIENT …); see core/shard/local_commands.cc
};

// What a write leaves in the replication stream, as far as it is known. What is not as it says here is logged: being
// right never depends on this.
enum class Effect : uint8_t {
  kUnknown,    // it is logged as EFFECTS, whatever it did (scripts, SPOP, module commands …)
  kOwnBytes,   // its own bytes; when it left nothing, nothing is known (APPEND beyond the leader's own limit)
  kExact,      // its own bytes, or nothing when it changed nothing; deterministic on equal states
  kIncrFloat,  // INCRBYFLOAT k n        -> SET k value KEEPTTL
  kHashFloat,  // HINCRBYFLOAT k f n     -> HSET k f value
  kGetEx,      // GETEX k [PXAT t|PERSIST] -> PEXPIREAT k t, PERSIST k, DEL k, or nothing
  kSet,        // SET k v … GET          -> SET k v … without GET; also SET's own bytes
  kGeoAdd,     // GEOADD k …             -> ZADD k …
};

struct CommandInfo {
  std::string name;  // lower case; "container|sub" for subcommands
  int arity = 0;     // as in Redis: negative means "at least"; 0: not known
  bool write = false;
  bool readonly = false;
  bool denyoom = false;
  bool admin = false;
  bool may_replicate = false;  // PUBLISH, PFCOUNT, EVAL …
  bool movable_keys = false;   // first/last/step do not say it all
  bool blocking = false;       // may block (7.0 and newer tell)
  bool allow_busy = false;     // taken while a script runs on
  bool no_multi = false;       // not in a transaction (7.0 and newer)
  bool no_auth = false;        // may be used by whoever has not signed in
  bool subcommands = false;    // a container (7.0 and newer tell)
  bool no_script = false;      // not in a script
  bool skips_slowlog = false;  // EXEC, AUTH
  int first_key = 0;           // 0: no keys
  int last_key = 0;            // negative: counted from the end
  int key_step = 0;
  uint32_t number = 0;  // within its table, from 1 on

  // Our traits:
  Handling handling = Handling::kBackend;
  Effect effect = Effect::kUnknown;
  bool may_be_refused = false;  // some form of it: see refusals.h
  bool logged = false;          // goes through the log: writes, and scripts or other commands that may write
  // kUnknown only because the leader may refuse, by a limit of its own, what a replica takes from its master (APPEND
  // beyond proto-max-bulk-len): where the reply is no error, it is as kExact.
  bool exact_unless_refused = false;
  bool waits = false;        // BLPOP, XREAD …: see BlockingCall
  bool keyless = false;      // known to look at no key: TIME, SCRIPT …
  bool runs_script = false;  // one that may write: EVAL, FCALL …

  // Keeps Redis's "wrong number of arguments" check: true if `argc` (command included) fits.
  bool arity_fits(size_t argc) const {
    if (arity == 0) return true;
    return arity > 0 ? argc == static_cast<size_t>(arity) : argc >= static_cast<size_t>(-arity);
  }
};

class CommandTable {
 public:
  // Learns the table from the reply to COMMAND (RESP2, 6.2 or newer; module commands included).
  // A command whose name is longer than any real one (128 bytes) is left out, that is, unknown.
  static Result<CommandTable> from_command_reply(const ReplyValue& reply);

  // Commands about the connection itself, for the time before Redis could be asked: they must never be mistaken.
  static CommandTable connection_commands();

  // The command of a request, or its subcommand's entry where the backend tells of subcommands and argv names a known
  // one. nullptr: unknown (also an unknown subcommand of a known container). Any case. Hot path: no allocation.
  const CommandInfo* find(const std::vector<std::string_view>& argv) const;

  // By plain name ("get", "config|get"), lower case.
  const CommandInfo* find_name(std::string_view name) const;

  size_t size() const { return by_name_.size(); }

 private:
  bool learn(const ReplyValue& entry);
  uint32_t next_number() const { return static_cast<uint32_t>(by_name_.size()) + 1; }

  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const;
  };
  std::unordered_map<std::string, CommandInfo, Hash, std::equal_to<>> by_name_;
};

// What the request will leave: the command's trait, or more where its arguments tell (XADD with an id).
Effect effect_of(const CommandInfo* command, const std::vector<std::string_view>& argv);

// Applies our traits to what Redis told.
void apply_traits(CommandInfo* command);

// Calls `use` with each key that stands where the table says: first/last/step. Not for movable keys.
template <class Use>
void for_each_key(const CommandInfo& command, const std::vector<std::string_view>& argv, Use use) {
  if (command.first_key <= 0 || command.key_step <= 0) return;
  const auto argc = static_cast<int64_t>(argv.size());
  const int64_t last = command.last_key < 0 ? argc + command.last_key : command.last_key;
  for (int64_t i = command.first_key; i <= last && i < argc; i += command.key_step) use(argv[static_cast<size_t>(i)]);
}

// A hash over database and key for each key that the request names, by first/last/step. `*all` is set when the keys
// cannot be told (movable keys, unknown command, a second database as in MOVE and COPY … DB, or no keys while it may
// look at many: SCAN, KEYS, DBSIZE, RANDOMKEY).
void key_hashes(const CommandInfo* command, int db, const std::vector<std::string_view>& argv,
                std::vector<uint64_t>* hashes, bool* all);
uint64_t key_hash(int db, std::string_view key);

}  // namespace holdfast
