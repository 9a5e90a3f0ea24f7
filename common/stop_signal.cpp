#include "common/stop_signal.h"

#include <unistd.h>
#include <csignal>

#include <cerrno>
#include <initializer_list>

#include "common/error.h"

namespace temper {
namespace {

volatile sig_atomic_t received_signal = 0;

void remember_signal(int signal_number) {
  if (signal_number == SIGINT && received_signal == SIGINT) _exit(128 + SIGINT);
  received_signal = signal_number;
}

}  // namespace

void install_stop_signal_handlers() {
  struct sigaction action {};
  action.sa_handler = remember_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (const int signal_number : {SIGTERM, SIGINT, SIGUSR1}) {
    if (sigaction(signal_number, &action, nullptr) != 0) {
      throw SystemError("cannot install the handler of signal {}: {}", signal_number,
                        errno_text(errno));
    }
  }
}

int stop_signal_received() {
  return received_signal;
}

}  // namespace temper
