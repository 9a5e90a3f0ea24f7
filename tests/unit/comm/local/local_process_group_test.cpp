#include <cstdlib>

#include "comm/local/local_process_group.h"
#include "comm/mpi/comm_environment.h"
#include "tests/distributed/process_group_conformance.h"

namespace temper {
namespace {

INSTANTIATE_TEST_SUITE_P(Local, ProcessGroupConformance,
                         testing::Values(GroupKind{"Local", make_local_process_group}),
                         group_kind_name);

TEST(CommEnvironment, IsALocalGroupWhenStartedAlone) {
  CommEnvironment environment(nullptr, nullptr);
  EXPECT_EQ(environment.world().backend_name(), "local");
  EXPECT_EQ(environment.world().size(), 1);
}

// sbatch sets these for the script itself, which is no step.
TEST(CommEnvironment, IsALocalGroupInABatchScript) {
  setenv("SLURM_PROCID", "0", 1);
  setenv("SLURM_NTASKS", "8", 1);
  CommEnvironment environment(nullptr, nullptr);
  EXPECT_EQ(environment.world().backend_name(), "local");
  unsetenv("SLURM_PROCID");
  unsetenv("SLURM_NTASKS");
}

// An interactive shell on a node of an allocation.
TEST(CommEnvironment, IsALocalGroupInAStepOfOneTask) {
  setenv("SLURM_STEP_ID", "0", 1);
  setenv("SLURM_STEP_NUM_TASKS", "1", 1);
  CommEnvironment environment(nullptr, nullptr);
  EXPECT_EQ(environment.world().backend_name(), "local");
  unsetenv("SLURM_STEP_ID");
  unsetenv("SLURM_STEP_NUM_TASKS");
}

}  // namespace
}  // namespace temper
