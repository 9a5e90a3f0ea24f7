#include "launcher/ranks/mpirun_command.h"

namespace temper {

std::vector<std::string> mpirun_command(const MpirunOptions& options,
                                        const std::vector<std::string>& rank_command) {
  std::vector<std::string> command = {"mpirun"};
  if (options.is_root) command.emplace_back("--allow-run-as-root");
  if (!options.hostfile.empty()) {
    command.insert(command.end(), {"--hostfile", options.hostfile});
  }
  if (!options.launch_agent.empty()) {
    command.insert(command.end(), {"--mca", "orte_launch_agent", options.launch_agent});
  }
  // Open MPI counts physical cores, which can't be known cheaply; outside of an allocation nobody
  // else's room is taken. It yields while waiting only where ranks really outnumber the cores.
  if (options.num_allocated_tasks == 0 || options.num_ranks > options.num_allocated_tasks) {
    command.push_back("--oversubscribe");
  }
  // On this machine alone messages go through shared memory. Looking for a network first costs each
  // rank 0.2 s of its start.
  if (options.num_allocated_tasks == 0) command.insert(command.end(), {"--mca", "pml", "ob1"});
  // A rank may have several threads; binding would put them all on one core.
  command.insert(command.end(), {"--bind-to", "none", "-n", std::to_string(options.num_ranks)});
  command.insert(command.end(), rank_command.begin(), rank_command.end());
  return command;
}

}  // namespace temper
