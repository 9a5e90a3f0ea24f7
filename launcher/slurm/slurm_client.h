// Slurm's programs, asked and understood: sbatch, squeue, sacct, scontrol.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace temper {

// What Slurm says of a job that is in its queue, or was.
struct SlurmJob {
  std::string id;
  std::string state;   // "PENDING", "RUNNING", "TIMEOUT"
  std::string reason;  // why it is pending: "Resources", "Priority"
  std::string nodes;
  std::string start;                        // expected or real; "2026-01-02T03:04:05"
  std::optional<int64_t> seconds_left;      // until its time limit
  std::optional<int64_t> seconds_of_limit;  // the time limit
  std::string exit_code;                    // "0:15"; of one that has ended
  std::string script;                       // that it was submitted with; of one in the queue

  bool is_pending() const { return state == "PENDING" || state == "CONFIGURING"; }
};

// With a job's number: tells its front door, whose ranks take the time that a checkpoint needs.
// Without the options Slurm kills them after its KillWait.
inline constexpr const char* kStopWithCheckpoint = "scancel --batch --signal=TERM";

// What came of a request to Slurm's controller. kNone: it did not answer in time, and what it was
// asked may have been done all the same, or may still be.
enum class SlurmAnswer { kDone, kRefused, kNone };

struct SlurmReply {
  SlurmAnswer answer = SlurmAnswer::kDone;
  std::string job_id;  // that was submitted
  std::string words;   // why not: Slurm's, or what was found instead of an answer
};

inline constexpr std::chrono::milliseconds kSlurmPatience = std::chrono::seconds(30);
// To kill sbatch is to lose its answer; Slurm's own limits end it earlier.
inline constexpr std::chrono::milliseconds kSbatchPatience = std::chrono::minutes(2);

// SystemError that says how to run without Slurm when there is no sbatch.
void require_sbatch();

// Gives the script to sbatch, with these options before it. Where no answer comes, squeue is asked
// whether this user has a job of that script (of the array's task that `options` name, and another
// than `follows`, the job that asks): that one is then the job.
SlurmReply ask_sbatch(const std::filesystem::path& script,
                      const std::vector<std::string>& options = {}, const std::string& follows = "",
                      std::chrono::milliseconds patience = kSbatchPatience);
// The job that was submitted. UserError with sbatch's words when it refused, SystemError when that
// is not known.
std::string submitted_job(const SlurmReply& reply);

// This user's jobs that wait, run or end, a task of an array each. Nothing when there is no squeue,
// or it does not answer.
std::optional<std::vector<SlurmJob>> list_own_jobs();
// Jobs likewise as squeue knows them, or as sacct remembers them: those of `job_ids` that it has.
// One question for all.
std::vector<SlurmJob> find_queued_jobs(const std::vector<std::string>& job_ids);
std::vector<SlurmJob> find_past_jobs(const std::vector<std::string>& job_ids);
// The one of this id: "12", "12_3"; of an array's number its first task. Null when it is not there.
const SlurmJob* find_job(const std::vector<SlurmJob>& jobs, const std::string& job_id);
// The first that was submitted with this script.
const SlurmJob* find_job_of_script(const std::vector<SlurmJob>& jobs,
                                   const std::filesystem::path& script);

// Puts a running job back into the queue. An answer that does not come is asked for again, unless
// squeue shows that the job runs no longer.
SlurmReply requeue_job(const std::string& job_id,
                       std::chrono::milliseconds patience = kSlurmPatience);

// The lines of squeue and sacct as those functions ask for them.
std::optional<SlurmJob> parse_squeue_line(const std::string& line);
std::optional<SlurmJob> parse_sacct_line(const std::string& line);

}  // namespace temper
