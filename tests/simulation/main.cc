// Runs the core in simulated worlds: `simulation --seeds N --seed S`. Exit status 0: all that must hold held.
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "core/deliberate_bug.h"
#include "tests/simulation/simulation.h"

namespace holdfast::simulation {
namespace {

struct Arguments {
  uint64_t seeds = 2000;
  uint64_t first_seed = 1;
  uint64_t jobs = 1;
  size_t trace_lines = 200;
  bool trace = false;
  bool go_on = false;
  bool coverage = false;
};

volatile uint64_t current_seed = 0;

// A check inside the core ends the process: it must be known which seed that was.
void on_abort(int) {
  char text[80];
  const int size = std::snprintf(text, sizeof text, "seed %llu: the core ended the process\n",
                                 static_cast<unsigned long long>(current_seed));
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, static_cast<size_t>(size));
  _exit(3);
}

// What must have happened at least once in many runs.
constexpr const char* kExpected[] = {
    "client: disconnects",
    "client: half closed",
    "client: held back",
    "fault: Redis hangs",
    "fault: Redis killed, back as it was",
    "fault: Redis killed, back empty",
    "fault: Redis killed, back with an old state",
    "fault: aimed at what Redis did by itself",
    "fault: all clients disconnect",
    "fault: connections to Redis cut",
    "fault: log away",
    "fault: main link cut",
    "fault: proxy and Redis killed",
    "fault: proxy killed",
    "fault: proxy told to stop",
    "fault: tap cut",
    "listener: invalidated, and looked up",
    "listener: message",
    "listener: still cached in the end",
    "log: an entry arrived late",
    "log: an entry timed out",
    "log: an entry twice",
    "log: not written",
    "log: read fails",
    "log: unknown, lost",
    "log: unknown, written",
    "log: unknown, written late",
    "log: void records",
    "operation: done",
    "operation: not written",
    "operation: unknown",
    "proxy: drained",
    "redis: +CONTINUE",
    "redis: CLIENT KILL of a predecessor",
    "redis: EXEC denied",
    "redis: EXEC refused, out of memory",
    "redis: a command not queued, out of memory",
    "redis: a write denied",
    "redis: evicted",
    "redis: expired by itself",
    "redis: expired on access",
    "redis: full sync",
    "redis: promoted",
    "redis: the marker evicted",
    "reply: OOM",
    "run: Redis rebuilt in the end",
    "snapshot: not saved",
    "snapshot: saved",
};
constexpr uint64_t kManySeeds = 1000;

// The seeds first, first + step, …; false: something did not hold.
bool run_seeds(const Arguments& arguments, uint64_t first, uint64_t step, Coverage* coverage) {
  bool good = true;
  for (uint64_t i = first; i < arguments.seeds; i += step) {
    const uint64_t seed = arguments.first_seed + i;
    current_seed = seed;
    const RunResult result = run_seed(seed, arguments.trace, coverage);
    coverage->count("seeds");
    coverage->count("events", result.events);
    coverage->count("requests", result.requests);
    coverage->count("simulated milliseconds", static_cast<uint64_t>(result.simulated_us / 1000));
    if (arguments.trace) {
      const size_t lines = std::min(arguments.trace_lines, result.trace.size());
      for (size_t line = result.trace.size() - lines; line < result.trace.size(); line++) {
        std::printf("%s\n", result.trace[line].c_str());
      }
    }
    if (result.failure.empty()) continue;
    coverage->count("failures");
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), result.failure.c_str());
    std::fflush(stdout);
    good = false;
    if (!arguments.go_on) break;
  }
  return good;
}

// One process for each job; what they counted comes back through files.
bool run_jobs(const Arguments& arguments, Coverage* coverage) {
  if (arguments.jobs <= 1) return run_seeds(arguments, 0, 1, coverage);
  struct Job {
    pid_t process;
    int output;
  };
  std::vector<Job> jobs;
  for (uint64_t job = 0; job < arguments.jobs; job++) {
    int ends[2];
    if (pipe(ends) != 0) return false;
    const pid_t process = fork();
    if (process == 0) {
      close(ends[0]);
      Coverage counted;
      const bool good = run_seeds(arguments, job, arguments.jobs, &counted);
      std::ostringstream text;
      for (const auto& [what, times] : counted.counts) text << times << ' ' << what << '\n';
      const std::string bytes = text.str();
      const bool written = write(ends[1], bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
      _exit(good && written ? 0 : 1);
    }
    close(ends[1]);
    jobs.push_back({process, ends[0]});
  }
  bool good = true;
  for (const Job& job : jobs) {
    std::string text;
    char buffer[4096];
    for (ssize_t size = 0; (size = read(job.output, buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<size_t>(size));
    }
    close(job.output);
    int status = 0;
    waitpid(job.process, &status, 0);
    good = good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    std::istringstream lines(text);
    uint64_t times = 0;
    std::string what;
    while (lines >> times && std::getline(lines >> std::ws, what)) coverage->count(what, times);
  }
  return good;
}

int run(const Arguments& arguments) {
  std::signal(SIGABRT, on_abort);
  std::signal(SIGSEGV, on_abort);
  const auto begun = std::chrono::steady_clock::now();
  Coverage coverage;
  bool good = run_jobs(arguments, &coverage);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begun;
  if (arguments.coverage) {
    for (const auto& [what, times] : coverage.counts) {
      std::printf("%12llu  %s\n", static_cast<unsigned long long>(times), what.c_str());
    }
  }
  for (const char* what : kExpected) {
    if (!good || arguments.seeds < kManySeeds || coverage.counts[what] > 0) continue;
    std::printf("never happened in %llu seeds: %s\n", static_cast<unsigned long long>(arguments.seeds), what);
    good = false;
  }
  auto number = [&](const char* what) { return static_cast<unsigned long long>(coverage.counts[what]); };
  std::printf(
      "%s: %llu seeds in %.1f s, %llu events, %llu requests, %llu s simulated, %llu proxies died, "
      "%llu Redis promoted, %llu +CONTINUE, %llu records, %llu void\n",
      good ? "good" : "FAILED", number("seeds"), seconds.count(), number("events"), number("requests"),
      number("simulated milliseconds") / 1000, number("proxy: dies"), number("redis: promoted"),
      number("redis: +CONTINUE"), number("log: records that count"), number("log: void records"));
  return good ? 0 : 1;
}

}  // namespace
}  // namespace holdfast::simulation

int main(int argc, char** argv) {
  holdfast::simulation::Arguments arguments;
  CLI::App app("The core of Holdfast in simulated worlds, one for each seed");
  app.add_option("--seeds", arguments.seeds, "how many seeds to run")->capture_default_str();
  app.add_option("--seed", arguments.first_seed, "the first seed")->capture_default_str();
  app.add_option("--jobs", arguments.jobs, "processes at a time")->capture_default_str();
  app.add_flag("--trace", arguments.trace, "show what happened last in each run");
  app.add_option("--trace-lines", arguments.trace_lines, "how many lines of it")->capture_default_str();
  app.add_flag("--go-on", arguments.go_on, "run the other seeds too when one fails");
  app.add_flag("--coverage", arguments.coverage, "show how often what happened");
#ifdef HOLDFAST_DELIBERATE_BUGS
  app.add_option("--bug", holdfast::kDeliberateBug, "a deliberate bug of docs/deliberate-bugs.md to switch on");
#endif
  CLI11_PARSE(app, argc, argv);
  return holdfast::simulation::run(arguments);
}
