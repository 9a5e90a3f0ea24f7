// Steps whose loss is not finite or a spike, and ranks that hold other weights than the rest: what
// the policies make of them has the same bits on any number of ranks, killed or not.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <map>

#include "tests/fixtures/names.h"
#include "training_fixture.h"

namespace temper {
namespace {

// The third micro-batch of step 6: a step has 4 rows, a micro-batch 1.
constexpr const char* kBadRow = "at=loss,index=22,action=nan";

class BadStepsTest : public TrainingFixture {
 protected:
  BadStepsTest() { write_policy("stop"); }

  void write_policy(const std::string& policy, const std::string& more = "") {
    write_yaml(fmt::format(
        "max_steps: 12\nsave_steps: 4\nsave_total_limit: 0\non_non_finite: {}\n{}", policy, more));
  }
  ProgramRun train_with(const std::string& faults, const std::string& output, int num_ranks,
                        const std::vector<std::string>& more = {}) {
    return temper(train_arguments(output, num_ranks, more), "",
                  {{"TEMPER_RANK", TEMPER_RANK_FAULTS}, {"TEMPER_FAULT_POINTS", faults}});
  }
  // The state at the end, and what the policies remember with it.
  std::string end_of(const std::string& output) {
    const Json record = parse_json(read(output + "/step-12/commit.json"), "commit.json");
    return fmt::format("{} {} {} {}", record["state_hash"].get<std::string>(),
                       record["rows_consumed"].get<int64_t>(), record["rows_left_out"].dump(),
                       record["step_guard"].get<std::string>());
  }
  // The last report of a step.
  Json step_of(const std::string& output, int64_t step) {
    Json found;
    for (const Json& line : metrics(output, "step")) {
      if (line["step"] == step) found = line;
    }
    return found;
  }
  // The same end on 1, 2 and 4 ranks, and when the run is killed at any of these steps.
  std::string expect_same_end_everywhere(const std::string& faults) {
    EXPECT_EQ(train_with(faults, "one", 1).exit_code, 0);
    const std::string expected = end_of("one");
    for (const int num_ranks : {2, 4}) {
      const std::string output = fmt::format("on{}", num_ranks);
      const ProgramRun run = train_with(faults, output, num_ranks);
      EXPECT_EQ(run.exit_code, 0) << run.err;
      EXPECT_EQ(end_of(output), expected) << output;
    }
    for (const int step : {6, 7, 9}) {
      const std::string output = fmt::format("killed{}", step);
      const ProgramRun killed = train_with(
          faults + fmt::format(";at=forward,step={},rank=1,action=kill", step), output, 2);
      EXPECT_EQ(killed.exit_code, 1) << killed.err;
      const ProgramRun run = train_with(faults, output, step == 7 ? 1 : 3);
      EXPECT_EQ(run.exit_code, 0) << run.err;
      EXPECT_EQ(end_of(output), expected) << output;
    }
    return expected;
  }
};

TEST_F(BadStepsTest, stop_names_step_rank_and_row_and_updates_nothing) {
  const ProgramRun run = train_with(kBadRow, "out", 2);
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, names("step 6", "not finite", "micro-batch 2 of rank 0, row "));
  EXPECT_THAT(run.err, names("train.h5", "checkpoint is of step 4"));
  EXPECT_EQ(temper_json({"status", "out", "--json"})["state"], "failed");
  const Json event = metrics("out", "bad_step").front();
  EXPECT_EQ(event["action"], "stop");
  EXPECT_EQ(event["rows"], (Json{20, 24}));
  // Without the fault the same command does the run.
  EXPECT_EQ(train("out", 2).exit_code, 0);
  EXPECT_EQ(train("whole", 1).exit_code, 0);
  EXPECT_EQ(end_of("out"), end_of("whole"));
}

TEST_F(BadStepsTest, skip_has_the_same_bits_everywhere) {
  write_policy("skip");
  expect_same_end_everywhere(kBadRow);
  const Json event = metrics("on2", "bad_step").front();
  EXPECT_EQ(event["action"], "skip");
  EXPECT_EQ(event["step"], 6);
  EXPECT_EQ(event["rank"], 0);
  EXPECT_EQ(event["micro_batch"], 2);
  EXPECT_EQ(metrics("on4", "bad_step").front()["rank"], 2);
  EXPECT_EQ(latest("one")["rows_consumed"], 48);
  // The step was not taken: not as though nothing had happened.
  EXPECT_EQ(train("whole", 1).exit_code, 0);
  EXPECT_NE(latest("whole")["state_hash"], latest("one")["state_hash"]);
}

TEST_F(BadStepsTest, rollback_has_the_same_bits_everywhere) {
  write_policy("rollback");
  expect_same_end_everywhere(kBadRow);
  EXPECT_EQ(metrics("on2", "rollback").front()["step"], 4);
  const Json end = latest("one");
  EXPECT_EQ(end["rows_left_out"], (Json{{20, 24}}));
  EXPECT_EQ(end["rows_consumed"], 52);
  // Rows 24 to 27 meet the weights of step 5 in step 6 here, and in step 7 where step 6 is skipped.
  write_policy("skip");
  EXPECT_EQ(train_with(kBadRow, "skipped", 2).exit_code, 0);
  const Json after_rollback = step_of("on2", 6), after_skip = step_of("skipped", 7);
  EXPECT_EQ(after_rollback["rows_consumed"], 28);
  EXPECT_EQ(after_skip["rows_consumed"], 28);
  EXPECT_EQ(after_rollback["loss"], after_skip["loss"]);
  EXPECT_EQ(after_rollback["grad_norm"], after_skip["grad_norm"]);
}

TEST_F(BadStepsTest, rollback_before_the_first_checkpoint_leaves_the_rows_out) {
  write_policy("rollback");
  const ProgramRun run = train_with("at=loss,index=5,action=nan", "out", 2);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(latest("out")["rows_left_out"], (Json{{4, 8}}));
}

TEST_F(BadStepsTest, rollbacks_have_a_limit) {
  write_policy("rollback", "max_rollbacks: 1\n");
  const ProgramRun run =
      train_with("at=loss,index=22,action=nan;at=loss,index=30,action=nan", "out", 2);
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, names("step 7", "not finite", "max_rollbacks (1)"));
}

