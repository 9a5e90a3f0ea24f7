#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "config/resolved_config.h"
#include "config/run_config.h"
#include "launcher/command_line.h"
#include "launcher/plan/run_plan.h"
#include "launcher/plan/sweep.h"
#include "launcher/report.h"
#include "launcher/slurm/batch_run.h"
#include "launcher/start/check_device.h"
#include "launcher/start/check_model.h"
#include "launcher/start/rank_job.h"

namespace temper {
namespace {

constexpr const char* kAbout =
    "Starts the ranks of a run: in a Slurm allocation with srun or mpirun, else with mpirun here.\n"
    "`mpirun -n N temper-rank train RUN.yaml` is the same by hand. TERM, INT and USR1 stop it "
    "after\n"
    "the current step with a checkpoint (exit 75); the same command goes on from there.";

// Consecutive ranks on each node of the allocation; without one, all are here.
int ranks_per_node(int num_ranks) {
  const char* text = std::getenv("SLURM_JOB_NUM_NODES");
  const int nodes = std::max(1, text == nullptr ? 1 : std::atoi(text));
  return (num_ranks + nodes - 1) / nodes;
}

// `num_ranks` 0: as plan_launch takes it.
RunPlan plan_here(const RunConfig& config, int num_ranks) {
  const int ranks = num_ranks > 0 ? num_ranks : std::max(1, read_launch_environment().slurm_tasks);
  return make_run_plan(config, ranks, ranks_per_node(ranks));
}

void print_dry_run(RunConfig config, int num_ranks, bool json) {
  check_model(config);
  const RunPlan plan = plan_here(config, num_ranks);
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

}  // namespace

int train_command(const Arguments& arguments) {
  namespace po = boost::program_options;
  CommandLine line("temper train RUN.yaml [--nproc N] [--set key=value]... [--resume HOW]", kAbout);
  line.options()("nproc,n", po::value<int>()->value_name("N"),
                 "ranks; without it as many as the Slurm allocation has tasks, or 1")(
      "set", po::value<std::vector<std::string>>()->value_name("KEY=VALUE")->composing(),
      "key=value, as though it stood in RUN.yaml; may be repeated")(
      "resume", po::value<std::string>()->value_name("HOW")->default_value("auto"),
      "auto: the newest complete checkpoint of output_dir; never; or a checkpoint's PATH")(
      "launcher", po::value<std::string>()->value_name("NAME"),
      "auto, mpirun or srun; without it what slurm.launcher says")(
      "hostfile", po::value<std::string>()->value_name("FILE"),
      "hosts for mpirun; without --nproc as many ranks as they have slots")(
      "requeue",
      "in a batch job: after the signal before its time limit put it back into the queue, and "
      "start the ranks again after a crash; limits are under slurm: in RUN.yaml")(
      "sweep-run", po::value<int64_t>()->value_name("I"), "run I (from 0) of RUN.yaml's sweep")(
      "dry-run", "print the resolved configuration and the plan, and start nothing")(
      "json", "with --dry-run: as JSON");
  line.positional("RUN.yaml", 1);
  if (!line.parse(arguments)) return kExitDone;

  const std::string path = line.text("RUN.yaml");
  const int num_ranks = line.find<int>("nproc").value_or(0);
  if (line.has("nproc") && num_ranks < 1) line.refuse("--nproc must be at least 1");
  std::vector<std::string> set = line.texts("set");
  // Mistakes are found here, before any rank starts.
  RunConfig config = read_run_config(path, ConfigOverride::all_from_text(set));
  if (line.has("sweep-run")) {
    for (const ConfigOverride& member : sweep_run(config, line.get<int64_t>("sweep-run")).overrides)
      set.push_back(member.key + "=" + member.value);
    config = read_run_config(path, ConfigOverride::all_from_text(set));
  }
  if (!config.sweep.empty()) {
    line.refuse(
        fmt::format("{} has a sweep: `temper submit` runs all of it, --sweep-run I one run", path));
  }
  check_device(config);
  if (line.has("dry-run")) {
    print_dry_run(config, num_ranks, line.has("json"));
    return kExitDone;
  }
  const RunPlan plan = plan_here(config, num_ranks);
  if (!may_use_gpus(config)) require_memory(plan, available_memory());
  RankJob job;
  job.arguments = {"train", path, "--resume", line.get<std::string>("resume")};
  for (const std::string& text : set) {
    job.arguments.insert(job.arguments.end(), {"--set", text});
  }
  job.num_ranks = num_ranks;
  job.launcher = line.has("launcher") ? launcher_choice_named(line.get<std::string>("launcher"))
                                      : config.slurm.launcher;
  job.run_directory = config.output_dir;
  job.hostfile = line.find<std::string>("hostfile").value_or("");
  job.container = config.slurm.container;
  job.needs_gpus = config.slurm.gpus_per_node > 0;
  return line.has("requeue") ? run_batch_job(job, config.slurm) : run_ranks(job).exit_code;
}

}  // namespace temper
