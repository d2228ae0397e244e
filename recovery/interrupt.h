// Ctrl-C and SIGTERM: whoever waits or loops looks here, gives up, and cleans up on the way out.
#pragma once

#include "core/result.h"

namespace holdfast {

// A second signal ends the process at once.
void handle_interrupts();
bool interrupted();
inline Error interrupted_error() { return Error{"interrupted"}; }

}  // namespace holdfast
