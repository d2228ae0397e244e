// What INFO says of replicas: Redis would tell of Holdfast's own tap.
#pragma once

#include <string>

#include "core/shard/replicas.h"

namespace holdfast {

// Puts Holdfast's replicas into the text of an INFO, in place of Redis's.
void tell_replicas(const Replicas& replicas, const FrontdeskLimits& limits, std::string* info);

}  // namespace holdfast
