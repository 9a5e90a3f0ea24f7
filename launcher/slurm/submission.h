// Giving a run to Slurm: what is checked before, the script that stays in the run's directory, and
// the record of the job.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/run_config.h"

namespace temper {

// What a run asks of Slurm must fit what it does: ranks and micro-batches, ranks and GPUs, threads
// and cores, the signal and the time limit. UserError naming both.
void check_slurm_request(const RunConfig& config);

// Before a script is submitted from `directory`, for runs in `run_directories` (the same one, or
// those of a sweep below it). UserError when a process trains in one of them now, when a job that
// waits or runs will, or when a submission has had no answer and squeue gives none either.
void check_not_in_use(const std::filesystem::path& directory,
                      const std::vector<std::filesystem::path>& run_directories);

// What to do with a script that was edited by hand.
enum class EditedScript { kRefuse, kSubmit, kOverwrite };

// Writes `script` to `directory`/job.sbatch, unless the one there was edited and is to be submitted
// as it is; gives it to sbatch, and records the job in job.json. Returns the job's id. UserError
// when it was edited and `edited` is kRefuse, or sbatch refuses; SystemError where there is no
// sbatch, or what it did is not known, which job.json then says.
std::string submit_and_record(const std::filesystem::path& directory, const std::string& script,
                              EditedScript edited);

// Records in a run's directory that this job will train there; counters stay.
void record_job(const std::filesystem::path& run_directory, const std::string& job_id);

// Now, in UTC: "2026-01-02T03:04:05Z".
std::string utc_now();

}  // namespace temper
