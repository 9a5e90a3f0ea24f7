#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "config/resolved_config.h"
#include "config/run_config.h"
#include "launcher/commands/commands.h"
#include "launcher/plan/run_plan.h"
#include "launcher/plan/sweep.h"
#include "launcher/print_report.h"
#include "launcher/slurm/batch_run.h"
#include "launcher/start/check_device.h"
#include "launcher/start/check_model.h"
#include "launcher/start/check_run.h"
#include "launcher/start/start_options.h"
#include "launcher/start/training_job.h"

namespace temper {
namespace {

void print_dry_run(RunConfig config, const RankCounts& ranks, bool json) {
  check_model(config);
  const RunPlan plan = check_run(config, ranks, std::nullopt);
  const HostMemory available = available_memory();
  if (json) {
    print_report({{"config", resolved_yaml(config)},
                  {"plan", plan.training.to_json()},
                  {"memory", memory_report(plan, available)}},
                 true);
  } else {
    std::cout << resolved_yaml(config) << "\n";
    print_report(plan.training.to_json(), false);
    std::cout << "\n";
    for (const std::string& line : memory_table(plan.memory)) std::cout << line << "\n";
  }
  if (!may_use_gpus(config)) require_memory(plan, available);
}

// With --sweep-run, that run's settings behind those of --set.
std::vector<std::string> settings_of(const CommandLine& line, const std::string& path) {
  std::vector<std::string> set = line.texts("set");
  if (!line.has("sweep-run")) return set;
  const RunConfig whole = read_run_config(path, ConfigOverride::all_from_text(set));
  for (const ConfigOverride& member : sweep_run(whole, line.get<int64_t>("sweep-run")).overrides) {
    set.push_back(member.key + "=" + member.value);
  }
  return set;
}

}  // namespace

int train_command(const CommandLine& line) {
  const auto path = line.get("RUN.yaml");
  const StartOptions options = read_start_options(line);
  const std::vector<std::string> set = settings_of(line, path);
  const RunConfig config = read_run_config(path, ConfigOverride::all_from_text(set));
  if (!config.sweep.empty()) {
    line.refuse(
        fmt::format("{} has a sweep: `temper submit` runs all of it, --sweep-run I one run", path));
  }
  if (line.has("dry-run")) {
    // A login node has no allocation for slurm.launcher to work in.
    SlurmConfig anywhere = config.slurm;
    anywhere.launcher = LauncherChoice::kAuto;
    const RankLaunch launch = plan_start(options, anywhere);
    print_dry_run(config, {launch.num_ranks, launch.ranks_per_node}, line.has("json"));
    return kExitDone;
  }
  const RankJob job = training_job(path, set, line.get("resume"), config, options);
  return line.has("requeue") ? run_batch_job(job, config.slurm) : run_ranks(job).exit_code;
}

}  // namespace temper
