// What CLUSTER … answers, byte for byte as Redis would with such a topology. Builds differ.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/cluster/topology.h"
#include "core/resp/reply.h"

namespace holdfast {

// Whose words it is to be in.
enum class ClusterDialect : uint8_t { kRedis6, kRedis7, kRedis8, kValkey };

struct ClusterView {
  const Topology& topology;
  ClusterDialect dialect;
  Protocol protocol;
  bool tls;  // the client has come over TLS: it is told the ports for that
};

std::string cluster_slots(const ClusterView& view);
std::string cluster_shards(const ClusterView& view);
std::string cluster_nodes(const ClusterView& view);
std::string cluster_info(const ClusterView& view);
// CLUSTER REPLICAS.
std::string cluster_replicas(const ClusterView& view, std::string_view node_id);
// The subcommands that Holdfast answers.
std::string cluster_help(const ClusterView& view);

}  // namespace holdfast
