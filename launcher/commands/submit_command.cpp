#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "config/run_config.h"
#include "launcher/commands/commands.h"
#include "launcher/plan/run_plan.h"
#include "launcher/plan/sweep.h"
#include "launcher/print_report.h"
#include "launcher/ranks/rank_launch.h"
#include "launcher/slurm/batch_script.h"
#include "launcher/slurm/slurm_client.h"
#include "launcher/slurm/submission.h"
#include "launcher/slurm/submit_pack.h"
#include "launcher/start/check_run.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

TrainingPlan check_submitted(const RunConfig& config) {
  check_slurm_request(config);
  const auto per_node = static_cast<int>(config.slurm.ntasks_per_node);
  const int nodes = static_cast<int>(config.slurm.nodes);
  // What a node has is known here only where it was asked for.
  const auto memory =
      config.slurm.gpus_per_node > 0 ? std::nullopt : requested_memory(config.slurm);
  return check_run(config, {nodes * per_node, per_node}, memory).training;
}

struct CheckedRuns {
  std::vector<fs::path> directories;
  TrainingPlan plan;  // of the last
};

// Every run of a sweep is checked as though it were alone.
CheckedRuns check_runs(const std::string& path, const RunConfig& config,
                       const std::vector<ConfigOverride>& overrides) {
  const std::vector<SweepRun> runs = sweep_runs(config.sweep, config.output_dir);
  if (runs.empty()) return {{config.output_dir}, check_submitted(config)};
  CheckedRuns checked;
  for (const SweepRun& run : runs) {
    std::vector<ConfigOverride> all = overrides;
    all.insert(all.end(), run.overrides.begin(), run.overrides.end());
    const RunConfig member = read_run_config(path, all);
    checked.plan = check_submitted(member);
    checked.directories.push_back(member.output_dir);
  }
  return checked;
}

BatchJob batch_job(const RunConfig& config, const std::string& path,
                   const std::vector<std::string>& set, size_t num_runs) {
  BatchJob job;
  job.name = batch_job_name(config.output_dir);
  job.slurm = config.slurm;
  job.directory = fs::current_path();
  job.log_directory = config.output_dir / "logs";
  job.command = {find_own_program().string(), "train", fs::absolute(path).string(), "--requeue"};
  for (const std::string& text : set) job.command.insert(job.command.end(), {"--set", text});
  if (!config.sweep.empty()) {
    job.array_size = static_cast<int64_t>(num_runs);
    job.command_tail = "--sweep-run \"$SLURM_ARRAY_TASK_ID\"";
  }
  return job;
}

EditedScript edited_script(const CommandLine& line) {
  if (line.has("edited") && line.has("overwrite")) line.refuse("give --edited or --overwrite");
  if (line.has("edited")) return EditedScript::kSubmit;
  return line.has("overwrite") ? EditedScript::kOverwrite : EditedScript::kRefuse;
}

int submit_run(const CommandLine& line, const std::string& path) {
  const std::vector<std::string> set = line.texts("set");
  const std::vector<ConfigOverride> overrides = ConfigOverride::all_from_text(set);
  const RunConfig config = read_run_config(path, overrides);
  const auto [directories, plan] = check_runs(path, config, overrides);
  const std::string script = render_batch_script(batch_job(config, path, set, directories.size()));
  OrderedJson report = {{"submitted", false},
                        {"script", (config.output_dir / "job.sbatch").string()},
                        {"runs", directories.size()},
                        {"plan", plan.to_json()}};
  if (line.has("dry-run")) {
    report["script_text"] = script;
    if (line.has("json")) {
      print_report(report, true);
    } else {
      std::cout << script;
    }
    return kExitDone;
  }
  check_not_in_use(config.output_dir, directories);
  const std::string id = submit_and_record(config.output_dir, script, edited_script(line));
  if (!config.sweep.empty()) {
    for (size_t i = 0; i < directories.size(); ++i) {
      record_job(directories[i], fmt::format("{}_{}", id, i));
    }
  }
  report["submitted"] = true;
  report["job_id"] = id;
  if (line.has("json")) {
    print_report(report, true);
  } else {
    std::cout << fmt::format(
        "job {}: {} on {} ranks; `temper status {}` follows it, `{} {}` stops "
        "it with a checkpoint\n",
        id,
        directories.size() == 1 ? fmt::format("{} steps", plan.steps)
                                : fmt::format("{} runs", directories.size()),
        plan.ranks, config.output_dir.string(), kStopWithCheckpoint, id);
  }
  return kExitDone;
}

}  // namespace

int submit_command(const CommandLine& line) {
  const std::string path = line.get("RUN.yaml");
  const std::vector<std::string> command = line.texts("COMMAND");
  if (command.empty() != !line.has("array")) {
    line.refuse("--array N and a command after -- belong together");
  }
  if (command.empty()) return submit_run(line, path);
  if (line.has("edited") || line.has("overwrite")) {
    line.refuse("--edited and --overwrite are for runs");
  }
  return submit_pack(
      path, command, line.get<int64_t>("array"),
      {line.has("dry-run"), line.has("json"), ConfigOverride::all_from_text(line.texts("set"))});
}

}  // namespace temper
