// fuzz <target>|all [--runs N] [--seed S]
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "tests/fuzz/fuzz.h"

// Present when a sanitizer is linked in. NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace holdfast::fuzz {

namespace {

// No run of any target comes near this: one that does is in an endless loop, or its work grows out of proportion.
constexpr unsigned kSecondsPerRun = 30;

struct Target {
  const char* name;
  void (*run)(Random*);
};

// In a function, as registrations in other files may come before anything defined here.
std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

const char* current_target = "";
uint64_t current_seed = 0;

void say_what_failed() {
  char text[160];
  const int size = std::snprintf(text, sizeof(text), "failed; to repeat: fuzz %s --runs 1 --seed %llu\n",
                                 current_target, static_cast<unsigned long long>(current_seed));
  if (write(STDERR_FILENO, text, static_cast<size_t>(size)) < 0) _exit(2);
}

void on_signal(int signal) {
  if (signal == SIGALRM) std::fputs("a run does not end\n", stderr);
  say_what_failed();
  _exit(2);
}

double seconds_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void run_target(const Target& target, uint64_t runs, uint64_t seed) {
  current_target = target.name;
  const double start = seconds_now();
  for (uint64_t i = 0; i < runs; ++i) {
    current_seed = seed + i;
    Random random(current_seed);
    alarm(kSecondsPerRun);
    target.run(&random);
  }
  alarm(0);
  std::printf("%s: %llu runs in %.1f s, seed %llu\n", target.name, static_cast<unsigned long long>(runs),
              seconds_now() - start, static_cast<unsigned long long>(seed));
  std::fflush(stdout);
}

bool parse_number(const char* text, uint64_t* number) {
  char* end = nullptr;
  *number = std::strtoull(text, &end, 10);
  return end != text && *end == '\0';
}

int usage() {
  std::fputs("usage: fuzz <target>|all [--runs N] [--seed S]\ntargets:", stderr);
  for (const Target& target : targets()) std::fprintf(stderr, " %s", target.name);
  std::fputs("\n", stderr);
  return 1;
}

int run_main(int argc, char** argv) {
  if (argc < 2 || argc % 2 != 0) return usage();
  uint64_t runs = 10000;
  uint64_t seed = 1;
  for (int i = 2; i < argc; i += 2) {
    const std::string_view option = argv[i];
    uint64_t* number = option == "--runs" ? &runs : option == "--seed" ? &seed : nullptr;
    if (number == nullptr || !parse_number(argv[i + 1], number)) return usage();
  }
  std::signal(SIGABRT, on_signal);
  std::signal(SIGALRM, on_signal);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(say_what_failed);

  const std::string_view wanted = argv[1];
  bool found = false;
  for (const Target& target : targets()) {
    if (wanted != "all" && wanted != target.name) continue;
    found = true;
    run_target(target, runs, seed);
  }
  return found ? 0 : usage();
}

}  // namespace

Registration::Registration(const char* name, void (*run)(Random*)) { targets().push_back({name, run}); }

}  // namespace holdfast::fuzz

int main(int argc, char** argv) { return holdfast::fuzz::run_main(argc, argv); }
