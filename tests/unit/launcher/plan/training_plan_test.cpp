#include "launcher/plan/training_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/error.h"
#include "data/dataset/dataset_writer.h"
#include "tests/fixtures/names.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

class TrainingPlanTest : public ::testing::Test {
 protected:
  TrainingPlanTest() {
    config_.datasets = {{dataset("a.h5", 10, 8), 1.0}};
    config_.micro_batch_size = 2;
    config_.global_batch_size = 8;
    config_.num_epochs = 3.0;
  }

  fs::path dataset(const std::string& name, int64_t num_rows, int64_t sequence_len) {
    const fs::path path = folder_ / name;
    DatasetWriter::Header header;
    header.sequence_len = sequence_len;
    header.vocab_size = 100;
    DatasetWriter writer(path, header);
    PackedDocument document;
    document.tokens = {1, 2, 3};
    document.supervised = {0, 1, 1};
    document.record = 1;
    for (int64_t row = 0; row < num_rows; ++row) writer.add_row({&document});
    writer.finish(R"([{"name": "a.jsonl", "format": "text", "records": 1}])", "{}", "{}");
    return path;
  }

  const TemporaryDirectory folder_;
  RunConfig config_;
};

TEST_F(TrainingPlanTest, counts_rows_and_steps) {
  const TrainingPlan plan = make_training_plan(config_, 3);
  EXPECT_EQ(plan.rows_per_epoch, 10);
  EXPECT_EQ(plan.sequence_len, 8);
  EXPECT_DOUBLE_EQ(plan.steps_per_epoch, 1.25);
  EXPECT_EQ(plan.steps, 4);  // 30 rows, 8 a step
  EXPECT_EQ(plan.micro_batches_per_step, 4);
  EXPECT_EQ(plan.rounds_per_step, 2);
  config_.max_steps = 7;
  EXPECT_EQ(make_training_plan(config_, 1).steps, 7);
}

TEST_F(TrainingPlanTest, weights_count) {
  config_.datasets.push_back({dataset("b.h5", 6, 8), 0.5});
  EXPECT_EQ(make_training_plan(config_, 1).rows_per_epoch, 13);
}

TEST_F(TrainingPlanTest, refuses_what_does_not_fit) {
  try {
    make_training_plan(config_, 5);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), names("5 ranks", "4 micro-batches"));
  }
  config_.sequence_len = 16;
  EXPECT_THROW(make_training_plan(config_, 1), UserError);
  config_.sequence_len = 0;
  config_.datasets.push_back({dataset("b.h5", 6, 4), 1.0});
  EXPECT_THROW(make_training_plan(config_, 1), UserError);
}

}  // namespace
}  // namespace temper
