#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "common/log.h"
#include "config/run_config.h"
#include "launcher/commands/commands.h"
#include "launcher/plan/rehearsal.h"
#include "launcher/plan/training_plan.h"
#include "launcher/print_report.h"
#include "launcher/start/check_model.h"
#include "launcher/start/check_run.h"
#include "launcher/start/start_options.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

OrderedJson report_of(const Rehearsal& rehearsal, const RehearsalPrediction& prediction,
                      const TrainingPlan& plan) {
  OrderedJson report = {{"rehearsed", true},
                        {"ranks", rehearsal.num_ranks},
                        {"resumed_on_ranks", rehearsal.resumed_ranks},
                        {"steps", plan.steps}};
  report["prediction"] = prediction.to_json();
  return report;
}

}  // namespace

int rehearse_command(const CommandLine& line) {
  const StartOptions options = read_start_options(line);
  Rehearsal rehearsal;
  rehearsal.run_yaml = line.get("RUN.yaml");
  rehearsal.set = line.texts("set");
  const RunConfig config =
      read_run_config(rehearsal.run_yaml, ConfigOverride::all_from_text(rehearsal.set));
  RunConfig checked = config;
  check_model(checked);
  const RankLaunch launch = plan_start(options, config.slurm);
  rehearsal.num_ranks = launch.num_ranks;
  const TrainingPlan plan =
      check_run(config, {launch.num_ranks, launch.ranks_per_node}, available_memory()).training;
  rehearsal.resumed_ranks = rehearsal.num_ranks > 1           ? rehearsal.num_ranks / 2
                            : plan.micro_batches_per_step > 1 ? 2
                                                              : 1;
  rehearsal.start_arguments = options.starter_arguments();
  rehearsal.slurm = config.slurm;
  rehearsal.directory = config.output_dir.string() + "-rehearsal";
  if (fs::exists(rehearsal.directory)) {
    throw UserError("{} exists: remove what an earlier rehearsal left",
                    rehearsal.directory.string());
  }
  const RehearsalPrediction prediction = predict(rehearse(rehearsal), config, plan.steps);
  if (line.has("keep")) {
    log::info("kept: {}", rehearsal.directory.string());
  } else {
    fs::remove_all(rehearsal.directory);
  }
  print_report(report_of(rehearsal, prediction, plan), line.has("json"));
  return kExitDone;
}

}  // namespace temper
