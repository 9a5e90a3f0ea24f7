// Starts the ranks of a job, turns signals into requests to stop at the next step, and waits.
#pragma once

#include <functional>
#include <string>

#include "launcher/process.h"
#include "launcher/rank_launch.h"

namespace temper {

// The starter runs in a process group of its own. TERM, INT, HUP and USR1 that reach this process
// become USR1 to the starter (mpirun and srun hand USR1 on to every rank, but end the ranks on TERM
// and INT), repeated until the ranks have ended, as one that comes while they start up is lost. A
// second INT ends the ranks at once. When this process dies, so do they.
ExitStatus supervise(const RankLaunch& launch);

}  // namespace temper
