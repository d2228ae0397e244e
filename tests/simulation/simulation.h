// One run: a world made from a seed, clients that work in it, faults, then rest, and the checks.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "tests/simulation/coverage.h"

namespace holdfast::simulation {

struct RunResult {
  std::string failure;  // empty: all held
  uint64_t events = 0;
  uint64_t requests = 0;
  int64_t simulated_us = 0;
  std::deque<std::string> trace;
};

RunResult run_seed(uint64_t seed, bool trace, Coverage* coverage);

}  // namespace holdfast::simulation
