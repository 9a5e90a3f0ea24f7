#include "trainer/training_data.h"

#include <gtest/gtest.h>

#include "data/dataset_writer.h"
#include "io/json.h"
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

  // Six rows of 4 tokens from one source of this format.
  PackedDataset dataset(const std::string& name, const std::string& format,
                        const std::string& chat_template,
                        const std::string& settings = "{}") const {
    DatasetWriter::Header header;
    header.sequence_len = 4;
    header.vocab_size = 50;
    header.chat_template = chat_template;
    DatasetWriter writer(directory_ / name, header);
    for (int32_t row = 0; row < 6; ++row) {
      PackedDocument document;
      document.tokens = {row, 2, 3, 4};
      document.supervised = {0, 1, 1, 1};
      writer.add_row({&document});
    }
    const Json sources = Json::array({{{"name", name}, {"format", format}, {"records", 6}}});
    writer.finish(sources.dump(), settings, "{}");
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
  TrainingData rows = data(dataset("a.h5", "chat", "plain"));
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

TEST_F(TrainingDataTest, conversations_say_which_template_a_run_has) {
  EXPECT_EQ(data(dataset("t1.h5", "text", "plain")).chat_template().name, "");
  EXPECT_EQ(data(dataset("t2.h5", "text", "plain"), dataset("a.h5", "alpaca", "alpaca"))
                .chat_template()
                .name,
            "alpaca");
  testing::internal::CaptureStderr();
  EXPECT_EQ(data(dataset("c.h5", "chat", "chatml"), dataset("b.h5", "alpaca", "alpaca"))
                .chat_template()
                .name,
            "chatml");
  const std::string warning = testing::internal::GetCapturedStderr();
  EXPECT_NE(warning.find("b.h5"), std::string::npos) << warning;
  EXPECT_NE(warning.find("'alpaca'"), std::string::npos) << warning;
}

TEST_F(TrainingDataTest, the_template_s_kwargs_come_along_in_their_order) {
  const std::string settings = R"({"chat_template_variables": {"tools": [{"b": 1, "a": 2}]}})";
  testing::internal::CaptureStderr();
  EXPECT_EQ(data(dataset("a.h5", "chat", "chatml", settings)).chat_template().kwargs,
            R"({"tools":[{"b":1,"a":2}]})");
  EXPECT_EQ(data(dataset("b.h5", "chat", "chatml", R"({"chat_template_variables": {}})"))
                .chat_template()
                .kwargs,
            "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  EXPECT_EQ(data(dataset("c.h5", "chat", "chatml"), dataset("d.h5", "chat", "chatml", settings))
                .chat_template()
                .kwargs,
            "");
  EXPECT_NE(testing::internal::GetCapturedStderr().find("d.h5"), std::string::npos);
}

}  // namespace
}  // namespace temper
