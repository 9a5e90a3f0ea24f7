#include "launcher/slurm/describe_job.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/error.h"
#include "run/run_directory.h"

namespace temper {
namespace {

// The run's own setting where it has begun, else the default.
int64_t signal_seconds_of(const RunDirectory& run) {
  std::error_code ignored;
  if (!std::filesystem::exists(run.config_path(), ignored)) return SlurmConfig{}.signal_seconds;
  return run.recorded_config().slurm.signal_seconds;
}

std::optional<ObservedJob> recorded_job(const RunDirectory& run) {
  std::optional<JobRecord> record = read_job_record(run.job_record_path());
  if (!record) return std::nullopt;
  ObservedJob job;
  job.record = std::move(*record);
  job.signal_seconds = signal_seconds_of(run);
  return job;
}

// Of those that nothing was found of yet.
std::vector<std::string> ids_unknown(const std::vector<std::optional<ObservedJob>>& jobs) {
  std::vector<std::string> ids;
  for (const auto& job : jobs) {
    if (job && !job->slurm && !job->record.job_id.empty()) ids.push_back(job->record.job_id);
  }
  return ids;
}

void add_slurm(const std::vector<SlurmJob>& found, std::vector<std::optional<ObservedJob>>& jobs) {
  for (auto& job : jobs) {
    if (!job || job->slurm || job->record.job_id.empty()) continue;
    if (const SlurmJob* slurm = find_job(found, job->record.job_id)) job->slurm = *slurm;
  }
}

OrderedJson or_null(const std::optional<int64_t>& value) {
  return value ? OrderedJson(*value) : OrderedJson();
}

}  // namespace

std::vector<std::optional<ObservedJob>> observe_jobs(
    const std::vector<std::filesystem::path>& run_directories) {
  std::vector<std::optional<ObservedJob>> jobs;
  for (const std::filesystem::path& directory : run_directories) {
    jobs.push_back(recorded_job(RunDirectory(directory)));
  }
  add_slurm(find_queued_jobs(ids_unknown(jobs)), jobs);
  for (auto& job : jobs) {
    if (job) job->is_queued = job->slurm.has_value();
  }
  add_slurm(find_past_jobs(ids_unknown(jobs)), jobs);
  return jobs;
}

std::optional<int64_t> further_jobs_needed(const ObservedJob& job, double eta_seconds) {
  if (!job.is_queued || !std::isfinite(eta_seconds) || !job.slurm->seconds_left) {
    return std::nullopt;
  }
  const double here = static_cast<double>(*job.slurm->seconds_left - job.signal_seconds);
  if (eta_seconds <= here) return 0;
  const int64_t limit = job.slurm->seconds_of_limit.value_or(*job.slurm->seconds_left);
  const double each = static_cast<double>(std::max<int64_t>(1, limit - job.signal_seconds));
  return static_cast<int64_t>(std::ceil((eta_seconds - std::max(0.0, here)) / each));
}

OrderedJson describe_job(const ObservedJob& job, double eta_seconds) {
  OrderedJson report = {{"id", job.record.job_id}, {"submitted_at", job.record.submitted_at}};
  if (job.slurm) {
    report["state"] = job.slurm->state;
    report["reason"] = job.slurm->reason;
    report["start"] = job.slurm->start;
    report["nodes"] = job.slurm->nodes;
    report["seconds_left"] = or_null(job.slurm->seconds_left);
    report["exit_code"] = job.slurm->exit_code;
  } else {
    report["state"] = nullptr;  // Slurm is not here, or has forgotten it
  }
  report["further_jobs_needed"] = or_null(further_jobs_needed(job, eta_seconds));
  report["requeues"] = job.record.total_requeues;
  report["restarts"] = job.record.total_restarts;
  if (!job.record.last_failure.empty()) report["last_failure"] = job.record.last_failure;
  if (!job.record.failed_nodes.empty()) report["failed_nodes"] = job.record.failed_nodes;
  return report;
}

std::string job_line(const ObservedJob& job, double eta_seconds) {
  if (!job.slurm) return "";
  std::string line = fmt::format(", job {} {}", job.record.job_id, job.slurm->state);
  if (job.slurm->is_pending()) {
    if (!job.slurm->reason.empty()) line += fmt::format(" ({})", job.slurm->reason);
    if (!job.slurm->start.empty()) line += ", expected " + job.slurm->start;
  }
  const std::optional<int64_t> further = further_jobs_needed(job, eta_seconds);
  if (further && *further > 0) {
    line += fmt::format(", {} more job{} after its time limit", *further, *further == 1 ? "" : "s");
  }
  return line;
}

}  // namespace temper
