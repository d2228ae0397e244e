// The cluster as its clients see it: shards, each with the slots that are its own and the nodes that serve them. A
// plain value without I/O. So far there is one shard of one node, see one_node(); nothing else here counts on that.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/cluster/key_slot.h"

namespace holdfast {

struct SlotRange {
  int first = 0, last = 0;
};

struct ClusterNode {
  std::string id;  // 40 hex digits
  std::string host;
  int port = 0, tls_port = 0;  // 0: it has none, or none is known
  bool leader = true;

  // Where a client is sent that came over TLS, or not.
  int port_for(bool tls) const { return tls ? tls_port : port; }
};

struct ClusterShard {
  std::string id;  // 40 hex digits
  std::vector<SlotRange> slots;
  std::vector<ClusterNode> nodes;  // the leader first
};

struct Topology {
  std::vector<ClusterShard> shards;
  std::string myself;  // the id of the node that answers

  // The shard that a node belongs to; nullptr: there is no such node.
  const ClusterShard* shard_of(std::string_view node_id) const;
  const ClusterNode* node(std::string_view id) const;
  int slots() const;  // that are some shard's
  size_t nodes() const;
};

// What a user says about where clients find this node.
struct ClusterOptions {
  bool enabled = false;
  // Empty or 0: the address that the client has connected to.
  std::string announce_host;
  int announce_port = 0, announce_tls_port = 0;
  // Tells the nodes of a shard apart, and stays the same as long as the node does.
  std::string node_name;
};

// How a client has come to this node: the host and port that it connected to, as "1.2.3.4:6379" or "[::1]:6379".
struct ClientRoute {
  std::string local_address;
  bool tls = false;
};

// One shard that has all slots, of one node.
Topology one_node(const ClusterOptions& options, const std::string& log_id, const ClientRoute& route);

}  // namespace holdfast
