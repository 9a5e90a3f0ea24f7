// The conformance suite over MPI: as it is, with pretended nodes, and with messages cut small.
#include <cstdlib>

#include "tests/distributed/process_group_conformance.h"
#include "tests/distributed/world.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

// A duplicate of the world made under an environment setting.
GroupKind mpi_kind(const std::string& name, const char* variable = nullptr,
                   const char* value = nullptr) {
  return {name, [=] {
            if (variable != nullptr) setenv(variable, value, 1);
            auto group = world().split(0, world().rank());
            if (variable != nullptr) unsetenv(variable);
            return group;
          }};
}

INSTANTIATE_TEST_SUITE_P(
    Mpi, ProcessGroupConformance,
    testing::Values(mpi_kind("AsItIs"),
                    mpi_kind("OneRankPerNode", "TEMPER_TEST_RANKS_PER_NODE", "1"),
                    mpi_kind("TwoRanksPerNode", "TEMPER_TEST_RANKS_PER_NODE", "2"),
                    mpi_kind("SmallMessages", "TEMPER_TEST_MAX_MESSAGE", "7")),
    group_kind_name);

TEST(MpiProcessGroup, IsTheWorldUnderALauncher) {
  EXPECT_EQ(world().backend_name(), "mpi");
  EXPECT_EQ(world().node_size(), world().size());
}

TEST(MpiProcessGroup, PretendsNodes) {
  setenv("TEMPER_TEST_RANKS_PER_NODE", "2", 1);
  const auto group = world().split(0, world().rank());
  unsetenv("TEMPER_TEST_RANKS_PER_NODE");
  EXPECT_EQ(group->node_rank(), group->rank() % 2);
  EXPECT_EQ(group->node_size(), std::min(2, group->size() - group->rank() / 2 * 2));
}

// A transport error is an exception with the operation's name, not the end of the process.
TEST(MpiProcessGroup, NamesTheOperationThatFailed) {
  at::Tensor tensor = at::zeros({4}, at::kFloat);
  try {
    world().broadcast(tensor, world().size());
    ADD_FAILURE() << "no error";
  } catch (const SystemError& error) {
    EXPECT_THAT(error.what(), names("MPI_Bcast", "MPI_ERR_ROOT"));
  }
}

}  // namespace
}  // namespace temper
