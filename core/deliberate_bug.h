// Deliberate bugs: built in with -DHOLDFAST_BUG=N, they show that the simulation finds them. 0, and no code, otherwise.
// docs/deliberate-bugs.md lists them and what caught each.
#pragma once

namespace holdfast {

inline constexpr int kDeliberateBug = HOLDFAST_BUG;

}  // namespace holdfast
