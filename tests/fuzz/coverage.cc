// One target of bytes under libFuzzer, named by HOLDFAST_FUZZ_TARGET in the environment. Only with clang; see fuzz.h.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/fuzz/fuzz.h"

namespace {
void (*take)(std::string_view) = nullptr;
}

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* wanted = std::getenv("HOLDFAST_FUZZ_TARGET");
  for (const holdfast::fuzz::Target& target : holdfast::fuzz::targets()) {
    if (target.take == nullptr) continue;
    if (wanted == nullptr) std::printf("%s\n", target.name);
    if (wanted != nullptr && std::string_view(wanted) == target.name) take = target.take;
  }
  if (wanted == nullptr) std::exit(0);  // they were listed
  if (take != nullptr) return 0;
  std::fprintf(stderr, "there is no target '%s'\n", wanted);
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  take({reinterpret_cast<const char*>(data), size});
  return 0;
}
