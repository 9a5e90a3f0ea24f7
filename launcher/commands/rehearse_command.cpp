#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "common/log.h"
#include "config/run_config.h"
#include "launcher/command_line.h"
#include "launcher/plan/rehearsal.h"
#include "launcher/plan/training_plan.h"
#include "launcher/ranks/rank_launch.h"
#include "launcher/report.h"
#include "launcher/start/check_model.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAbout =
    "The run in small, on the nodes it will have: ten steps, a checkpoint, kill -9, a resume on "
    "another\n"
    "number of ranks, ten more steps, an export with its proof. Then says what the whole run will "
    "take of\ntime, memory and disk. Works in OUTPUT_DIR-rehearsal, which is removed afterwards.";

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

int rehearse_command(const Arguments& arguments) {
  namespace po = boost::program_options;
  CommandLine line("temper rehearse RUN.yaml [--nproc N] [--set key=value]... [--json]", kAbout);
  line.options()("nproc,n", po::value<int>()->value_name("N"),
                 "ranks; without it as many as the Slurm allocation has tasks, or 1")(
      "set", po::value<std::vector<std::string>>()->value_name("KEY=VALUE")->composing(),
      "key=value, as though it stood in RUN.yaml; may be repeated")(
      "launcher", po::value<std::string>()->value_name("NAME"), "auto, mpirun or srun")(
      "keep", "leave OUTPUT_DIR-rehearsal where it is")("json", "as JSON");
  line.positional("RUN.yaml", 1);
  if (!line.parse(arguments)) return kExitDone;

  Rehearsal rehearsal;
  rehearsal.run_yaml = line.text("RUN.yaml");
  rehearsal.set = line.texts("set");
  RunConfig config =
      read_run_config(rehearsal.run_yaml, ConfigOverride::all_from_text(rehearsal.set));
  check_model(config);
  rehearsal.num_ranks = plan_launch(read_launch_environment(), LauncherChoice::kAuto,
                                    line.find<int>("nproc").value_or(0), {})
                            .num_ranks;
  const TrainingPlan plan = make_training_plan(config, rehearsal.num_ranks);
  rehearsal.resumed_ranks = rehearsal.num_ranks > 1           ? rehearsal.num_ranks / 2
                            : plan.micro_batches_per_step > 1 ? 2
                                                              : 1;
  rehearsal.launcher = line.find<std::string>("launcher").value_or("");
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
