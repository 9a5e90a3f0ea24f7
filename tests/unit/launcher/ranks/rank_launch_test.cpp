#include "launcher/ranks/rank_launch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "common/error.h"
#include "launcher/ranks/mpirun_command.h"
#include "launcher/ranks/mpirun_daemon.h"
#include "launcher/ranks/srun_command.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;

const std::vector<std::string> kRank = {"/opt/temper-rank", "train", "run.yaml"};

TEST(MpirunCommand, workstation) {
  EXPECT_THAT(mpirun_command({.num_ranks = 2}, kRank),
              ElementsAre("mpirun", "--oversubscribe", "--mca", "pml", "ob1", "--bind-to", "none",
                          "-n", "2", "/opt/temper-rank", "train", "run.yaml"));
}

TEST(MpirunCommand, root_must_say_so) {
  EXPECT_THAT(mpirun_command({.num_ranks = 4, .is_root = true}, kRank),
              ElementsAre("mpirun", "--allow-run-as-root", "--oversubscribe", "--mca", "pml", "ob1",
                          "--bind-to", "none", "-n", "4", "/opt/temper-rank", "train", "run.yaml"));
}

TEST(MpirunCommand, allocation_is_kept_to_unless_more_ranks_are_asked_for) {
  EXPECT_THAT(mpirun_command({.num_ranks = 8, .num_allocated_tasks = 8}, kRank),
              ElementsAre("mpirun", "--bind-to", "none", "-n", "8", "/opt/temper-rank", "train",
                          "run.yaml"));
  EXPECT_THAT(mpirun_command({.num_ranks = 9, .num_allocated_tasks = 8}, kRank),
              ElementsAre("mpirun", "--oversubscribe", "--bind-to", "none", "-n", "9",
                          "/opt/temper-rank", "train", "run.yaml"));
}

TEST(MpirunCommand, daemons_of_an_allocation_are_deaf_to_term) {
  LaunchEnvironment slurm;
  slurm.in_slurm_allocation = true;
  slurm.slurm_tasks = 4;
  slurm.launch_agent = "/opt/temper mpirun-daemon orted";
  EXPECT_THAT(plan_launch(slurm, LauncherChoice::kAuto, 0, kRank).command,
              ElementsAre("mpirun", "--mca", "orte_launch_agent", "/opt/temper mpirun-daemon orted",
                          "--bind-to", "none", "-n", "4", "/opt/temper-rank", "train", "run.yaml"));
}

TEST(MpirunCommand, launch_agent_of_the_user_stays) {
  EXPECT_THAT(mpirun_launch_agent(), EndsWith("/temper_launcher_test mpirun-daemon orted"));
  setenv("OMPI_MCA_orte_launch_agent", "/opt/orted", 1);
  EXPECT_EQ(mpirun_launch_agent(), "");
  unsetenv("OMPI_MCA_orte_launch_agent");
}

TEST(SrunCommand, golden) {
  EXPECT_THAT(srun_command({.num_ranks = 8, .mpi_plugin = "pmix_v4"}, kRank),
              ElementsAre("srun", "--quiet", "--mpi=pmix_v4", "--ntasks=8", "--kill-on-bad-exit=1",
                          "/opt/temper-rank", "train", "run.yaml"));
  EXPECT_THAT(srun_command({.num_ranks = 2, .mpi_plugin = "pmix", .cpus_per_task = 8}, kRank),
              ElementsAre("srun", "--quiet", "--mpi=pmix", "--ntasks=2", "--kill-on-bad-exit=1",
                          "--cpus-per-task=8", "/opt/temper-rank", "train", "run.yaml"));
}

TEST(SrunCommand, pmix_plugin_among_those_listed) {
  EXPECT_EQ(choose_pmix_plugin("MPI plugin types are...\n\tnone\n\tpmi2\n\tcray_shasta\n"), "");
  EXPECT_EQ(choose_pmix_plugin("MPI plugin types are...\n\tnone\n\tpmix\nspecific pmix plugin "
                               "versions available: pmix_v3,pmix_v4\n"),
            "pmix");
  EXPECT_EQ(choose_pmix_plugin("srun: pmi2\nsrun: pmix_v3\nsrun: pmix_v4\n"), "pmix_v4");
}

TEST(RankLaunch, one_rank_needs_no_starter) {
  const RankLaunch launch = plan_launch({}, LauncherChoice::kAuto, 0, kRank);
  EXPECT_EQ(launch.kind, RankLaunch::Kind::kAlone);
  EXPECT_EQ(launch.command, kRank);
}

