#include "recovery/interrupt.h"

#include <signal.h>

#include <atomic>

namespace holdfast {
namespace {

std::atomic<bool> was_interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int) { was_interrupted = true; }

}  // namespace

void handle_interrupts() {
  signal(SIGPIPE, SIG_IGN);
  struct sigaction once {};
  once.sa_handler = on_signal;
  once.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &once, nullptr);
  sigaction(SIGTERM, &once, nullptr);
}

bool interrupted() { return was_interrupted; }

}  // namespace holdfast
