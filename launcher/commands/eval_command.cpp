#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "config/recorded_config.h"
#include "io/atomic_file.h"
#include "launcher/commands/commands.h"
#include "launcher/start/check_device.h"
#include "launcher/start/check_run.h"
#include "launcher/start/start_options.h"
#include "launcher/start/start_ranks.h"
#include "run/run_directory.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

// The configuration of the run that `model` belongs to: RUN, RUN@step-N or RUN/checkpoints/step-N;
// nothing for a model that is no run's.
std::optional<RunConfig> run_of_model(const std::string& model) {
  fs::path path = fs::absolute(model.substr(0, model.rfind('@')));
  for (int levels = 0; levels < 3; ++levels, path = path.parent_path()) {
    const fs::path recorded = RunDirectory(path).config_path();
    if (!RunDirectory(path).exists() || !fs::exists(recorded)) continue;
    return read_recorded_config(read_file(recorded), recorded.string());
  }
  return std::nullopt;
}

DeviceChoice device_of(const CommandLine& line) {
  const auto name = line.get("device");
  return name == "cuda"  ? DeviceChoice::kCuda
         : name == "cpu" ? DeviceChoice::kCpu
                         : DeviceChoice::kAuto;
}

}  // namespace

int eval_command(const CommandLine& line) {
  const StartOptions options = read_start_options(line);
  std::optional<RunConfig> run;
  if (line.has("MODEL")) run = run_of_model(line.get("MODEL"));
  SlurmConfig slurm = run ? run->slurm : SlurmConfig{};
  // A run from a cluster may be looked at on a workstation.
  if (std::getenv("SLURM_JOB_ID") == nullptr) slurm.launcher = LauncherChoice::kAuto;

  RunConfig computing;  // on what, and with which numbers
  computing.device = device_of(line);
  check_device(computing);
  RankJob job;
  job.launch = plan_start(options, slurm, rank_command(slurm, line.rank_arguments()));
  if (!may_use_gpus(computing)) {
    const fs::path model = line.find("model").value_or(run ? run->base_model.string() : "");
    check_evaluation_memory(model, {job.launch.num_ranks, job.launch.ranks_per_node},
                            available_memory());
  }
  return run_ranks(job).exit_code;
}

}  // namespace temper
