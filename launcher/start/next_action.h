// What follows the end of a run's ranks in a batch job: nothing, the ranks again, the queue again,
// or a further job. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "config/run_config.h"
#include "run/job_record.h"

namespace temper {

struct RanksEnd {
  int exit_code = 0;
  int stop_signal = 0;           // that asked for the stop; 0: none came
  bool has_begun = false;        // the run's directory was taken; what fails before fails again
  int64_t checkpoint_step = -1;  // of the newest complete checkpoint
  std::string failure;           // of a crash: rank, node and how
  std::string failed_node;       // where known
};

// kSuccessor: in a further job without the failed nodes; Slurm excludes none from one that has
// begun.
enum class NextAction { kEnd, kRestart, kRequeue, kSuccessor };

struct NextStep {
  NextAction action = NextAction::kEnd;
  std::string reason;  // for the log
};

// USR1 is Slurm's word that the time is nearly up: the run goes on in the queue, as it does after
// max_wall_time. TERM, INT and HUP are somebody's wish that it ends. A crash starts the ranks again
// here, or elsewhere in a further job; so does a stall that the watchdog has ended. Both are
// limited in a row without a new checkpoint; the counts are kept in `record`.
NextStep decide_next(const RanksEnd& end, const SlurmConfig& slurm, JobRecord& record);

}  // namespace temper
