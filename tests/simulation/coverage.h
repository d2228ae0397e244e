// Counts what happened in the runs: a fault that never occurs tests nothing.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace holdfast::simulation {

struct Coverage {
  std::map<std::string, uint64_t> counts;

  void count(const std::string& what, uint64_t times = 1) { counts[what] += times; }
  void add(const Coverage& other) {
    for (const auto& [what, times] : other.counts) counts[what] += times;
  }
};

}  // namespace holdfast::simulation
