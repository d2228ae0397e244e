#include "core/cluster/topology.h"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "core/address.h"

namespace holdfast {
namespace {

// 40 hex digits that are the same wherever and whenever the same text is given.
std::string id_of(const std::string& text) {
  constexpr char kHex[] = "0123456789abcdef";
  const XXH128_hash_t most = XXH3_128bits(text.data(), text.size());
  const uint64_t rest = XXH3_64bits_withSeed(text.data(), text.size(), 1);
  std::string id;
  for (const uint64_t word : {most.high64, most.low64}) {
    for (int shift = 60; shift >= 0; shift -= 4) id += kHex[word >> shift & 15];
  }
  for (int shift = 28; shift >= 0; shift -= 4) id += kHex[rest >> shift & 15];
  return id;
}

// As a client would write it: an IPv4 address that came in by an IPv6 socket is what it is.
std::string plain_host_of(const std::string& address) {
  constexpr std::string_view kMapped = "::ffff:";
  std::string_view host = host_of(address);
  if (host.starts_with(kMapped) && host.find('.') != std::string_view::npos) host.remove_prefix(kMapped.size());
  return std::string(host);
}

int port_of(const std::string& address) {
  const size_t colon = address.rfind(':');
  int port = 0;
  if (colon != std::string::npos) std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
  return port;
}

}  // namespace

const ClusterShard* Topology::shard_of(std::string_view node_id) const {
  const auto has = [&](const ClusterShard& shard) {
    return std::any_of(shard.nodes.begin(), shard.nodes.end(), [&](const auto& one) { return one.id == node_id; });
  };
  const auto found = std::find_if(shards.begin(), shards.end(), has);
  return found == shards.end() ? nullptr : &*found;
}

const ClusterNode* Topology::node(std::string_view id) const {
  const ClusterShard* shard = shard_of(id);
  if (shard == nullptr) return nullptr;
  return &*std::find_if(shard->nodes.begin(), shard->nodes.end(), [&](const auto& one) { return one.id == id; });
}

int Topology::slots() const {
  int count = 0;
  for (const ClusterShard& shard : shards) {
    for (const SlotRange& range : shard.slots) count += range.last - range.first + 1;
  }
  return count;
}

size_t Topology::nodes() const {
  size_t count = 0;
  for (const ClusterShard& shard : shards) count += shard.nodes.size();
  return count;
}

Topology one_node(const ClusterOptions& options, const std::string& log_id, const ClientRoute& route) {
  ClusterNode node;
  node.id = id_of("node " + log_id + " " + options.node_name);
  node.host = options.announce_host.empty() ? plain_host_of(route.local_address) : options.announce_host;
  node.port = options.announce_port;
  node.tls_port = options.announce_tls_port;
  int& own = route.tls ? node.tls_port : node.port;
  if (own == 0) own = port_of(route.local_address);
  Topology topology;
  topology.myself = node.id;
  topology.shards = {{id_of("shard " + log_id), {{0, kSlots - 1}}, {std::move(node)}}};
  return topology;
}

}  // namespace holdfast
