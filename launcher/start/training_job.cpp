#include "launcher/start/training_job.h"

#include "launcher/start/check_run.h"

namespace temper {

RankJob training_job(const std::string& run_yaml, const std::vector<std::string>& set,
                     const std::string& resume, const RunConfig& config,
                     const StartOptions& options) {
  std::vector<std::string> arguments = {"train", run_yaml, "--resume", resume};
  for (const std::string& text : set) arguments.insert(arguments.end(), {"--set", text});
  RankJob job;
  job.run_directory = config.output_dir;
  job.launch = plan_start(options, config.slurm, rank_command(config.slurm, arguments));
  check_run(config, {job.launch.num_ranks, job.launch.ranks_per_node}, available_memory());
  return job;
}

}  // namespace temper
