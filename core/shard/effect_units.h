// A batch's effects come as one transaction. Replicas of Holdfast get them by who asked for them, as Redis would send
// them.
#pragma once

#include <cstddef>
#include <vector>

#include "core/replication/replica_stream.h"
#include "core/shard/effects_match.h"

namespace holdfast {

// Where each client's command or transaction ends in the effects. From the first on whose effects cannot be told from
// those of the next, all are one unit.
std::vector<size_t> effect_units(const Unit& batch, const EffectList& effects);

// What of them replicas get: nothing of the reserved database. `batch`: as Settler::Follower.
ReplicaStream::Effects for_replicas(const Unit* batch, const EffectList& effects, int reserved_db, int64_t now_ms);

}  // namespace holdfast
