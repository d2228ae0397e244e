#include "proxy/logging.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>

namespace holdfast {
namespace {

bool logs_to_file = false;

}  // namespace

Result<Done> set_up_logging(const LoggingSettings& settings) {
  std::shared_ptr<spdlog::logger> logger;
  try {
    logger = settings.file.empty() ? spdlog::stderr_color_mt("holdfast")
                                   : spdlog::basic_logger_mt("holdfast", settings.file);
  } catch (const spdlog::spdlog_ex& error) {
    return Error{"cannot write messages to " + settings.file + ": " + error.what() +
                 "; give another file with --log-file"};
  }
  logs_to_file = !settings.file.empty();
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
  logger->set_level(spdlog::level::from_str(settings.level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  return Done{};
}

void log_failure(const std::string& reason) {
  spdlog::error("{}", reason);
  if (logs_to_file) std::fprintf(stderr, "holdfast: %s\n", reason.c_str());
}

}  // namespace holdfast
