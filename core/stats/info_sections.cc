#include "core/stats/info_sections.h"

#include <cstdio>
#include <functional>

namespace holdfast {
namespace {

// Of a module's command: what would spoil the form.
std::string safe(std::string name) {
  for (char& c : name) {
    if (c == '#' || c == ':' || c == '\n' || c == '\r') c = '_';
  }
  return name;
}

void append_command(std::string* out, const std::string& name, const CommandStat& stat) {
  const double per_call = stat.calls == 0 ? 0 : static_cast<double>(stat.usec) / static_cast<double>(stat.calls);
  char average[40];
  std::snprintf(average, sizeof(average), "%.2f", per_call);
  *out += "cmdstat_" + safe(name) + ":calls=" + std::to_string(stat.calls) + ",usec=" + std::to_string(stat.usec) +
          ",usec_per_call=" + average + ",rejected_calls=" + std::to_string(stat.rejected) +
          ",failed_calls=" + std::to_string(stat.failed) + "\r\n";
}

std::string command_lines(const Statistics& statistics, std::map<std::string, OwnCalls::Inside, std::less<>> inside) {
  std::string lines;
  const auto add = [&](const std::string& name, const CommandStat* stat) {
    CommandStat sum;
    if (stat != nullptr) {
      sum.calls = stat->calls, sum.usec = stat->usec, sum.rejected = stat->rejected, sum.failed = stat->failed;
    }
    if (const auto found = inside.find(name); found != inside.end()) {
      sum.calls += found->second.calls;
      sum.usec += found->second.usec;
      sum.failed += found->second.failed;
      inside.erase(found);
    }
    if (sum.used()) append_command(&lines, name, sum);
  };
  for (const auto& [name, stat] : statistics.commands()) add(name, stat.get());
  while (!inside.empty()) add(std::string(inside.begin()->first), nullptr);
  return lines;
}

std::string error_lines(const Statistics& statistics, const std::map<std::string, uint64_t, std::less<>>& inside) {
  std::map<std::string, uint64_t, std::less<>> sum = statistics.errors.by_word();
  for (const auto& [word, count] : inside) {
    if (sum.contains(word) || sum.size() < ErrorCounts::kMostWords) sum[word] += count;
  }
  std::string lines;
  for (const auto& [word, count] : sum) {
    lines += "errorstat_" + safe(word) + ":count=" + std::to_string(count) + "\r\n";
  }
  return lines;
}

std::string latency_lines(const Statistics& statistics) {
  std::string lines;
  for (const auto& [name, stat] : statistics.commands()) {
    if (!stat->latency) continue;
    lines += "latency_percentiles_usec_" + safe(name) + ":";
    for (const double percentile : statistics.percentiles()) {
      char text[80];
      std::snprintf(text, sizeof(text), "%sp%g=%.3f", lines.ends_with(':') ? "" : ",", percentile,
                    static_cast<double>(stat->latency->at_percentile(percentile)) / 1000);
      lines += text;
    }
    lines += "\r\n";
  }
  return lines;
}

// Puts `lines` in the place of the section's own, if it is there.
void replace_section(std::string* info, const std::string& name, const std::function<std::string()>& lines) {
  const std::string header = "# " + name + "\r\n";
  const size_t at = info->find(header);
  if (at == std::string::npos || (at > 0 && (*info)[at - 1] != '\n')) return;
  const size_t begin = at + header.size();
  // The next one comes behind an empty line.
  const size_t end = info->compare(begin, 2, "\r\n") == 0 ? begin : info->find("\r\n\r\n", begin);
  info->replace(begin, end == std::string::npos ? end : end - begin + (end == begin ? 0 : 2), lines());
}

}  // namespace

void show_statistics(std::string* info, const Statistics& statistics, const OwnCalls& own) {
  const std::string told = *info;
  constexpr std::string_view kTotal = "\ntotal_error_replies:";
  if (const size_t at = info->find(kTotal); at != std::string::npos) {
    const size_t begin = at + kTotal.size();
    info->replace(begin, info->find_first_of("\r\n", begin) - begin,
                  std::to_string(statistics.errors.total() + own.all_errors_inside(told)));
  }
  replace_section(info, "Commandstats", [&] { return command_lines(statistics, own.commands_inside(told)); });
  replace_section(info, "Errorstats", [&] { return error_lines(statistics, own.errors_inside(told)); });
  replace_section(info, "Latencystats", [&] { return latency_lines(statistics); });
}

}  // namespace holdfast
