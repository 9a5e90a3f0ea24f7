// RUN_DIR/job.json: the Slurm job that a run was given to, and how it went on after stops and
// crashes. Written by `temper submit`, and by the front door inside the job.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace temper {

struct JobRecord {
  std::string job_id;        // as squeue takes it: "123", "123_4"; empty: none yet
  std::string script_hash;   // of job.sbatch as temper wrote it
  std::string submitted_at;  // UTC
  // sbatch was asked for a job, and what it said is not known (yet).
  bool is_unanswered = false;
  // The newest checkpoint when the counters below were last set to zero or raised.
  int64_t progress_step = -1;
  int64_t requeues = 0;  // since then
  int64_t restarts = 0;  // since then
  int64_t total_requeues = 0;
  int64_t total_restarts = 0;
  std::string last_failure;               // of the last crash: rank, node and how
  std::vector<std::string> failed_nodes;  // that later jobs are to leave out

  bool operator==(const JobRecord&) const = default;
};

void write_job_record(const std::filesystem::path& path, const JobRecord& record);
// Nothing when there is no such file; UserError for a damaged one.
std::optional<JobRecord> read_job_record(const std::filesystem::path& path);

}  // namespace temper
