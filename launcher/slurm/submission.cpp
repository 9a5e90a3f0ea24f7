#include "launcher/slurm/submission.h"

#include <fmt/chrono.h>

#include <ctime>
#include <optional>

#include "common/error.h"
#include "common/hash.h"
#include "io/atomic_file.h"
#include "launcher/slurm/slurm_client.h"
#include "launcher/slurm/slurm_time.h"
#include "run/job_record.h"
#include "run/run_directory.h"
#include "run/run_lock.h"

namespace temper {
namespace {

constexpr size_t kMaxScriptBytes = size_t{1} << 20;

bool was_edited(const RunDirectory& run, const std::string& written_hash) {
  std::error_code ignored;
  if (!std::filesystem::exists(run.job_script_path(), ignored)) return false;
  return hash_text(read_file(run.job_script_path(), kMaxScriptBytes)).hex() != written_hash;
}

void check_nobody_trains(const RunDirectory& run) {
  run.check_trusted();
  if (probe_run_lock(run.lock_path()) != LockState::kHeld) return;
  throw UserError(
      "{} is being trained by a process now; nothing was submitted. `temper status {}` shows it",
      run.root().string(), run.root().string());
}

void refuse_beside(const SlurmJob* job, const std::filesystem::path& directory) {
  if (job == nullptr) return;
  throw UserError(
      "{} belongs to job {}, which is {}; nothing was submitted. Wait for its end, or: {} {}",
      directory.string(), job->id, job->state, job->is_pending() ? "scancel" : kStopWithCheckpoint,
      job->id);
}

// `jobs`: nothing when squeue does not answer.
void check_record(const RunDirectory& run, const std::optional<std::vector<SlurmJob>>& jobs) {
  const std::optional<JobRecord> record = read_job_record(run.job_record_path());
  if (!record) return;
  if (!jobs && record->is_unanswered) {
    throw UserError(
        "{}: sbatch was asked for a job before, and whether it made one is not known; squeue gives "
        "no answer, either. Nothing was submitted: try again when it does",
        run.root().string());
  }
  if (jobs && !record->job_id.empty()) refuse_beside(find_job(*jobs, record->job_id), run.root());
}

}  // namespace

void check_slurm_request(const RunConfig& config) {
  const SlurmConfig& slurm = config.slurm;
  if (slurm.gpus_per_node > 0 && slurm.ntasks_per_node != slurm.gpus_per_node) {
    throw UserError(
        "slurm: ntasks_per_node is {} and gpus_per_node {}; a rank drives one GPU, so give them "
        "the same number",
        slurm.ntasks_per_node, slurm.gpus_per_node);
  }
  if (config.device == DeviceChoice::kCuda && slurm.gpus_per_node == 0) {
    throw UserError("slurm: gpus_per_node is 0, but device is cuda: ask for the GPUs of a node");
  }
  if (config.threads_per_rank > slurm.cpus_per_task) {
    throw UserError("slurm: cpus_per_task is {}, but threads_per_rank is {}: ask for as many cores",
                    slurm.cpus_per_task, config.threads_per_rank);
  }
  const std::optional<int64_t> limit = parse_slurm_time(slurm.time);
  if (!slurm.time.empty() && !limit && slurm.time != "UNLIMITED") {
    throw UserError(
        "slurm: time is \"{}\"; expected minutes, HH:MM:SS, D-HH or D-HH:MM:SS, as sbatch takes it",
        slurm.time);
  }
  if (limit && *limit <= slurm.signal_seconds) {
    throw UserError(
        "slurm: time is {} s, and signal_seconds {}: the run would be told to stop before it "
        "begins; lower signal_seconds or ask for more time",
        *limit, slurm.signal_seconds);
  }
}

void check_not_in_use(const std::filesystem::path& directory,
                      const std::vector<std::filesystem::path>& run_directories) {
  std::vector<std::filesystem::path> all = run_directories;
  all.push_back(directory);
  for (const std::filesystem::path& run : all) check_nobody_trains(RunDirectory(run));
  const std::optional<std::vector<SlurmJob>> jobs = list_own_jobs();
  for (const std::filesystem::path& run : all) check_record(RunDirectory(run), jobs);
  // One that was submitted without an answer is in no record.
  if (jobs)
    refuse_beside(find_job_of_script(*jobs, RunDirectory(directory).job_script_path()), directory);
}

std::string submit_and_record(const std::filesystem::path& directory, const std::string& script,
                              EditedScript edited) {
  require_sbatch();
  const RunDirectory run(directory);
  JobRecord record = read_job_record(run.job_record_path()).value_or(JobRecord{});
  const bool was = was_edited(run, record.script_hash);
  if (was && edited == EditedScript::kRefuse) {
    throw UserError(
        "{} was changed by hand since temper wrote it; nothing was submitted. --edited submits it "
        "as it is, --overwrite writes it anew",
        run.job_script_path().string());
  }
  make_directories(run.logs_path());
  const bool is_written_anew = !was || edited == EditedScript::kOverwrite;
  if (is_written_anew) record.script_hash = hash_text(script).hex();
  record.is_unanswered = true;  // whatever becomes of this process from here on
  // The record first: a script without one would count as edited.
  write_job_record(run.job_record_path(), record);
  if (is_written_anew) write_file_atomically(run.job_script_path(), script);
  const SlurmReply reply = ask_sbatch(run.job_script_path());
  if (reply.answer == SlurmAnswer::kDone) {
    record_job(directory, reply.job_id);
  } else if (reply.answer == SlurmAnswer::kRefused) {
    record.is_unanswered = false;
    write_job_record(run.job_record_path(), record);
  }
  return submitted_job(reply);
}

void record_job(const std::filesystem::path& run_directory, const std::string& job_id) {
  const RunDirectory run(run_directory);
  JobRecord record = read_job_record(run.job_record_path()).value_or(JobRecord{});
  record.job_id = job_id;
  record.is_unanswered = false;
  record.submitted_at = utc_now();
  // A person who submits again has looked: the counts begin anew.
  record.requeues = record.restarts = 0;
  make_directories(run.root());
  write_job_record(run.job_record_path(), record);
}

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace temper
