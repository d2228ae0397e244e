// What Holdfast knows of commands beyond what Redis tells. A command that is not in here (a module's, a newer
// version's) is a plain backend command with unknown effects: slower, but right.
//
// An effect other than kUnknown was tried on Redis 6.2.5, 7.0.15, 8.2.3 and Valkey 9.1.2, with a replica that showed
// the stream, also on keys that had expired. The doubtful ones that are kUnknown on purpose:
//   GETDEL: its DEL cannot be told from the expiry of a key that is no string, which a replica would keep
//   GETSET, DELIFEQ, LMPOP, ZMPOP, HGETDEL: rewritten (to SET, DEL, LPOP, ZPOPMIN, HDEL)
//   RESTORE, MSETEX, HSETEX, HEXPIRE …: a time that has passed may leave nothing, yet act on a replica
//   XADD, XTRIM: "*" and "~" are rewritten; XCLAIM, XAUTOCLAIM, XREADGROUP, SPOP: time and chance
//   HDEL is kExact only where hash fields do not expire: see CommandTable::from_command_reply()
//   SETEX, PSETEX, EXPIRE, PEXPIRE, EXPIREAT: made absolute before the log, so only refused ones are left
#include <algorithm>
#include <iterator>

#include "core/command/refusals.h"
#include "core/command/table.h"

