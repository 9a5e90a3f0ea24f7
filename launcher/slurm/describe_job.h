// The Slurm job of a run, for `temper status`: what the run's directory remembers of it and what
// Slurm says now.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/json.h"
#include "launcher/slurm/slurm_client.h"
#include "run/job_record.h"

namespace temper {

struct ObservedJob {
  JobRecord record;
  std::optional<SlurmJob> slurm;  // nothing when Slurm is not there or has forgotten it
  bool is_queued = false;         // it waits, runs or is ending
  int64_t signal_seconds = 0;     // before the time limit, the run stops
};

// Asks squeue, then sacct, each once for all directories. An entry for each: nothing when the run
// was never given to Slurm. UserError for a damaged record.
std::vector<std::optional<ObservedJob>> observe_jobs(
    const std::vector<std::filesystem::path>& run_directories);

// Of the time that the run still needs: how many jobs after the one that runs now. Nothing where
// that is not known.
std::optional<int64_t> further_jobs_needed(const ObservedJob& job, double eta_seconds);

// `eta_seconds` is NaN when it is not known.
OrderedJson describe_job(const ObservedJob& job, double eta_seconds);
// ", job 12 PENDING (Priority), expected 2026-01-02T03:04:05".
std::string job_line(const ObservedJob& job, double eta_seconds);

}  // namespace temper