TEST_F(BadStepsTest, weights_that_are_broken_end_a_run_that_skips) {
  write_yaml("max_steps: 30\non_non_finite: skip\n");
  const ProgramRun run = train("out", 2, {"--set", "learning_rate=1e30"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, names("10 steps", "skipped"));
}

TEST_F(BadStepsTest, spike_that_lasts_is_rolled_back_to_before_its_first_step) {
  write_yaml(
      "max_steps: 16\nsave_steps: 1\nsave_total_limit: 0\nspike_factor: 5\nspike_patience: 2\n"
      "on_spike: rollback\n");
  const std::string faults = "at=loss,index=41,action=spike;at=loss,index=46,action=spike";
  for (const int num_ranks : {1, 2, 4}) {
    const std::string output = fmt::format("out{}", num_ranks);
    const ProgramRun run = train_with(faults, output, num_ranks);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_THAT(run.err, names("rows 40 to 47"));
    EXPECT_EQ(metrics(output, "rollback").front()["step"], 10);
    EXPECT_EQ(latest(output)["state_hash"], latest("out1")["state_hash"]);
    EXPECT_EQ(latest(output)["rows_left_out"], (Json{{40, 48}}));
  }
}

TEST_F(BadStepsTest, flipped_bit_in_a_replica_is_found_and_its_rank_named) {
  write_policy("stop", "check_replicas_every: 2\n");
  const ProgramRun three = train_with("rank=2,at=state,step=6,action=flip", "three", 3,
                                      {"--set", "dp_replicate_size=3"});
  EXPECT_EQ(three.exit_code, 1);
  EXPECT_THAT(three.err, names("step 6", "rank 2", "weights or optimizer state"));
  EXPECT_EQ(temper_json({"status", "three", "--json"})["state"], "failed");
  const ProgramRun two =
      train_with("rank=1,at=state,step=6,action=flip", "two", 2, {"--set", "dp_replicate_size=2"});
  EXPECT_EQ(two.exit_code, 1);
  EXPECT_THAT(two.err, names("ranks 0, 1", "weights or optimizer state"));
  // The same command goes on from before.
  EXPECT_EQ(train("three", 3, {"--set", "dp_replicate_size=3"}).exit_code, 0);
  EXPECT_EQ(train("whole", 1).exit_code, 0);
  EXPECT_EQ(latest("three")["state_hash"], latest("whole")["state_hash"]);
}

TEST_F(BadStepsTest, flipped_bit_in_a_copy_of_the_frozen_base_is_found) {
  write_policy("stop", "check_replicas_every: 2\nadapter: lora\nbase_placement: replicated\n");
  const ProgramRun run = train_with("rank=1,at=frozen,step=4,action=flip", "out", 3);
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, names("step 4", "rank 1", "copies of the weights"));
  EXPECT_EQ(train_with("", "well", 3).exit_code, 0);
}

}  // namespace
}  // namespace temper
