// Assertions on what must hold. They stay on in production: a state that must not be is left by ending the process,
// which loses nothing (the log is the state), rather than by going on with it.
#pragma once

#include <cstdio>
#include <cstdlib>

#define HOLDFAST_CHECK(condition)                                                                \
  do {                                                                                           \
    if (!(condition)) [[unlikely]] {                                                             \
      std::fprintf(stderr, "holdfast: must hold: %s (%s:%d)\n", #condition, __FILE__, __LINE__); \
      std::abort();                                                                              \
    }                                                                                            \
  } while (false)
