// CLUSTER: Holdfast itself is the node of a cluster, Redis behind knows nothing of it.
#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <utility>

#include "core/cluster/admission.h"
#include "core/cluster/replies.h"
#include "core/resp/reply.h"
#include "core/resp/words.h"
#include "core/shard/frontdesk.h"
#include "core/shard/local_commands.h"
#include "core/shard/outcomes.h"

namespace holdfast {
namespace {

// How many keys Redis goes through at a time.
constexpr const char* kKeysPerLook = "1000";

// The forms that Redis 6.2 knows, which does not tell of subcommands.
constexpr struct {
  std::string_view name;
  size_t least, most;  // arguments, with the command itself
} kFormsOfRedis6[] = {
    {"ADDSLOTS", 3, SIZE_MAX},
    {"BUMPEPOCH", 2, 2},
    {"COUNT-FAILURE-REPORTS", 3, 3},
    {"COUNTKEYSINSLOT", 3, 3},
    {"DELSLOTS", 3, SIZE_MAX},
    {"FAILOVER", 2, 3},
    {"FLUSHSLOTS", 2, 2},
    {"FORGET", 3, 3},
    {"GETKEYSINSLOT", 4, 4},
    {"HELP", 2, 2},
    {"INFO", 2, 2},
    {"KEYSLOT", 3, 3},
    {"MEET", 4, 5},
    {"MYID", 2, 2},
    {"NODES", 2, 2},
    {"REPLICAS", 3, 3},
    {"REPLICATE", 3, 3},
    {"RESET", 2, 3},
    {"SAVECONFIG", 2, 2},
    {"SET-CONFIG-EPOCH", 3, 3},
    {"SETSLOT", 4, SIZE_MAX},
    {"SLAVES", 3, 3},
    {"SLOTS", 2, 2},
};

bool known_to_redis6(const std::vector<std::string_view>& argv) {
  return std::any_of(std::begin(kFormsOfRedis6), std::end(kFormsOfRedis6), [&](const auto& form) {
    return same_word(argv[1], form.name) && argv.size() >= form.least && argv.size() <= form.most;
  });
}

LocalCommands::Outcome refused(std::string_view subcommand, std::string_view reason) {
  return error("ERR 'cluster|" + lowered(subcommand.substr(0, 128)) +
               "' is refused by Holdfast: " + std::string(reason));
}

}  // namespace

// What CLUSTER COUNTKEYSINSLOT and GETKEYSINSLOT look for.
struct Frontdesk::SlotScan {
  bool names;  // to be told, not only counted
  int slot;
  size_t most;
  std::string cursor = "0";
  std::set<std::string> found;  // SCAN may tell of a key twice
};

// READONLY, READWRITE and ASKING: the node that is asked has all slots and leads.
LocalCommands::Outcome LocalCommands::node_state(const Argv& argv) {
  if (!desk_->cluster_.enabled) return backend();
  if (same_word(argv[0], "READONLY")) session_->readonly = true;
  if (same_word(argv[0], "READWRITE")) session_->readonly = false;
  return simple("OK");
}

LocalCommands::Outcome LocalCommands::cluster(const Argv& argv) {
  if (!desk_->cluster_.enabled) return backend();
  const Counter& counter = *desk_->counter_;
  const ClusterDialect dialect = counter.words().cluster_dialect;
  const std::string_view sub = argv[1];
  if (dialect == ClusterDialect::kRedis6 && !known_to_redis6(argv)) {
    return error("ERR Unknown subcommand or wrong number of arguments for '" + std::string(sub.substr(0, 128)) +
                 "'. Try CLUSTER HELP.");
  }
  // Not attached for the first time.
  if (counter.log_id().empty()) return error(counter.refuse_read());

  const Topology topology =
      one_node(desk_->cluster_, counter.log_id(), {.local_address = session_->local_address(), .tls = session_->tls()});
  const ClusterView view{topology, dialect, session_->protocol, session_->tls()};
  if (same_word(sub, "SLOTS")) return {.reply = cluster_slots(view)};
  if (same_word(sub, "SHARDS")) return {.reply = cluster_shards(view)};
  if (same_word(sub, "NODES")) return {.reply = cluster_nodes(view)};
  if (same_word(sub, "INFO")) return {.reply = cluster_info(view)};
  if (same_word(sub, "HELP")) return {.reply = cluster_help(view)};
  if (same_word(sub, "REPLICAS") || same_word(sub, "SLAVES")) return {.reply = cluster_replicas(view, argv[2])};
  if (same_word(sub, "MYID")) return bulk(topology.myself);
  if (same_word(sub, "MYSHARDID")) return bulk(topology.shard_of(topology.myself)->id);
  if (same_word(sub, "KEYSLOT")) return integer(key_slot(argv[2]));
  if (same_word(sub, "COUNT-FAILURE-REPORTS")) {
    return topology.node(argv[2]) != nullptr ? integer(0) : error("ERR Unknown node " + std::string(argv[2]));
  }
  // Nodes have no links among each other, and no file of what they know of each other.
  if (same_word(sub, "LINKS") || same_word(sub, "GETSLOTMIGRATIONS")) return {.reply = "*0\r\n"};
  if (same_word(sub, "SAVECONFIG")) return simple("OK");
  if (same_word(sub, "COUNTKEYSINSLOT") || same_word(sub, "GETKEYSINSLOT")) {
    return refused(sub, "not inside MULTI, because it goes through all keys, some at a time");
  }
  if (same_word(sub, "SLOT-STATS")) return refused(sub, "Redis behind keeps no account of slots");
  return refused(sub, "which shard has which slots and nodes is what its settings say, and not changed by commands");
}

std::string Frontdesk::why_not_in_cluster(const CommandInfo& info, const Argv& argv) const {
  if (!cluster_.enabled) return {};
  return error_in_cluster(info, argv, counter_->words().cluster_dialect, counter_->reserved_database());
}

bool Frontdesk::looks_at_slot(const CommandInfo& info, const Argv& argv) const {
  return cluster_.enabled && info.name.starts_with("cluster") && argv.size() > 2 &&
         (same_word(argv[1], "COUNTKEYSINSLOT") ? argv.size() == 3
                                                : same_word(argv[1], "GETKEYSINSLOT") && argv.size() == 4);
}

// Redis behind keeps no list of the keys of a slot, so all keys are gone through. Others are served between the looks.
void Frontdesk::scan_slot(Session* session, const Argv& argv) {
  const bool names = argv.size() == 4;
  int64_t slot = 0, most = INT64_MAX;
  if (!parse_int(argv[2], &slot) || (names && !parse_int(argv[3], &most))) {
    return reply_error(session, "ERR value is not an integer or out of range");
  }
  if (slot < 0 || slot >= kSlots || most < 0) {
    return reply_error(session, names ? "ERR Invalid slot or number of keys" : "ERR Invalid slot");
  }
  if (const std::string down = counter_->refuse_read(); !down.empty()) return reply_error(session, down);
  auto scan = std::make_shared<SlotScan>(SlotScan{names, static_cast<int>(slot), static_cast<size_t>(most)});
  wait_for(session, [this, session, scan] {
    if (session->has_open_in_batch()) return false;
    scan_on(session, scan);
    return true;
  });
}

void Frontdesk::scan_on(Session* session, const std::shared_ptr<SlotScan>& scan) {
  Unit reads;
  reads.add_question(0, {"SCAN", scan->cursor, "COUNT", kKeysPerLook});
  look(session, reads, [this, scan](Session* there, const std::string& reply) {
    Result<ReplyValue> page = parse_reply(reply);
    if (!page.ok() || page->elements.size() != 2) {
      there->asking = false;
      return answer(there, page.ok() && page->is_error() ? reply : "-ERR Redis's answer to SCAN cannot be read\r\n");
    }
    for (ReplyValue& key : page->elements[1].elements) {
      if (key_slot(key.text) == scan->slot && scan->found.size() < scan->most) scan->found.insert(std::move(key.text));
    }
    scan->cursor = page->elements[0].text;
    if (scan->cursor != "0" && scan->found.size() < scan->most) {
      there->asked_ms = world_->monotonic_ms();  // it gets on: no time-out
      return scan_on(there, scan);
    }
    there->asking = false;
    std::string found;
    if (scan->names) {
      append_array_header(&found, scan->found.size());
      for (const std::string& key : scan->found) append_bulk(&found, key);
    } else {
      append_integer(&found, static_cast<int64_t>(scan->found.size()));
    }
    answer_when_settled(there, found);
  });
}

}  // namespace holdfast
