#include "launcher/slurm/batch_run.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include <fmt/ranges.h>

#include "common/error.h"
#include "common/log.h"
#include "io/atomic_file.h"
#include "launcher/slurm/slurm_client.h"
#include "launcher/start/next_action.h"
#include "run/job_record.h"
#include "run/run_directory.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The task alone where it is one of an array's: the bare number would be all of them.
std::string current_job_id() {
  const std::string array = variable("SLURM_ARRAY_JOB_ID");
  if (array.empty()) return variable("SLURM_JOB_ID");
  return array + "_" + variable("SLURM_ARRAY_TASK_ID");
}

// scontrol makes Slurm end this very process: what follows has to be done first.
class HoldTermination {
 public:
  HoldTermination() {
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGTERM);
    sigprocmask(SIG_BLOCK, &held, &before_);
  }
  ~HoldTermination() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

class BatchRun {
 public:
  BatchRun(const RankJob& job, const SlurmConfig& slurm)
      : job_(job), slurm_(slurm), run_(*job.run_directory), job_id_(current_job_id()) {}

  int run() {
    run_.check_trusted();
    record_ = read_job_record(run_.job_record_path()).value_or(JobRecord{});
    record_.job_id = job_id_;
    record_.is_unanswered = false;
    // Another's directory is left as it is; the ranks say what is wrong with it.
    const bool is_ours = run_.exists() || run_.is_fresh();
    for (;;) {
      if (is_ours) save_record();
      const RanksEnd end = run_ranks(job_);
      const NextStep next = decide_next(end, slurm_, record_);
      if (is_ours) save_record();
      if (!next.reason.empty()) log::info("{}", next.reason);
      if (next.action == NextAction::kRestart) continue;
      if (next.action == NextAction::kRequeue) requeue();
      if (next.action == NextAction::kSuccessor && !leaves_failed_nodes()) continue;
      return end.exit_code;
    }
  }

 private:
  void save_record() {
    make_directories(run_.root());
    write_job_record(run_.job_record_path(), record_);
  }

  void requeue() {
    const HoldTermination held;
    const SlurmReply reply = requeue_job(job_id_);
    if (reply.answer == SlurmAnswer::kDone) return;
    if (reply.answer == SlurmAnswer::kNone)
      return give_up("the job went back into the queue", reply);
    log::warning("the job cannot be put back into the queue ({}); submitting another after it",
                 reply.words);
    if (submit_successor() == SlurmAnswer::kRefused) {
      log::error("the run does not go on by itself: submit it again");
    }
  }

  // Where no further job can be had, the ranks start again in this one.
  bool leaves_failed_nodes() {
    const HoldTermination held;
    if (submit_successor() != SlurmAnswer::kRefused) return true;
    log::warning("the ranks start again in this job, without leaving {} out",
                 record_.failed_nodes.back());
    record_.failed_nodes.pop_back();
    return false;
  }

  // There may be a job that goes on. A second one beside it would be worse than none.
  static void give_up(const char* what, const SlurmReply& reply) {
    log::error(
        "it is not known whether {}: {}. No other is submitted: look with `squeue --me`, and "
        "submit the run again if it is not there",
        what, reply.words);
  }

  SlurmAnswer submit_successor() {
    // That of a sweep lies above its runs.
    fs::path script = run_.job_script_path();
    if (!fs::exists(script)) script = run_.root().parent_path() / script.filename();
    if (!fs::exists(script)) {
      log::error("there is no {} to submit", run_.job_script_path().string());
      return SlurmAnswer::kRefused;
    }
    std::vector<std::string> options = {"--dependency=afterany:" + job_id_};
    const std::string task = variable("SLURM_ARRAY_TASK_ID");
    if (!task.empty()) options.push_back("--array=" + task);
    if (!record_.failed_nodes.empty()) {
      options.push_back(fmt::format("--exclude={}", fmt::join(record_.failed_nodes, ",")));
    }
    record_.is_unanswered = true;
    save_record();
    SlurmReply reply;
    try {
      reply = ask_sbatch(fs::absolute(script), options, job_id_);
    } catch (const Error& error) {
      reply = {SlurmAnswer::kRefused, "", error.what()};  // there is no sbatch here
    }
    if (reply.answer == SlurmAnswer::kNone) {
      give_up("a further job was submitted", reply);
      return reply.answer;
    }
    record_.is_unanswered = false;
    if (reply.answer == SlurmAnswer::kDone) {
      record_.job_id = task.empty() ? reply.job_id : reply.job_id + "_" + task;
      log::info("job {} goes on after this one", record_.job_id);
    } else {
      log::error("no further job was submitted. {}", reply.words);
    }
    save_record();
    return reply.answer;
  }

  const RankJob& job_;
  const SlurmConfig& slurm_;
  RunDirectory run_;
  std::string job_id_;
  JobRecord record_;
};

}  // namespace

int run_batch_job(const RankJob& job, const SlurmConfig& slurm) {
  if (current_job_id().empty()) {
    throw UserError("--requeue is for batch jobs of Slurm: SLURM_JOB_ID is not set");
  }
  return BatchRun(job, slurm).run();
}

}  // namespace temper
