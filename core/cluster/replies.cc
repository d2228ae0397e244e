#include "core/cluster/replies.h"

namespace holdfast {
namespace {

// Where Redis's nodes would talk to each other. Holdfast's do not, but clients take it for granted.
constexpr int kBusPortAbove = 10000;

std::string endpoint(const ClusterView& view, const ClusterNode& node) {
  const int port = node.port_for(view.tls);
  return node.host + ":" + std::to_string(port) + "@" + std::to_string(port + kBusPortAbove);
}

// A line of CLUSTER NODES, without its end.
std::string describe(const ClusterView& view, const ClusterShard& shard, const ClusterNode& node) {
  std::string line = node.id + " " + endpoint(view, node) + " ";
  if (node.id == view.topology.myself) line += "myself,";
  line += node.leader ? "master -" : "slave " + shard.nodes.front().id;
  line += " 0 0 0 connected";
  if (!node.leader) return line;
  for (const SlotRange& range : shard.slots) {
    line += " " + std::to_string(range.first);
    if (range.last != range.first) line += "-" + std::to_string(range.last);
  }
  return line;
}

void append_slots_node(const ClusterView& view, const ClusterNode& node, std::string* out) {
  const bool metadata = view.dialect >= ClusterDialect::kRedis7;
  append_array_header(out, metadata ? 4 : 3);
  append_bulk(out, node.host);
  append_integer(out, node.port_for(view.tls));
  append_bulk(out, node.id);
  if (metadata) append_map_header(out, 0, view.protocol);
}

void append_shard_node(const ClusterView& view, const ClusterNode& node, std::string* out) {
  const size_t ports = (node.port != 0 ? 1U : 0U) + (node.tls_port != 0 ? 1U : 0U);
  append_map_header(out, 6 + ports, view.protocol);
  const auto text = [&](std::string_view name, std::string_view value) {
    append_bulk(out, name);
    append_bulk(out, value);
  };
  const auto number = [&](std::string_view name, int64_t value) {
    append_bulk(out, name);
    append_integer(out, value);
  };
  text("id", node.id);
  if (node.port != 0) number("port", node.port);
  if (node.tls_port != 0) number("tls-port", node.tls_port);
  text("ip", node.host);
  text("endpoint", node.host);
  text("role", node.leader ? "master" : "replica");
  number("replication-offset", 0);
  text("health", "online");
}

}  // namespace

std::string cluster_slots(const ClusterView& view) {
  size_t ranges = 0;
  for (const ClusterShard& shard : view.topology.shards) ranges += shard.slots.size();
  std::string out;
  append_array_header(&out, ranges);
  for (const ClusterShard& shard : view.topology.shards) {
    for (const SlotRange& range : shard.slots) {
      append_array_header(&out, 2 + shard.nodes.size());
      append_integer(&out, range.first);
      append_integer(&out, range.last);
      for (const ClusterNode& node : shard.nodes) append_slots_node(view, node, &out);
    }
  }
  return out;
}

std::string cluster_shards(const ClusterView& view) {
  const bool with_id = view.dialect == ClusterDialect::kValkey;
  std::string out;
  append_array_header(&out, view.topology.shards.size());
  for (const ClusterShard& shard : view.topology.shards) {
    append_map_header(&out, with_id ? 3 : 2, view.protocol);
    append_bulk(&out, "slots");
    append_array_header(&out, 2 * shard.slots.size());
    for (const SlotRange& range : shard.slots) {
      append_integer(&out, range.first);
      append_integer(&out, range.last);
    }
    append_bulk(&out, "nodes");
    append_array_header(&out, shard.nodes.size());
    for (const ClusterNode& node : shard.nodes) append_shard_node(view, node, &out);
    if (with_id) {
      append_bulk(&out, "id");
      append_bulk(&out, shard.id);
    }
  }
  return out;
}

std::string cluster_nodes(const ClusterView& view) {
  std::string text;
  for (const ClusterShard& shard : view.topology.shards) {
    for (const ClusterNode& node : shard.nodes) text += describe(view, shard, node) + "\n";
  }
  std::string out;
  append_verbatim(&out, text, view.protocol);
  return out;
}

std::string cluster_info(const ClusterView& view) {
  const bool redis7 = view.dialect >= ClusterDialect::kRedis7, valkey = view.dialect == ClusterDialect::kValkey;
  const bool whole = view.topology.slots() == kSlots;
  std::string text;
  const auto line = [&](const std::string& name, const std::string& value) { text += name + ":" + value + "\r\n"; };
  const auto none = [&](std::string_view name) { line(std::string(name), "0"); };
  line("cluster_state", whole ? "ok" : "fail");
  line("cluster_slots_assigned", std::to_string(view.topology.slots()));
  line("cluster_slots_ok", std::to_string(view.topology.slots()));
  for (const auto* name : {"cluster_slots_pfail", "cluster_slots_fail"}) none(name);
  if (valkey) {
    for (const auto* name :
         {"cluster_nodes_pfail", "cluster_nodes_fail", "cluster_voting_nodes_pfail", "cluster_voting_nodes_fail"}) {
      none(name);
    }
  }
  line("cluster_known_nodes", std::to_string(view.topology.nodes()));
  line("cluster_size", std::to_string(view.topology.shards.size()));
  // No node votes for another: the log says who leads.
  for (const auto* name : {"cluster_current_epoch", "cluster_my_epoch"}) none(name);
  for (const auto* name : {"cluster_stats_messages_sent", "cluster_stats_messages_received"}) none(name);
  if (valkey) {
    for (const auto* name : {"cluster_stats_bytes_sent", "cluster_stats_bytes_received",
                             "cluster_stats_pubsub_bytes_sent", "cluster_stats_pubsub_bytes_received",
                             "cluster_stats_module_bytes_sent", "cluster_stats_module_bytes_received"}) {
      none(name);
    }
  }
  if (redis7) none("total_cluster_links_buffer_limit_exceeded");
  std::string out;
  append_verbatim(&out, text, view.protocol);
  return out;
}

std::string cluster_replicas(const ClusterView& view, std::string_view node_id) {
  std::string out;
  const ClusterNode* node = view.topology.node(node_id);
  if (node == nullptr) {
    append_error(&out, "ERR Unknown node " + std::string(node_id));
    return out;
  }
  if (!node->leader) {
    append_error(&out, "ERR The specified node is not a master");
    return out;
  }
  const ClusterShard& shard = *view.topology.shard_of(node_id);
  append_array_header(&out, shard.nodes.size() - 1);
  for (const ClusterNode& other : shard.nodes) {
    if (!other.leader) append_bulk(&out, describe(view, shard, other));
  }
  return out;
}

std::string cluster_help(const ClusterView& view) {
  struct Lines {
    ClusterDialect since;
    std::string_view form, meaning;
  };
  using enum ClusterDialect;
  constexpr Lines kLines[] = {
      {kRedis6, "COUNT-FAILURE-REPORTS <node-id>", "Return number of failure reports for <node-id>."},
      {kRedis6, "COUNTKEYSINSLOT <slot>", "Return the number of keys in <slot>."},
      {kRedis6, "GETKEYSINSLOT <slot> <count>", "Return key names stored by current node in a slot."},
      {kRedis6, "INFO", "Return information about the cluster."},
      {kRedis6, "KEYSLOT <key>", "Return the hash slot for <key>."},
      {kRedis7, "LINKS", "Return information about all network links between this node and its peers."},
      {kRedis6, "MYID", "Return the node id."},
      {kRedis8, "MYSHARDID", "Return the node's shard id."},
      {kRedis6, "NODES", "Return cluster configuration seen by node."},
      {kRedis6, "REPLICAS <node-id>", "Return <node-id> replicas."},
      {kRedis7, "SHARDS", "Return information about slot range mappings and the nodes associated with them."},
      {kRedis6, "SLOTS", "Return information about slots range mappings."},
      {kRedis6, "HELP", "Print this help."},
  };
  std::vector<std::string> lines = {"CLUSTER <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"};
  for (const Lines& one : kLines) {
    if (one.since > view.dialect) continue;
    lines.emplace_back(one.form);
    lines.push_back("    " + std::string(one.meaning));
  }
  std::string out;
  append_array_header(&out, lines.size());
  for (const std::string& one : lines) append_simple(&out, one);
  return out;
}

}  // namespace holdfast
