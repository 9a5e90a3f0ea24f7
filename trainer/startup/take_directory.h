// Takes a run's directory for one start of the run, before anything large is read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "run/owned_run_directory.h"
#include "run/run_lock.h"
#include "run/status.h"
#include "trainer/startup/resume.h"
#include "trainer/startup/run_setup.h"

namespace temper {

struct TakenDirectory {
  // The run continues from the first of them that is intact; a fresh start has none.
  std::vector<std::string> checkpoints;
  std::optional<RunLock> lock;  // held by rank 0 for the run's life
  RunStatus status;             // as rank 0 has written it
};

// Rank 0 judges the directory, locks it and marks it as this attempt's. Completes
// setup.identity.run_id; from here on the ranks' logs go there, too. AgreedError when the run may
// not start there or its checkpoints have no room: the directory then stays free for another
// choice. Collective.
TakenDirectory take_directory(RunSetup& setup, const OwnedRunDirectory& directory,
                              const ResumeChoice& resume, ProcessGroup& group);

// Call it once the model is restored, or the start is fresh. Removes leftovers of earlier attempts,
// and sets aside what is damaged or what a rewind has made obsolete. Collective.
void clear_directory(const OwnedRunDirectory& directory, const ResumeChoice& resume,
                     const RestoredCheckpoint& restored, ProcessGroup& group);

}  // namespace temper
