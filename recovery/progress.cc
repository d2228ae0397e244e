#include "recovery/progress.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

namespace holdfast {
namespace {

constexpr std::chrono::milliseconds kTerminalPause{200};
constexpr std::chrono::milliseconds kLinePause{5000};

std::string span_text(double seconds) {
  const auto whole = static_cast<long long>(seconds + 0.5);
  char text[40];
  if (whole < 60) {
    std::snprintf(text, sizeof text, "%lld s", whole);
  } else if (whole < 3600) {
    std::snprintf(text, sizeof text, "%lld min %02lld s", whole / 60, whole % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld h %02lld min", whole / 3600, whole / 60 % 60);
  }
  return text;
}

}  // namespace

Progress::Progress(std::string task, std::string unit)
    : task_(std::move(task)),
      unit_(std::move(unit)),
      terminal_(isatty(STDERR_FILENO) == 1),
      started_(Clock::now()),
      shown_(started_) {}

double Progress::seconds() const { return std::chrono::duration<double>(Clock::now() - started_).count(); }

void Progress::update(int64_t done, int64_t total, uint64_t bytes) {
  const Clock::time_point now = Clock::now();
  if (now - shown_ < (terminal_ ? kTerminalPause : kLinePause)) return;
  shown_ = now;
  const double passed = seconds();
  const double rate = static_cast<double>(done) / passed;
  char text[200];
  int length = std::snprintf(text, sizeof text, "%s: %lld", task_.c_str(), static_cast<long long>(done));
  std::string line(text, static_cast<size_t>(length));
  if (total > 0) {
    std::snprintf(text, sizeof text, " of %lld %s (%.1f %%)", static_cast<long long>(total), unit_.c_str(),
                  100.0 * static_cast<double>(done) / static_cast<double>(total));
  } else {
    std::snprintf(text, sizeof text, " %s", unit_.c_str());
  }
  line += text;
  std::snprintf(text, sizeof text, ", %.0f/s", rate);
  line += text;
  if (bytes > 0) {
    std::snprintf(text, sizeof text, ", %.1f MB/s", static_cast<double>(bytes) / passed / 1e6);
    line += text;
  }
  if (total > done && done > 0) line += ", " + span_text(static_cast<double>(total - done) / rate) + " left";
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
    line_open_ = true;
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
}

void Progress::end() {
  if (line_open_) std::fputs("\r\033[K", stderr);
  line_open_ = false;
}

void Progress::say(const std::string& line) {
  end();
  std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace holdfast
