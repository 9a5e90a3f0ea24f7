// SIGTERM, SIGINT and SIGUSR1 set a flag; the training loop acts on it at the next step boundary.
#pragma once

namespace temper {

// Installs the handlers (once per process). A second SIGINT ends the process at once.
void install_stop_signal_handlers();

// The signal that was received, or 0.
int stop_signal_received();

}  // namespace temper
