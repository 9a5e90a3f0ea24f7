#include "run/checkpoint_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "io/free_space.h"
#include "tests/faults/fault_plan.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

RunConfig saving(int64_t save_steps, double save_minutes, int64_t save_total_limit) {
  RunConfig config;
  config.save_steps = save_steps;
  config.save_minutes = save_minutes;
  config.save_total_limit = save_total_limit;
  return config;
}

TEST(CheckpointRoom, two_newest_and_the_best_stay_whatever_the_limit) {
  EXPECT_EQ(kept_checkpoints(0, true), 0);
  EXPECT_EQ(kept_checkpoints(1, false), 2);
  EXPECT_EQ(kept_checkpoints(2, true), 3);
  EXPECT_EQ(kept_checkpoints(5, true), 5);
}

TEST(CheckpointRoom, one_more_is_being_written) {
  EXPECT_EQ(most_checkpoints(saving(10, 0, 2), 1000), 3);
  RunConfig measured = saving(10, 0, 2);
  measured.test_datasets.emplace_back();
  EXPECT_EQ(most_checkpoints(measured, 1000), 4);
  measured.test_datasets.clear();
  measured.max_forgetting = 0.1;
  EXPECT_EQ(most_checkpoints(measured, 1000), 4);
}

TEST(CheckpointRoom, no_more_than_are_saved) {
  EXPECT_EQ(most_checkpoints(saving(0, 0, 2), 1000), 1);
  EXPECT_EQ(most_checkpoints(saving(1000, 0, 2), 1000), 1);
  EXPECT_EQ(most_checkpoints(saving(600, 0, 2), 1000), 2);
  EXPECT_EQ(most_checkpoints(saving(100, 0, 0), 1000), 10);
  EXPECT_EQ(most_checkpoints(saving(0, 15, 2), 1000), 3);
  EXPECT_EQ(most_checkpoints(saving(0, 15, 2), 2), 2);
  EXPECT_EQ(most_checkpoints(saving(0, 15, 0), 1000), std::nullopt);
}

TEST(CheckpointRoom, too_little_is_refused_with_the_numbers_and_the_settings) {
  const TemporaryDirectory directory;
  const RunDirectory run(directory.path());
  const RunConfig config = saving(10, 0, 2);
  require_checkpoint_room(run, config, 1000, 1000);
  const auto much = static_cast<int64_t>(free_bytes(directory.path()) / 2);
  EXPECT_THAT(error_text<UserError>([&] { require_checkpoint_room(run, config, 1000, much); }),
              names(directory.path().native(), "3 checkpoints", "save_total_limit: 2", "free"));
  require_checkpoint_room(run, config, 10, much);  // it saves only one
}

TEST(CheckpointRoom, what_is_there_already_counts_as_room) {
  const TemporaryDirectory directory;
  const RunDirectory run(directory.path());
  std::filesystem::create_directory(directory / "step-10");
  directory.write("step-10/rank-00000-of-00001.safetensors", std::string(3000, 'x'));
  faults::Plan plan;
  plan.call = 3;
  plan.action = faults::Action::kFail;
  plan.error_number = EDQUOT;
  plan.match = "space.";
  faults::arm(plan);
  require_checkpoint_room(run, saving(10, 0, 2), 1000, 1000);  // asks for nothing more
  faults::arm(plan);
  EXPECT_THAT(
      error_text<UserError>([&] { require_checkpoint_room(run, saving(10, 0, 2), 1000, 2000); }),
      names("output_dir", "Disk quota exceeded"));
  faults::disarm();
}

}  // namespace
}  // namespace temper
