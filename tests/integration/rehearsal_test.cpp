// temper rehearse on this machine, and how a crash is told.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <csignal>

#include "tests/fixtures/names.h"
#include "training_fixture.h"

namespace temper {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class RehearsalTest : public TrainingFixture {};

TEST_F(RehearsalTest, rehearsal_goes_all_the_way_and_predicts) {
  const Json report = temper_json({"rehearse", "run.yaml", "--nproc", "2", "--set",
                                   R"(output_dir='o"u\t')", "--set", "max_steps=1000", "--json"});
  EXPECT_EQ(report["rehearsed"], true);
  EXPECT_EQ(report["resumed_on_ranks"], 1);
  EXPECT_EQ(report["steps"], 1000);
  EXPECT_GT(report["prediction"]["total_seconds"], 0.0);
  EXPECT_GT(report["prediction"]["checkpoint_bytes"], 0);
  EXPECT_GT(report["prediction"]["rank_memory_bytes"], 0);
  EXPECT_FALSE(exists(R"(o"u\t)"));
  EXPECT_FALSE(exists(R"(o"u\t-rehearsal)"));
}

TEST_F(RehearsalTest, rehearsal_leaves_what_is_there) {
  write("out-rehearsal/mine", "x");
  const ProgramRun run = temper({"rehearse", "run.yaml", "--set", "output_dir=out"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("out-rehearsal", "exists"));
  EXPECT_EQ(read("out-rehearsal/mine"), "x");
}

TEST_F(RehearsalTest, each_rank_keeps_a_log_and_the_one_that_died_first_is_named) {
  write_yaml("max_steps: 100000\n");
  const pid_t pid = start_temper("run", train_arguments("out", 2, {}));
  wait_for_step("out", 2);
  // temper, mpirun, ranks.
  const std::vector<pid_t> starter = children_of(pid);
  ASSERT_EQ(starter.size(), 1u);
  const std::vector<pid_t> ranks = children_of(starter.front());
  ASSERT_GE(ranks.size(), 2u);
  kill(ranks.back(), SIGKILL);
  EXPECT_EQ(wait_for_process(pid).shell_code(), 1);
  // Whoever notices first: another rank's watchdog or the front door.
  EXPECT_THAT(read("run.err"),
              ContainsRegex("rank 1 on .*(died at step|ended first, with signal 9)"));
  EXPECT_THAT(read("out/logs/rank-0.log"), HasSubstr("parameters train"));
  EXPECT_TRUE(exists("out/logs/rank-1.log"));
}

}  // namespace
}  // namespace temper
