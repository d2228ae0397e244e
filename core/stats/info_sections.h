// INFO's sections about commands and errors, in Redis's form.
#pragma once

#include <string>

#include "core/stats/own_calls.h"
#include "core/stats/statistics.h"

namespace holdfast {

// `info` as Redis tells it: where it has such sections, they become those of Holdfast's clients.
void show_statistics(std::string* info, const Statistics& statistics, const OwnCalls& own);

}  // namespace holdfast
