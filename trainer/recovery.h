// The ways back of a run: onto a checkpoint when it starts, and when a step must not be taken as it
// is (trainer/anomaly_guard.h). Every function is collective.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "common/hash.h"
#include "run/owned_run_directory.h"
#include "sharding/sharded_model.h"
#include "trainer/anomaly_guard.h"
#include "trainer/checkpointer.h"
#include "trainer/run_reporter.h"
#include "trainer/startup/device.h"
#include "trainer/startup/resume.h"
#include "trainer/startup/run_setup.h"
#include "trainer/validator.h"

namespace temper {

// Where a run stands.
struct RunPosition {
  int64_t step = 0;           // optimizer steps done
  int64_t rows_consumed = 0;  // the global cursor
};

class Recovery {
 public:
  // The parts of the run that it leads back; all outlive this.
  struct Parts {
    const RunSetup& setup;
    const RankDevice& device;
    const OwnedRunDirectory& directory;
    ProcessGroup& group;
    ShardedModel& model;
    Checkpointer& checkpointer;
    Validator& validator;
    RunReporter& reporter;
  };
  explicit Recovery(const Parts& parts) : parts_(parts), guard_(parts.setup.config) {}

  // The position, the guard and the checkpointer follow the model, which has been restored.
  void follow(const RestoredCheckpoint& restored, RunPosition& position);
  // Judges a step whose gradient is known and whose weights are not updated yet, and says what it
  // finds. `losses` are the micro-batches'. AgreedError when the run must stop.
  StepVerdict judge(const StepReport& report, const std::vector<double>& losses,
                    const RunPosition& position);
  // Goes back to the newest checkpoint that has seen none of the rows at fault, which are left out
  // from then on. AgreedError when there is none.
  void roll_back(const RowRange& rows, RunPosition& position);

  const AnomalyGuard& guard() const { return guard_; }
  // The hash of all from which the ranks decide what comes next.
  Hash128 control_hash(const RunPosition& position) const;

 private:
  // Complete checkpoints of this run from before `rows`, the newest first, as rank 0 finds them.
  std::vector<std::string> find_checkpoints_before(const RowRange& rows,
                                                   const RunPosition& position);
  void restore(const std::vector<std::string>& checkpoints, RunPosition& position);

  Parts parts_;
  AnomalyGuard guard_;
};

}  // namespace temper
