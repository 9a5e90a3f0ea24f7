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
#include "run/find_checkpoint.h"
#include "run/run_directory.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

// The configuration of the run that `model` belongs to: RUN, RUN@step-N or RUN/checkpoints/step-N;
// nothing for a model that is no run's.
std::optional<RunConfig> run_of_model(const std::string& model) {
  const std::string named =
      is_checkpoint_reference(model) ? model.substr(0, model.rfind('@')) : model;
  fs::path path = fs::absolute(named).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // a slash at its end
  const bool is_checkpoint = path.parent_path().filename() == "checkpoints";
  const RunDirectory run(is_checkpoint ? path.parent_path().parent_path() : path);
  if (!run.exists() || !fs::exists(run.config_path())) return std::nullopt;
  return read_recorded_config(read_file(run.config_path()), run.config_path().string());
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
  // A run from a cluster may be looked at on a workstation, without its launcher and container.
  const bool in_allocation = std::getenv("SLURM_JOB_ID") != nullptr;
  const SlurmConfig slurm = run && in_allocation ? run->slurm : SlurmConfig{};

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
