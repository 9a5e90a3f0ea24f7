#include <cmath>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "config/config_values.h"
#include "config/run_config.h"
#include "io/atomic_file.h"
#include "launcher/commands/commands.h"
#include "launcher/plan/replay.h"
#include "launcher/plan/sweep.h"
#include "launcher/report/html_page.h"
#include "launcher/report/run_facts.h"
#include "launcher/report/run_figures.h"
#include "launcher/start/start_options.h"
#include "launcher/start/training_job.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

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

// Every run is checked as though it were alone, before the first one starts.
std::vector<RankJob> jobs_of(const std::string& path, const std::vector<std::string>& set,
                             const std::vector<SweepRun>& runs, const StartOptions& options) {
  std::vector<RankJob> jobs;
  for (const SweepRun& run : runs) {
    std::vector<std::string> all = set;
    for (const ConfigOverride& setting : run.overrides) {
      all.push_back(setting.key + "=" + setting.value);
    }
    const RunConfig config = read_run_config(path, ConfigOverride::all_from_text(all));
    jobs.push_back(training_job(path, all, "auto", config, options));
  }
  return jobs;
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

int sweep_command(const CommandLine& line) {
  const auto path = line.get("RUN.yaml");
  const StartOptions start = read_start_options(line);
  std::vector<ConfigOverride> chosen = ConfigOverride::all_from_text(line.texts("set"));
  if (const auto directory = line.find("output")) {
    chosen.push_back({"output_dir", yaml_text(fs::absolute(*directory).string())});
  }
  const RunConfig config = read_run_config(path, chosen);
  const fs::path output = config.output_dir;
  const std::vector<SweepKey> keys =
      line.has("over") ? parse_sweep_keys(line.texts("over")) : config.sweep;
  if (keys.empty()) line.refuse("--over is missing, and RUN.yaml has no sweep");
  const fs::path replay = line.find("replay").value_or("");
  std::vector<SweepRun> runs = sweep_runs(keys, output);
  for (SweepRun& run : runs) replace_replay(config, replay, run);
  const std::vector<RankJob> jobs = jobs_of(path, line.texts("set"), runs, start);

  std::vector<fs::path> done;
  int exit_code = kExitDone;
  for (size_t i = 0; i < runs.size(); ++i) {
    std::cerr << fmt::format("temper: sweep: {} ({} of {})\n", runs[i].name, i + 1, runs.size());
    const int code = run_ranks(jobs[i]).exit_code;
    if (code == kExitStopped || code == kExitUserError) return code;
    if (code != kExitDone) {
      exit_code = code;  // a rate that is too high, say: the others are still of interest
      continue;
    }
    done.push_back(output / runs[i].name);
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
