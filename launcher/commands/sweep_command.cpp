#include <cmath>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "config/config_values.h"
#include "config/run_config.h"
#include "io/atomic_file.h"
#include "launcher/command_line.h"
#include "launcher/plan/replay.h"
#include "launcher/plan/sweep.h"
#include "launcher/report/html_page.h"
#include "launcher/report/run_facts.h"
#include "launcher/report/run_figures.h"
#include "launcher/start/rank_job.h"

namespace temper {
namespace {

namespace po = boost::program_options;
namespace fs = std::filesystem;

constexpr const char* kAbout =
    "Trains one run after the other with every combination of the values that --over gives, or "
    "else\n"
    "the `sweep:` of RUN.yaml, and draws what each learned against what it forgot. The same "
    "command\n"
    "goes on where it was stopped.\n"
    "Example: temper sweep run.yaml -o sweep --replay general.h5 --over replay=0,0.05,0.2 \\\n"
    "             --over learning_rate=1e-4,3e-4";

// "replay" is no key of run.yaml, but a share of an epoch's rows: the datasets that make it so.
void replace_replay(const RunConfig& config, const fs::path& dataset, SweepRun& run) {
  for (ConfigOverride& setting : run.overrides) {
    if (setting.key != "replay") continue;
    if (dataset.empty()) {
      throw UserError("--over replay needs the dataset to replay from: --replay FILE.h5");
    }
    setting = {"datasets", datasets_with_replay(config, dataset, setting.value)};
  }
}

int train(const std::string& config, const SweepRun& run, const fs::path& directory,
          int num_ranks) {
  RankJob job;
  job.arguments = {"train", config};
  for (const ConfigOverride& setting : run.overrides) {
    job.arguments.insert(job.arguments.end(),
                         {"--set", fmt::format("{}={}", setting.key, setting.value)});
  }
  job.num_ranks = num_ranks;
  job.launcher = LauncherChoice::kAuto;
  job.run_directory = directory;
  return run_ranks(job).exit_code;
}

// The run with the lowest test loss at a checkpoint that is to be used comes first.
void put_best_first(std::vector<fs::path>& runs) {
  double best = INFINITY;
  for (size_t i = 0; i < runs.size(); ++i) {
    const RunFacts facts = read_run_facts(runs[i]);
    const Recommendation& found = facts.recommendation;
    if (!found.is_to_use() || !(found.test_loss < best)) continue;
    best = found.test_loss;
    std::swap(runs[0], runs[i]);
  }
}

}  // namespace

int sweep_command(const Arguments& arguments) {
  CommandLine line("temper sweep RUN.yaml [-o DIR] [--over KEY=VALUE,VALUE...]... [options]",
                   kAbout);
  line.options()("output,o", po::value<std::string>()->value_name("DIR"),
                 "directory of the runs and of frontier.html; without it output_dir")(
      "over", po::value<std::vector<std::string>>()->value_name("KEY=VALUES")->composing(),
      "a key of run.yaml, or replay, and its values; may be repeated")(
      "replay", po::value<std::string>()->value_name("FILE.h5"),
      "general text that --over replay mixes in")(
      "nproc,n", po::value<int>()->value_name("N")->default_value(0),
      "ranks of each run; 0: as many as the Slurm allocation has tasks, or 1");
  line.positional("RUN.yaml", 1);
  if (!line.parse(arguments)) return kExitDone;
  const std::string path = line.text("RUN.yaml");
  std::vector<ConfigOverride> chosen;
  if (const auto directory = line.find<std::string>("output")) {
    chosen.push_back({"output_dir", yaml_text(fs::absolute(*directory).string())});
  }
  const RunConfig config = read_run_config(path, chosen);
  const fs::path output = config.output_dir;
  const std::vector<SweepKey> keys =
      line.has("over") ? parse_sweep_keys(line.texts("over")) : config.sweep;
  if (keys.empty()) line.refuse("--over is missing, and RUN.yaml has no sweep");
  const fs::path replay = line.find<std::string>("replay").value_or("");
  std::vector<SweepRun> runs = sweep_runs(keys, output);
  // Mistakes are found here, before any rank starts.
  for (SweepRun& run : runs) {
    replace_replay(config, replay, run);
    (void)read_run_config(path, run.overrides);
  }

  std::vector<fs::path> done;
  int exit_code = kExitDone;
  for (const SweepRun& run : runs) {
    std::cerr << fmt::format("temper: sweep: {} ({} of {})\n", run.name, &run - runs.data() + 1,
                             runs.size());
    const int code = train(path, run, output / run.name, line.get<int>("nproc"));
    if (code == kExitStopped || code == kExitUserError) return code;
    if (code != kExitDone) {
      exit_code = code;  // a rate that is too high, say: the others are still of interest
      continue;
    }
    done.push_back(output / run.name);
  }
  if (done.empty()) return exit_code;
  put_best_first(done);
  const ReportOptions options{.with_records = false, .others = {done.begin() + 1, done.end()}};
  const OrderedJson figures = run_figures(done.front(), options);
  write_file_atomically(output / "frontier.html", html_page(figures));
  std::cerr << fmt::format("temper: sweep: {}\n",
                           figures["verdict"]["headline"].get<std::string>());
  std::cout << (output / "frontier.html").string() << "\n";
  return exit_code;
}

}  // namespace temper
