// What a dead leader has left unsettled: batches that this node may have to execute as its own.
#pragma once

#include <deque>

#include "core/replication/replay.h"
#include "core/result.h"

namespace holdfast {

// All that `replay` has pending. An error where one holds what are no commands: who forges a record forges its
// checksum, too, and nothing else looks into it before it is executed.
Result<std::deque<Replay::Pending>> take_tail(Replay* replay);

}  // namespace holdfast
