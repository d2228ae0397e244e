// What a node of a cluster does not carry out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/cluster/replies.h"
#include "core/command/table.h"

namespace holdfast {

inline constexpr std::string_view kCrossSlot = "CROSSSLOT Keys in request don't hash to the same slot";

// The slot that all keys of a request belong to.
inline constexpr int kNoSlot = -1;     // it names none
inline constexpr int kManySlots = -2;  // they belong to different ones
int request_slot(const CommandInfo& command, const std::vector<std::string_view>& argv);
// The slot of both together.
constexpr int joined_slot(int one, int other) {
  return one == kNoSlot || one == other ? other : other == kNoSlot ? one : kManySlots;
}

// Empty, or the error (without "-") that the command itself answers in a cluster. In a transaction it is queued all the
// same, as in Redis. `databases`: that Redis is set up with, of which only the first is there in a cluster.
std::string error_in_cluster(const CommandInfo& command, const std::vector<std::string_view>& argv,
                             ClusterDialect dialect, int databases);

}  // namespace holdfast
