// Deliberate bugs, to show that the simulation finds them: docs/deliberate-bugs.md. Only a build with
// -DHOLDFAST_DELIBERATE_BUGS=ON has them, and `simulation --bug N` switches one on; in all others no code is left of
// them.
#pragma once

namespace holdfast {

#ifdef HOLDFAST_DELIBERATE_BUGS
inline int kDeliberateBug = 0;
#else
inline constexpr int kDeliberateBug = 0;
#endif

}  // namespace holdfast
