// holdfast-recover: replays, verifies, inspects and copies a log.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "config/version.h"
#include "recovery/interrupt.h"
#include "recovery/options.h"

namespace holdfast {
namespace {

int fail(const std::string& reason, int status) {
  std::fprintf(stderr, "holdfast-recover: %s\n", reason.c_str());
  return status;
}

int run(int argc, char** argv) {
  CLI::App app("holdfast-recover: works with the log of Holdfast. The log is only read (but for the target of copy).",
               "holdfast-recover");
  app.set_version_flag("--version", std::string("holdfast-recover ") + kVersion);
  app.require_subcommand(1);
  app.footer(
      "Each has its own --help. The last line on standard output is a summary in JSON; progress and errors go to\n"
      "standard error. Exit status: 0 done, 1 failed, 2 used wrongly; verify: 0 equal, 1 different, 2 could not tell.");
  app.get_formatter()->column_width(34);
  std::unique_ptr<Subcommand> commands[] = {make_replay_command(&app), make_verify_command(&app),
                                            make_inspect_command(&app), make_copy_command(&app)};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(error);
    return fail(std::string(error.what()) + " (--help explains)", kExitUsage);
  }
  handle_interrupts();
  for (const auto& command : commands) {
    if (!command->app->parsed()) continue;
    int status = kExitDone;
    if (const std::optional<Failure> failure = command->run(&status)) return fail(failure->what, failure->status);
    if (std::fflush(stdout) != 0) return fail("cannot write to standard output", kExitFailed);
    return status;
  }
  return kExitUsage;
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) { return holdfast::run(argc, argv); }
