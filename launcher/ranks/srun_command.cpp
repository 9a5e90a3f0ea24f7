#include "launcher/ranks/srun_command.h"

#include <sstream>

namespace temper {

std::vector<std::string> srun_command(const SrunOptions& options,
                                      const std::vector<std::string>& rank_command) {
  std::vector<std::string> command = {"srun", "--quiet", "--mpi=" + options.mpi_plugin,
                                      "--ntasks=" + std::to_string(options.num_ranks),
                                      // Without it the others would wait for a dead rank for ever.
                                      "--kill-on-bad-exit=1"};
  // Since Slurm 22.05 srun does not take it over from the batch script.
  if (options.cpus_per_task > 0) {
    command.push_back("--cpus-per-task=" + std::to_string(options.cpus_per_task));
  }
  command.insert(command.end(), rank_command.begin(), rank_command.end());
  return command;
}

std::string choose_pmix_plugin(std::string_view srun_mpi_list) {
  std::istringstream words{std::string(srun_mpi_list)};
  std::string newest;
  for (std::string word; words >> word;) {
    while (!word.empty() && (word.back() == ',' || word.back() == '.')) word.pop_back();
    if (word == "pmix") return word;
    if (word.starts_with("pmix_v") && word > newest) newest = word;
  }
  return newest;
}

}  // namespace temper
