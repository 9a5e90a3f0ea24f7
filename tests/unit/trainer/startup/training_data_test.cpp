#include "trainer/startup/training_data.h"

#include <gtest/gtest.h>

#include "data/dataset/dataset_writer.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

class TrainingDataTest : public testing::Test {
 protected:
  TrainingDataTest() {
    config_.micro_batch_size = 2;
    config_.global_batch_size = 4;
    config_.seed = 11;
  }

  // Six rows of 4 tokens.
  PackedDataset dataset(const std::string& name) const {
    DatasetWriter::Header header;
    header.sequence_len = 4;
    header.vocab_size = 50;
    header.chat_template = "plain";
    DatasetWriter writer(directory_ / name, header);
    for (int32_t row = 0; row < 6; ++row) {
      PackedDocument document;
      document.tokens = {row, 2, 3, 4};
      document.supervised = {0, 1, 1, 1};
      writer.add_row({&document});
    }
    writer.finish("[]", "{}", "{}");
    return PackedDataset(directory_ / name);
  }

  template <typename... Datasets>
  TrainingData data(Datasets&&... datasets) {
    std::vector<PackedDataset> list;
    (list.push_back(std::move(datasets)), ...);
    config_.datasets.assign(list.size(), {"any", 1.0});
    return TrainingData(std::move(list), config_);
  }

  TemporaryDirectory directory_;
  RunConfig config_;
};

TEST_F(TrainingDataTest, a_micro_batch_knows_its_place_in_the_run) {
  TrainingData rows = data(dataset("a.h5"));
  for (const int64_t step : {1, 7}) {
    for (const int64_t micro_batch : {0, 1}) {
      const Batch batch = rows.micro_batch(4 * (step - 1), step, micro_batch);
      EXPECT_EQ(batch.step, step);
      EXPECT_EQ(batch.micro_batch, micro_batch);
      EXPECT_EQ(batch.seed, 11u);
      EXPECT_TRUE(batch.training);
      EXPECT_EQ(batch.num_tokens(), 8);
      EXPECT_EQ(batch.num_targets, 6);
    }
  }
}

}  // namespace
}  // namespace temper
