// The reserved database is invisible to clients: takes it out of the replies that would show it.
#pragma once

#include <string>
#include <string_view>

#include "core/shard/batch.h"

namespace holdfast {

// `reply` is one whole reply; what is no answer of the kind expected is given back as it is.
std::string filter_reply(Filter filter, std::string_view reply, int reserved_db);

}  // namespace holdfast
