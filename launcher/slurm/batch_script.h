// The batch script of a job, from slurm/train.sbatch.in. Pure: what goes in decides what comes out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "config/run_config.h"

namespace temper {

struct BatchJob {
  std::string name;
  SlurmConfig slurm;
  std::filesystem::path directory;      // where the job starts; absolute
  std::filesystem::path log_directory;  // absolute
  int64_t array_size = 0;               // 0: one job; else tasks 0 to array_size - 1
  // Stops with a checkpoint when told to before the limit, and can be started again.
  bool is_resumable = true;
  std::vector<std::string> command;
  std::string command_tail;  // as it is, after the command: "--shard $SLURM_ARRAY_TASK_ID/4"
};

// UserError for a path that sbatch would misread.
std::string render_batch_script(const BatchJob& job);

// "temper-first" for runs/first: letters, digits, ".", "_" and "-".
std::string batch_job_name(const std::filesystem::path& path);

}  // namespace temper
