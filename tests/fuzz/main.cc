// fuzz <target>|all [--runs N] [--seed S] [--file F]
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
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
// Above, what takes bytes gets no larger ones: many small inputs find more than a few large ones.
constexpr size_t kLargest = 16'384;

const char* current_target = "";
std::string current_options;

void say_what_failed() {
  char text[400];
  const int size =
      std::snprintf(text, sizeof(text), "failed; to repeat: fuzz %s %s\n", current_target, current_options.c_str());
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

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

void take(const Target& target, std::string_view bytes) {
  alarm(kSecondsPerRun);
  const ExactCopy copy(bytes);
  target.take(copy.view());
}

// The kept inputs of a target, each of which it must stand.
std::vector<std::string> take_corpus(const Target& target) {
  std::vector<std::filesystem::path> files;
  const std::filesystem::path directory = std::filesystem::path(HOLDFAST_FUZZ_CORPUS) / target.name;
  if (std::filesystem::is_directory(directory)) {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> corpus;
  for (const std::filesystem::path& file : files) {
    current_options = "--file " + file.string();
    corpus.push_back(content_of(file));
    take(target, corpus.back());
  }
  if (corpus.empty()) corpus.emplace_back();
  return corpus;
}

// One input changed, or the beginning of one and the end of another.
std::string make_input(Random* random, const std::vector<std::string>& corpus) {
  std::string bytes = corpus[random->below(corpus.size())];
  if (random->chance(30)) {
    const std::string& other = corpus[random->below(corpus.size())];
    bytes.resize(random->below(bytes.size() + 1));
    bytes += other.substr(random->below(other.size() + 1));
  }
  bytes.resize(std::min(bytes.size(), kLargest));
  for (size_t times = random->below(4); times > 0; --times) mutate(random, &bytes);
  return bytes;
}

void run_target(const Target& target, uint64_t runs, uint64_t seed) {
  current_target = target.name;
  const double start = seconds_now();
  const std::vector<std::string> corpus = target.take == nullptr ? std::vector<std::string>() : take_corpus(target);
  for (uint64_t i = 0; i < runs; ++i) {
    current_options = "--runs 1 --seed " + std::to_string(seed + i);
    Random random(seed + i);
    alarm(kSecondsPerRun);
    if (target.take == nullptr) {
      target.run(&random);
    } else {
      take(target, make_input(&random, corpus));
    }
  }
  alarm(0);
  std::printf("%s: %zu kept inputs, %llu runs in %.1f s, seed %llu\n", target.name, corpus.size(),
              static_cast<unsigned long long>(runs), seconds_now() - start, static_cast<unsigned long long>(seed));
  std::fflush(stdout);
}

bool parse_number(const char* text, uint64_t* number) {
  char* end = nullptr;
  *number = std::strtoull(text, &end, 10);
  return end != text && *end == '\0';
}

int usage() {
  std::fputs("usage: fuzz <target>|all [--runs N] [--seed S] [--file F]\ntargets:", stderr);
  for (const Target& target : targets()) std::fprintf(stderr, " %s", target.name);
  std::fputs("\n", stderr);
  return 1;
}

int run_main(int argc, char** argv) {
  if (argc < 2 || argc % 2 != 0) return usage();
  uint64_t runs = 10000;
  uint64_t seed = 1;
  const char* file = nullptr;
  for (int i = 2; i < argc; i += 2) {
    const std::string_view option = argv[i];
    uint64_t* number = option == "--runs" ? &runs : option == "--seed" ? &seed : nullptr;
    if (option == "--file") {
      file = argv[i + 1];
    } else if (number == nullptr || !parse_number(argv[i + 1], number)) {
      return usage();
    }
  }
  std::signal(SIGABRT, on_signal);
  std::signal(SIGALRM, on_signal);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(say_what_failed);

  const std::string_view wanted = argv[1];
  bool found = false;
  for (const Target& target : targets()) {
    if (wanted != "all" && wanted != target.name) continue;
    found = true;
    if (file == nullptr) {
      run_target(target, runs, seed);
    } else if (target.take != nullptr) {
      current_target = target.name;
      current_options = std::string("--file ") + file;
      take(target, content_of(file));
    }
  }
  return found ? 0 : usage();
}

}  // namespace

}  // namespace holdfast::fuzz

int main(int argc, char** argv) { return holdfast::fuzz::run_main(argc, argv); }
