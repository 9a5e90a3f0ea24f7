#include "eval/held_out_loss.h"
#include "comm/local/local_process_group.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/error.h"
#include "eval/model_loader.h"
#include "export/probe.h"
#include "tests/unit/export/tiny_run.h"

namespace temper {
namespace {

TEST(HeldOutLoss, is_the_loss_of_every_supervised_token) {
  const TinyRun world({true, false});
  const ModelLoader loader({.path = world.run()});
  const ResidentModel model = loader.load();
  const PackedDataset dataset(world.dataset());
  ASSERT_GT(dataset.info().num_rows, 2);

  double sum = 0.0;
  int64_t count = 0;
  for (int64_t r = 0; r < dataset.info().num_rows; ++r) {
    const PackedRow row = dataset.row(r);
    for (size_t d = 0; d + 1 < row.document_begin.size(); ++d) {
      const int begin = row.document_begin[d], end = row.document_begin[d + 1];
      const std::vector<int64_t> ids(row.tokens.begin() + begin, row.tokens.begin() + end);
      const at::Tensor log_probabilities =
          at::log_softmax(model.logits(make_prompt_batch({ids})).to(at::kDouble), -1);
      for (int t = begin + 1; t < end; ++t) {
        if (!row.supervised[static_cast<size_t>(t)]) continue;
        sum -= log_probabilities[t - 1 - begin][ids[static_cast<size_t>(t - begin)]].item<double>();
        ++count;
      }
    }
  }
  const auto group = make_local_process_group();
  const HeldOutFigures figures = held_out_figures(model, loader.tokenizer(), *group, dataset);
  const HeldOutLoss& loss = figures.loss;
  EXPECT_TRUE(figures.topics.empty());
  // Byte-level tokens: a byte each, but for special ones.
  EXPECT_GT(figures.num_bytes, 0);
  EXPECT_LE(figures.num_bytes, count);
  EXPECT_EQ(count_supervised_bytes(dataset, loader.tokenizer()), figures.num_bytes);
  EXPECT_DOUBLE_EQ(figures.bits_per_byte(),
                   loss.sum / std::log(2.0) / static_cast<double>(figures.num_bytes));
  EXPECT_EQ(loss.count, count);
  EXPECT_NEAR(loss.sum, sum, 1e-4 * sum);
  EXPECT_DOUBLE_EQ(loss.mean(), loss.sum / static_cast<double>(count));
  EXPECT_DOUBLE_EQ(loss.perplexity(), std::exp(loss.mean()));

  const HeldOutLoss first = held_out_figures(model, loader.tokenizer(), *group, dataset, 1).loss;
  EXPECT_EQ(first.count, dataset.num_targets(0));
  EXPECT_LT(first.sum, loss.sum);
}

}  // namespace
}  // namespace temper
