#include "comm/mpi/rank_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"

namespace temper {
namespace {

using Variables = std::map<std::string, std::string>;

RankEnvironment found_in(const Variables& variables) {
  return find_rank_environment([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(RankEnvironment, started_alone) {
  EXPECT_FALSE(found_in({}).by_launcher);
  // A batch script, and an interactive shell in an allocation.
  EXPECT_FALSE(
      found_in({{"SLURM_JOB_ID", "1"}, {"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}}).by_launcher);
  EXPECT_FALSE(found_in({{"SLURM_STEP_NUM_TASKS", "1"}, {"SLURM_PROCID", "0"}}).by_launcher);
  EXPECT_FALSE(found_in({{"OMPI_COMM_WORLD_SIZE", "many"}}).by_launcher);
}

TEST(RankEnvironment, mpirun) {
  const RankEnvironment found = found_in({{"OMPI_COMM_WORLD_SIZE", "4"},
                                          {"OMPI_COMM_WORLD_RANK", "3"},
                                          {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                          {"PMIX_RANK", "3"}});
  EXPECT_TRUE(found.by_launcher);
  EXPECT_EQ(found.size, 4);
  EXPECT_EQ(found.rank, 3);
  EXPECT_EQ(found.local_rank, 1);
  EXPECT_EQ(found.source, "OMPI_COMM_WORLD_SIZE=4");
}

TEST(RankEnvironment, mpirun_in_an_allocation_passes_on_variables_that_are_not_the_ranks) {
  const RankEnvironment found = found_in({{"OMPI_COMM_WORLD_SIZE", "4"},
                                          {"OMPI_COMM_WORLD_RANK", "3"},
                                          {"SLURM_STEP_NUM_TASKS", "1"},
                                          {"SLURM_PROCID", "0"},
                                          {"SLURM_LOCALID", "0"}});
  EXPECT_EQ(found.rank, 3);
  EXPECT_EQ(found.local_rank, -1);
}

TEST(RankEnvironment, srun_with_pmix_and_with_pmi2) {
  const Variables slurm = {
      {"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_PROCID", "2"}, {"SLURM_LOCALID", "1"}};
  for (const char* name : {"PMIX_RANK", "PMI_RANK"}) {
    Variables variables = slurm;
    variables[name] = "2";
    const RankEnvironment found = found_in(variables);
    EXPECT_EQ(found.size, 4);
    EXPECT_EQ(found.rank, 2);
    EXPECT_EQ(found.local_rank, 1);
  }
  EXPECT_EQ(found_in(slurm).rank, 2);
  // A single task that speaks PMI.
  EXPECT_TRUE(found_in({{"SLURM_STEP_NUM_TASKS", "1"}, {"PMIX_RANK", "0"}}).by_launcher);
  EXPECT_EQ(found_in({{"PMI_SIZE", "8"}, {"PMI_RANK", "7"}}).size, 8);
}

TEST(RankEnvironment, disagreement_is_an_error_that_names_both) {
  EXPECT_THAT(
      error_text<SystemError>([] {
        found_in(
            {{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "1"}, {"PMIX_RANK", "0"}});
      }),
      names("OMPI_COMM_WORLD_RANK=1", "PMIX_RANK=0"));
  EXPECT_THAT(error_text<SystemError>([] {
                found_in({{"PMI_SIZE", "8"}, {"PMI_RANK", "1"}, {"SLURM_STEP_NUM_TASKS", "4"}});
              }),
              names("PMI_SIZE=8", "SLURM_STEP_NUM_TASKS=4"));
  EXPECT_THROW(found_in({{"SLURM_STEP_NUM_TASKS", "4"}, {"PMIX_RANK", "1"}, {"SLURM_PROCID", "0"}}),
               SystemError);
  EXPECT_THROW(found_in({{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "4"}}),
               SystemError);
}

}  // namespace
}  // namespace temper
