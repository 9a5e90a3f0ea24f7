// temper: the front door. Reads the configuration, prepares data, starts ranks; never touches a
// tensor, so it starts in milliseconds on a login node.

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <exception>
#include <iostream>
#include <string>

#include "common/cli/command_line.h"
#include "common/cli/commands.h"
#include "common/cli/help_text.h"
#include "common/error.h"
#include "common/log.h"
#include "common/terminal_text.h"
#include "common/version.h"
#include "launcher/commands/commands.h"
#include "launcher/ranks/mpirun_daemon.h"

namespace temper {
namespace {

int run(const Arguments& arguments) {
  if (arguments.empty()) {
    std::cerr << general_help(all_commands());
    return kExitUserError;
  }
  const std::string& name = arguments.front();
  if (name == "-h" || name == "--help") {
    std::cout << general_help(all_commands());
    return kExitDone;
  }
  if (name == "--version") {
    std::cout << "temper " << kVersion << " (" << kGitDescribe << ")\n";
    return kExitDone;
  }
  if (name == kMpirunDaemonCommand) become_mpirun_daemon({arguments.begin() + 1, arguments.end()});
  CommandLine line(command_named(name));
  if (!line.parse({arguments.begin() + 1, arguments.end()})) {
    std::cout << help_text(line.command());
    return kExitDone;
  }
  return run_command(line);
}

// Records stay inside: no core dumps (they hold records), files readable by their owner only.
void keep_private() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  umask(077);
}

}  // namespace
}  // namespace temper

int main(int argc, char** argv) {
  temper::keep_private();
  const temper::TerminalGuard guard(std::cout, STDOUT_FILENO);
  try {
    const int exit_code = temper::run({argv + 1, argv + argc});
    std::cout.flush();
    if (!std::cout) throw temper::SystemError("standard output cannot be written to");
    return exit_code;
  } catch (const temper::Error& error) {
    temper::log::error("{}", error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    temper::log::error("{}", error.what());
    return temper::kExitFailed;
  }
}
