#include "kernels/linear_cross_entropy.h"

#include <gtest/gtest.h>

#include "arch/layout/working_memory.h"
#include "tests/unit/kernels/tensors.h"

namespace temper {
namespace {

at::Tensor loss_of(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& targets,
                   LinearCrossEntropyGradients* gradients) {
  at::Tensor workspace;
  return linear_cross_entropy(x, weight, targets, gradients, workspace);
}

// (rows, hidden, vocab): one chunk, and several.
class LinearCrossEntropy : public testing::TestWithParam<std::tuple<int64_t, int64_t, int64_t>> {};

TEST_P(LinearCrossEntropy, agrees_with_autograd) {
  const auto [rows, hidden, vocab] = GetParam();
  const at::Tensor x = leaf(random_tensor({rows, hidden}, 1)),
                   w = leaf(random_tensor({vocab, hidden}, 2));
  const at::Tensor targets = at::arange(rows, at::kLong) * 31 % vocab;
  const at::Tensor expected =
      at::cross_entropy_loss(at::matmul(x.to(at::kDouble), w.t().to(at::kDouble)), targets, {}, 2);
  expected.backward();

  // fp32 products that add up a whole vocabulary lose digits with its size.
  const double tolerance = vocab > 10000 ? 5e-4 : 5e-6;
  const at::Tensor plain_x = x.detach(), plain_w = w.detach();
  const double loss = expected.item<double>();
  EXPECT_NEAR(loss_of(plain_x, plain_w, targets, nullptr).item<double>(), loss, 2e-6 * loss);
  LinearCrossEntropyGradients all = {{}, at::full({vocab, hidden}, NAN)};
  EXPECT_NEAR(loss_of(plain_x, plain_w, targets, &all).item<double>(), loss, 2e-6 * loss);
  EXPECT_LT(relative_error(all.dx, x.grad()), tolerance);
  EXPECT_LT(relative_error(all.dw, w.grad()), tolerance);

  LinearCrossEntropyGradients frozen;
  loss_of(plain_x, plain_w, targets, &frozen);
  EXPECT_FALSE(frozen.dw.defined());
  EXPECT_TRUE(at::equal(frozen.dx, all.dx));
}

TEST_P(LinearCrossEntropy, of_rows_is_what_the_whole_adds_up) {
  const auto [rows, hidden, vocab] = GetParam();
  const at::Tensor x = random_tensor({rows, hidden}, 1), w = random_tensor({vocab, hidden}, 2);
  const at::Tensor targets = at::arange(rows, at::kLong) * 31 % vocab;
  const double loss = loss_of(x, w, targets, nullptr).item<double>();
  EXPECT_NEAR(cross_entropy_of_rows(x, w, targets).sum().item<double>(), loss, 1e-13 * loss);
}

INSTANTIATE_TEST_SUITE_P(Sizes, LinearCrossEntropy,
                         testing::Values(std::tuple{1, 1, 2}, std::tuple{1, 24, 77},
                                         std::tuple{37, 16, 1031}, std::tuple{513, 8, 100},
                                         std::tuple{1030, 8, 300}, std::tuple{2600, 8, 300},
                                         std::tuple{900, 4, 80021}));

TEST(LinearCrossEntropyRows, without_targets_give_zeros) {
  const at::Tensor x = at::empty({0, 6}), w = random_tensor({10, 6});
  const at::Tensor targets = at::empty({0}, at::kLong);
  LinearCrossEntropyGradients gradients = {{}, at::full({10, 6}, NAN)};
  EXPECT_EQ(loss_of(x, w, targets, &gradients).item<double>(), 0.0);
  EXPECT_EQ(gradients.dx.size(0), 0);
  EXPECT_EQ(gradients.dw.abs().max().item<float>(), 0.0f);
}

TEST(LinearCrossEntropyRows, share_a_workspace_from_call_to_call) {
  const at::Tensor x = random_tensor({40, 8}), w = random_tensor({50, 8}, 2);
  const at::Tensor targets = at::arange(40, at::kLong);
  at::Tensor workspace;
  const auto loss = [&](int64_t rows) {
    return linear_cross_entropy(x.narrow(0, 0, rows), w, targets.narrow(0, 0, rows), nullptr,
                                workspace)
        .item<double>();
  };
  const double few = loss(10), all = loss(40);
  const void* place = workspace.data_ptr();
  EXPECT_EQ(loss(10), few);
  EXPECT_EQ(loss(40), all);
  EXPECT_EQ(workspace.data_ptr(), place);
}

TEST(LinearCrossEntropyRows, chunks_bound_the_logits) {
  for (const int64_t vocab : {256, 32000, 128256, 1000000}) {
    EXPECT_LE(cross_entropy_chunk_rows(vocab) * vocab, int64_t{1} << 24);
    EXPECT_LE(cross_entropy_chunk_rows(vocab), 512);
    EXPECT_GE(cross_entropy_chunk_rows(vocab), 16);
  }
}

TEST(LinearCrossEntropyRows, large_logits_do_not_overflow) {
  const at::Tensor x = random_tensor({5, 8}) * 100, w = random_tensor({50, 8}, 2) * 10;
  const at::Tensor targets = at::arange(5, at::kLong);
  const double expected =
      at::cross_entropy_loss(at::matmul(x, w.t()).to(at::kDouble), targets, {}, 2).item<double>();
  EXPECT_NEAR(loss_of(x, w, targets, nullptr).item<double>(), expected, 1e-6 * expected);
}

}  // namespace
}  // namespace temper
