#include "launcher/slurm/submit_pack.h"

#include <filesystem>
#include <iostream>
#include <optional>

#include "common/cli/commands.h"
#include "common/error.h"
#include "config/run_config.h"
#include "io/atomic_file.h"
#include "io/output_guard.h"
#include "launcher/pack_options.h"
#include "launcher/print_report.h"
#include "launcher/ranks/rank_launch.h"
#include "launcher/slurm/batch_script.h"
#include "launcher/slurm/slurm_client.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxShards = 10000;
// Of slurm/train.sbatch.in.
constexpr const char* kScriptStart = "#!/bin/bash\n# Written by `temper submit`.";

void check_command(const std::vector<std::string>& command, int64_t num_shards) {
  if (command.front() != "pack") {
    throw UserError("submit --array: the command after -- is \"{}\"; expected pack", command[0]);
  }
  if (num_shards < 1 || num_shards > kMaxShards) {
    throw UserError("submit --array {}: expected 1 to {}", num_shards, kMaxShards);
  }
}

// What the command will write, by its own reading of its options. UserError for what it would
// refuse: better now than in each task.
fs::path output_of(const std::vector<std::string>& command) {
  CommandLine line(command_named("pack"));
  if (!line.parse({command.begin() + 1, command.end()})) {
    throw UserError("submit --array: leave --help out of the command after --");
  }
  if (line.has("shard")) {
    throw UserError("submit --array: leave --shard out; each task gets its own");
  }
  return fs::absolute(read_pack_options(line).output);
}

void check_not_queued(const fs::path& script) {
  const std::optional<std::vector<SlurmJob>> jobs = list_own_jobs();
  const SlurmJob* job = jobs ? find_job_of_script(*jobs, script) : nullptr;
  if (job == nullptr) return;
  throw UserError("job {} of {} is {}; nothing was submitted. Wait for its end, or: scancel {}",
                  job->id, script.string(), job->state, job->id);
}

}  // namespace

int submit_pack(const std::string& run_yaml, const std::vector<std::string>& command,
                int64_t num_shards, const SubmitPackOptions& options) {
  check_command(command, num_shards);
  const fs::path output = output_of(command);
  BatchJob job;
  job.name = batch_job_name(output.stem());
  job.slurm = read_slurm_config(run_yaml, options.set);
  job.slurm.nodes = job.slurm.ntasks_per_node = 1;
  job.slurm.gpus_per_node = 0;
  job.directory = fs::current_path();
  job.log_directory = output.parent_path() / (output.stem().string() + "-logs");
  job.array_size = num_shards;
  job.is_resumable = false;
  job.command = {find_own_program().string()};
  job.command.insert(job.command.end(), command.begin(), command.end());
  job.command_tail = "--shard \"$SLURM_ARRAY_TASK_ID/" + std::to_string(num_shards) + "\"";
  const std::string script = render_batch_script(job);
  const fs::path script_path = output.parent_path() / (output.stem().string() + ".sbatch");

  OrderedJson report = {
      {"submitted", false}, {"script", script_path.string()}, {"shards", num_shards}};
  if (options.dry_run) {
    report["script_text"] = script;
    if (!options.json) std::cout << script;
  } else {
    require_sbatch();
    check_not_queued(script_path);
    refuse_to_overwrite_foreign(script_path, "a batch script of temper submit",
                                [&] { return read_file(script_path).starts_with(kScriptStart); });
    make_directories(job.log_directory);
    write_file_atomically(script_path, script);
    report["job_id"] = submitted_job(ask_sbatch(script_path));
    report["submitted"] = true;
    if (!options.json) {
      std::cout << fmt::format("job {}: {} shards of {}\n", report["job_id"].get<std::string>(),
                               num_shards, output.string());
    }
  }
  if (options.json) print_report(report, true);
  return kExitDone;
}

}  // namespace temper
