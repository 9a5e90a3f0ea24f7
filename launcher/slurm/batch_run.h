// A training run inside a batch job: its ranks, and what follows when they have ended.
#pragma once

#include "config/run_config.h"
#include "launcher/start/start_ranks.h"

namespace temper {

// Runs the job's ranks, again after a crash, and puts the batch job back into the queue after a
// stop before the time limit (launcher/start/next_action.h), once they have ended: with scontrol,
// or as a further job that depends on this one where that is refused or nodes are to be left out;
// where Slurm does not answer, no second job is tried beside one that may be there. Returns the
// exit code of the last end. UserError outside of a batch job.
int run_batch_job(const RankJob& job, const SlurmConfig& slurm);

}  // namespace temper
