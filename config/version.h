// The version of Holdfast, as --version tells it; the same as in CMakeLists.txt.
#pragma once

namespace holdfast {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace holdfast
