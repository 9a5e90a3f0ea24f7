#include "launcher/ranks/mpirun_daemon.h"

#include <csignal>
#include <cstdlib>

#include "common/error.h"
#include "launcher/ranks/process.h"
#include "launcher/ranks/rank_launch.h"

namespace temper {

std::string mpirun_launch_agent() {
  const std::string program = find_own_program().string();
  if (std::getenv("OMPI_MCA_orte_launch_agent") != nullptr) return "";
  if (program.find(' ') != program.npos) return "";
  // Other launchers than Open MPI's up to version 4 have other daemons and other words for them.
  if (find_program("orted").empty()) return "";
  return fmt::format("{} {} orted", program, kMpirunDaemonCommand);
}

void become_mpirun_daemon(const std::vector<std::string>& command) {
  if (command.empty()) throw UserError("{}: no program", kMpirunDaemonCommand);
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, nullptr);
  become_program(command);
}

}  // namespace temper
