// Starts the ranks of a job, hands signals on to them, and waits.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "launcher/ranks/process.h"
#include "launcher/ranks/rank_launch.h"
#include "launcher/ranks/starter_messages.h"

namespace temper {

struct Supervision {
  // Training stops by itself after a step, with a checkpoint; anything else is just ended.
  bool stops_by_itself = false;
  // Whether every rank can take the request to stop; it is held back until then, as one that comes
  // while a rank starts up would kill it. Empty: at once.
  std::function<bool()> is_ready;
};

// The starter runs in a process group of its own. TERM, INT, HUP and USR1 that reach this process
// become USR1 to the starter of a job that stops by itself (mpirun and srun hand USR1 on to every
// rank, but end the ranks on TERM and INT), repeated until the ranks have ended; a second INT ends
// them at once. TERM to mpirun itself does nothing then: where it comes to all processes together
// the ranks have it, too. Any other job is ended by the first. When this process dies, so do the
// ranks.
struct SupervisedEnd {
  ExitStatus status;
  int stop_signal = 0;                        // the first that asked for the end; 0: none came
  std::optional<FirstFailure> first_failure;  // as mpirun or srun told it
};
SupervisedEnd supervise(const RankLaunch& launch, const Supervision& supervision);

}  // namespace temper
