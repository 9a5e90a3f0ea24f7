#include <optional>

#include "config/run_config.h"
#include "launcher/commands/commands.h"
#include "launcher/start/check_run.h"
#include "launcher/start/start_options.h"
#include "launcher/start/start_ranks.h"

namespace temper {

int doctor_command(const CommandLine& line) {
  const StartOptions options = read_start_options(line);
  std::optional<RunConfig> config;
  if (line.has("RUN.yaml")) {
    config =
        read_run_config(line.get("RUN.yaml"), ConfigOverride::all_from_text(line.texts("set")));
  } else if (line.has("set")) {
    line.refuse("--set changes a run: give RUN.yaml as well");
  }
  const SlurmConfig slurm = config ? config->slurm : SlurmConfig{};
  RankJob job;
  job.launch = plan_start(options, slurm, rank_command(slurm, line.rank_arguments()));
  if (config) {
    check_run(*config, {job.launch.num_ranks, job.launch.ranks_per_node}, available_memory());
  }
  return run_ranks(job).exit_code;
}

}  // namespace temper