namespace holdfast {
namespace {

enum class Extra : uint8_t {
  kNone,
  kMayWrite,            // not a write for Redis, but what it runs may be
  kExactUnlessRefused,  // CommandInfo::exact_unless_refused
  kKeyless,             // CommandInfo::keyless
  kWaits,               // CommandInfo::waits
  kPublishes,           // in the log, though no data: subscribers get it in its place among the writes
};

struct Trait {
  std::string_view name;  // a container's row holds for all its subcommands that have none
  Handling handling;
  Effect effect;
  Extra extra = Extra::kNone;
};

using enum Handling;

// Sorted by name.
constexpr Trait kTraits[] = {
    {"acl", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"append", kBackend, Effect::kUnknown, Extra::kExactUnlessRefused},
    {"asking", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"auth", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"bgrewriteaof", kBackend, Effect::kUnknown, Extra::kKeyless},
    {"bgsave", kBackend, Effect::kUnknown, Extra::kKeyless},
    {"bitfield", kBackend, Effect::kUnknown, Extra::kExactUnlessRefused},
    {"bitop", kBackend, Effect::kExact},
    {"blmove", kBackend, Effect::kUnknown, Extra::kWaits},
    {"blmpop", kBackend, Effect::kUnknown, Extra::kWaits},
    {"blpop", kBackend, Effect::kUnknown, Extra::kWaits},
    {"brpop", kBackend, Effect::kUnknown, Extra::kWaits},
    {"brpoplpush", kBackend, Effect::kUnknown, Extra::kWaits},
    {"bzmpop", kBackend, Effect::kUnknown, Extra::kWaits},
    {"bzpopmax", kBackend, Effect::kUnknown, Extra::kWaits},
    {"bzpopmin", kBackend, Effect::kUnknown, Extra::kWaits},
    {"client", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"cluster", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"command", kBackend, Effect::kUnknown, Extra::kKeyless},
    {"commandlog", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"config", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"copy", kBackend, Effect::kExact},
    {"debug", kProxy, Effect::kUnknown},
    {"decr", kBackend, Effect::kExact},
    {"decrby", kBackend, Effect::kExact},
    {"del", kBackend, Effect::kExact},
    {"discard", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"echo", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"eval", kBackend, Effect::kUnknown, Extra::kMayWrite},
    {"evalsha", kBackend, Effect::kUnknown, Extra::kMayWrite},
    {"exec", kProxy, Effect::kUnknown},
    {"failover", kBackend, Effect::kUnknown, Extra::kKeyless},
    {"fcall", kBackend, Effect::kUnknown, Extra::kMayWrite},
    {"flushall", kBackend, Effect::kExact},
    {"flushdb", kBackend, Effect::kExact},
    {"function", kBackend, Effect::kUnknown, Extra::kKeyless},
    {"function|delete", kBackend, Effect::kExact},
    {"function|flush", kBackend, Effect::kExact},
    {"function|load", kBackend, Effect::kUnknown, Extra::kExactUnlessRefused},
    {"function|restore", kBackend, Effect::kUnknown, Extra::kExactUnlessRefused},
    {"geoadd", kBackend, Effect::kGeoAdd},
    {"georadius", kBackend, Effect::kExact},
    {"georadiusbymember", kBackend, Effect::kExact},
    {"geosearchstore", kBackend, Effect::kExact},
    {"getdel", kBackend, Effect::kUnknown},
    {"getex", kBackend, Effect::kGetEx},
    {"hdel", kBackend, Effect::kExact},
    {"hello", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"hincrby", kBackend, Effect::kExact},
    {"hincrbyfloat", kBackend, Effect::kHashFloat},
    {"hmset", kBackend, Effect::kExact},
    {"host:", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"hset", kBackend, Effect::kExact},
    {"hsetnx", kBackend, Effect::kExact},
    {"incr", kBackend, Effect::kExact},
    {"incrby", kBackend, Effect::kExact},
    {"incrbyfloat", kBackend, Effect::kIncrFloat},
    {"info", kProxy, Effect::kUnknown},
    {"lastsave", kBackend, Effect::kUnknown, Extra::kKeyless},
    {"latency", kBackend, Effect::kUnknown, Extra::kKeyless},
    {"latency|histogram", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"linsert", kBackend, Effect::kExact},
    {"lmove", kBackend, Effect::kExact},
    {"lolwut", kBackend, Effect::kUnknown, Extra::kKeyless},
    {"lpop", kBackend, Effect::kExact},
    {"lpush", kBackend, Effect::kExact},
    {"lpushx", kBackend, Effect::kExact},
    {"lrem", kBackend, Effect::kExact},
    {"lset", kBackend, Effect::kExact},
    {"ltrim", kBackend, Effect::kExact},
    {"memory", kProxy, Effect::kUnknown},
    {"module", kBackend, Effect::kUnknown, Extra::kKeyless},
    {"monitor", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"move", kBackend, Effect::kExact},
    {"mset", kBackend, Effect::kExact},
    {"msetnx", kBackend, Effect::kExact},
    {"multi", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"persist", kBackend, Effect::kExact},
    {"pexpireat", kBackend, Effect::kExact},
    {"pfadd", kBackend, Effect::kExact},
    {"pfmerge", kBackend, Effect::kExact},
    {"ping", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"post", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"psubscribe", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"psync", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"publish", kBackend, Effect::kExact, Extra::kPublishes},
    {"pubsub", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"punsubscribe", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"quit", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"readonly", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"readwrite", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"rename", kBackend, Effect::kExact},
    {"renamenx", kBackend, Effect::kExact},
    {"replconf", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"replicaof", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"reset", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"restore-asking", kBackend, Effect::kUnknown, Extra::kKeyless},
    {"role", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"rpop", kBackend, Effect::kExact},
    {"rpoplpush", kBackend, Effect::kExact},
    {"rpush", kBackend, Effect::kExact},
    {"rpushx", kBackend, Effect::kExact},
    {"sadd", kBackend, Effect::kExact},
    {"save", kBackend, Effect::kUnknown, Extra::kKeyless},
    {"script", kBackend, Effect::kUnknown, Extra::kKeyless},
    {"sdiffstore", kBackend, Effect::kExact},
    {"select", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"set", kBackend, Effect::kSet},
    {"setbit", kBackend, Effect::kUnknown, Extra::kExactUnlessRefused},
    {"setnx", kBackend, Effect::kExact},
    {"setrange", kBackend, Effect::kUnknown, Extra::kExactUnlessRefused},
    {"shutdown", kBackend, Effect::kUnknown, Extra::kKeyless},
    {"sinterstore", kBackend, Effect::kExact},
    {"slaveof", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"slowlog", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"smove", kBackend, Effect::kExact},
    {"sort", kBackend, Effect::kExact},
    {"spublish", kBackend, Effect::kExact, Extra::kPublishes},
    {"srem", kBackend, Effect::kExact},
    {"ssubscribe", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"subscribe", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"sunionstore", kBackend, Effect::kExact},
    {"sunsubscribe", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"swapdb", kBackend, Effect::kExact},
    {"sync", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"time", kBackend, Effect::kUnknown, Extra::kKeyless},
    {"unlink", kBackend, Effect::kExact},
    {"unsubscribe", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"unwatch", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"wait", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"waitaof", kProxy, Effect::kUnknown, Extra::kKeyless},
    {"watch", kProxy, Effect::kUnknown},
    {"xack", kBackend, Effect::kExact},
    {"xdel", kBackend, Effect::kExact},
    {"xgroup", kBackend, Effect::kExact},
    {"xread", kBackend, Effect::kUnknown, Extra::kWaits},
    {"xreadgroup", kBackend, Effect::kUnknown, Extra::kWaits},
    {"xsetid", kBackend, Effect::kExact},
    {"zadd", kBackend, Effect::kExact},
    {"zdiffstore", kBackend, Effect::kExact},
    {"zincrby", kBackend, Effect::kExact},
    {"zinterstore", kBackend, Effect::kExact},
    {"zpopmax", kBackend, Effect::kExact},
    {"zpopmin", kBackend, Effect::kExact},
    {"zrangestore", kBackend, Effect::kExact},
    {"zrem", kBackend, Effect::kExact},
    {"zremrangebylex", kBackend, Effect::kExact},
    {"zremrangebyrank", kBackend, Effect::kExact},
    {"zremrangebyscore", kBackend, Effect::kExact},
    {"zunionstore", kBackend, Effect::kExact},
};

constexpr bool by_name(const Trait& a, const Trait& b) { return a.name < b.name; }
static_assert(std::is_sorted(std::begin(kTraits), std::end(kTraits), by_name));

const Trait* find_trait(std::string_view name) {
  const auto* found = std::lower_bound(std::begin(kTraits), std::end(kTraits), name,
                                       [](const Trait& trait, std::string_view wanted) { return trait.name < wanted; });
  return found != std::end(kTraits) && found->name == name ? found : nullptr;
}

}  // namespace

void apply_traits(CommandInfo* command) {
  const std::string_view name = command->name;
  const Trait* trait = find_trait(name);
  if (trait == nullptr) trait = find_trait(name.substr(0, name.find('|')));

  command->logged = command->write;
  // Also before Redis could be asked; and not all builds tell of QUIT.
  command->no_auth |= name == "auth" || name == "hello" || name == "quit" || name == "reset";
  command->may_be_refused = may_be_refused(name);
  if (trait == nullptr) {
    // It would hold up everybody on the connection it shares.
    command->may_be_refused |= command->blocking;
    return;
  }
  command->handling = trait->handling;
  command->effect = trait->effect;
  // CLUSTER FLUSHSLOT writes as far as Redis knows, but never goes there.
  if (command->handling == Handling::kProxy) command->logged = false;
  command->runs_script = trait->extra == Extra::kMayWrite;
  command->logged |= command->runs_script || trait->extra == Extra::kPublishes;
  command->exact_unless_refused = trait->extra == Extra::kExactUnlessRefused;
  command->waits = trait->extra == Extra::kWaits;
  // FUNCTION LOAD and its like change what scripts do: only what does not write is without keys.
  command->keyless = (trait->extra == Extra::kKeyless && !command->write) || trait->extra == Extra::kPublishes;
}

}  // namespace holdfast