TEST(RankLaunch, allocation_decides_how_many_and_who_starts) {
  LaunchEnvironment slurm;
  slurm.in_slurm_allocation = true;
  slurm.slurm_tasks = 4;
  slurm.pmix_plugin = "pmix";
  const RankLaunch launch = plan_launch(slurm, LauncherChoice::kAuto, 0, kRank);
  EXPECT_EQ(launch.kind, RankLaunch::Kind::kSrun);
  EXPECT_EQ(launch.num_ranks, 4);
  EXPECT_EQ(plan_launch(slurm, LauncherChoice::kMpirun, 0, kRank).kind, RankLaunch::Kind::kMpirun);
  EXPECT_EQ(plan_launch(slurm, LauncherChoice::kAuto, 2, kRank).num_ranks, 2);

  LaunchEnvironment without_pmix = slurm;
  without_pmix.pmix_plugin.clear();
  EXPECT_EQ(plan_launch(without_pmix, LauncherChoice::kAuto, 0, kRank).kind,
            RankLaunch::Kind::kMpirun);
  EXPECT_THROW(plan_launch(without_pmix, LauncherChoice::kSrun, 0, kRank), UserError);
  EXPECT_THROW(plan_launch({}, LauncherChoice::kSrun, 2, kRank), UserError);
}

TEST(RankLaunch, what_was_chosen_starts_a_single_rank_too) {
  LaunchEnvironment slurm;
  slurm.in_slurm_allocation = true;
  slurm.pmix_plugin = "pmix";
  EXPECT_EQ(plan_launch(slurm, LauncherChoice::kSrun, 1, kRank).kind, RankLaunch::Kind::kSrun);
  EXPECT_EQ(plan_launch({}, LauncherChoice::kMpirun, 1, kRank).kind, RankLaunch::Kind::kMpirun);
}

TEST(RankLaunch, hostfile_is_mpiruns) {
  LaunchEnvironment environment;
  environment.in_slurm_allocation = true;
  environment.slurm_tasks = 2;
  environment.pmix_plugin = "pmix";
  environment.hostfile = "hosts";
  environment.hostfile_slots = {4, 2};
  const RankLaunch launch = plan_launch(environment, LauncherChoice::kAuto, 0, kRank);
  EXPECT_THAT(launch.command, ElementsAre("mpirun", "--hostfile", "hosts", "--bind-to", "none",
                                          "-n", "6", "/opt/temper-rank", "train", "run.yaml"));
  EXPECT_EQ(launch.ranks_per_node, 4);
  EXPECT_THROW(plan_launch(environment, LauncherChoice::kSrun, 0, kRank), UserError);
}

TEST(RankLaunch, refuses_to_start_ranks_from_a_rank) {
  LaunchEnvironment inside;
  inside.started_by = "mpirun";
  try {
    plan_launch(inside, LauncherChoice::kAuto, 2, kRank);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), names("mpirun", "temper-rank"));
  }
}

TEST(RankLaunch, tasks_of_each_node) {
  EXPECT_THAT(tasks_per_node_in("4"), ElementsAre(4));
  EXPECT_THAT(tasks_per_node_in("2(x3),1"), ElementsAre(2, 2, 2, 1));
  for (const char* text : {"", "x", "2(x", "2(x0)", "2(3)", "0", "2(x3)1", "-1"}) {
    EXPECT_TRUE(tasks_per_node_in(text).empty()) << text;
  }
}

TEST(RankLaunch, ranks_of_the_fullest_node) {
  LaunchEnvironment environment;
  EXPECT_EQ(plan_launch(environment, LauncherChoice::kAuto, 6, kRank).ranks_per_node, 6);
  environment.hostfile = "hosts";
  environment.hostfile_slots = {2, 4, 2};
  const auto most = [&](int num_ranks) {
    return plan_launch(environment, LauncherChoice::kAuto, num_ranks, kRank).ranks_per_node;
  };
  EXPECT_EQ(most(0), 4);
  EXPECT_EQ(most(2), 2);
  EXPECT_EQ(most(3), 2);
  EXPECT_EQ(most(11), 5);  // one more on each
  LaunchEnvironment slurm;
  slurm.in_slurm_allocation = true;
  slurm.pmix_plugin = "pmix";
  slurm.slurm_tasks = 7;
  slurm.slurm_tasks_per_node = {3, 3, 1};
  EXPECT_EQ(plan_launch(slurm, LauncherChoice::kAuto, 0, kRank).ranks_per_node, 3);
  EXPECT_EQ(plan_launch(slurm, LauncherChoice::kAuto, 4, kRank).ranks_per_node, 2);
}

}  // namespace
}  // namespace temper
