// Slurm's programs, asked and understood: sbatch, squeue, sacct, scontrol.
#pragma once

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

  bool is_pending() const { return state == "PENDING" || state == "CONFIGURING"; }
};

// With a job's number: tells its front door, whose ranks take the time that a checkpoint needs.
// Without the options Slurm kills them after its KillWait.
inline constexpr const char* kStopWithCheckpoint = "scancel --batch --signal=TERM";

// Gives the script to sbatch, with these options before it; returns the job's id. SystemError that
// says how to run without Slurm when there is no sbatch; UserError with sbatch's words when it
// refuses.
std::string submit_batch_script(const std::filesystem::path& script,
                                const std::vector<std::string>& options = {});

// The job as squeue knows it: waiting, running or ending. Nothing when it is not there, or there is
// no squeue, or it does not answer.
std::optional<SlurmJob> find_queued_job(const std::string& job_id);
// The job as sacct remembers it. Nothing likewise.
std::optional<SlurmJob> find_past_job(const std::string& job_id);

// Puts a running job back into the queue; empty when that was done, else scontrol's words.
std::string requeue_job(const std::string& job_id);

// The lines of squeue and sacct as those functions ask for them.
std::optional<SlurmJob> parse_squeue_line(const std::string& line);
std::optional<SlurmJob> parse_sacct_line(const std::string& line);

}  // namespace temper
