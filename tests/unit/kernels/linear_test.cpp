#include "kernels/linear.h"

#include <ATen/Parallel.h>

#include <gtest/gtest.h>

#include "kernels/cpu/small_m_linear.h"
#include "tests/unit/kernels/tensors.h"

namespace temper {
namespace {

class Linear : public testing::TestWithParam<std::tuple<int64_t, int64_t, int64_t>> {};

TEST_P(Linear, agrees_with_autograd) {
  const auto [tokens, in, out] = GetParam();
  const at::Tensor x = leaf(random_tensor({tokens, in}, 1)), w = leaf(random_tensor({out, in}, 2));
  const at::Tensor b = leaf(random_tensor({out}, 3)), residual = random_tensor({tokens, out}, 4);
  const at::Tensor dy = random_tensor({tokens, out}, 5);
  const at::Tensor expected = at::matmul(x, w.t()) + b;
  expected.backward(dy);

  const at::Tensor plain_x = x.detach(), plain_w = w.detach(), plain_b = b.detach();
  EXPECT_LT(relative_error(linear_forward(plain_x, plain_w, plain_b), expected), 2e-6);
  EXPECT_LT(relative_error(linear_forward(plain_x, plain_w) + plain_b, expected), 2e-6);
  EXPECT_LT(relative_error(linear_add(residual, plain_x, plain_w, plain_b), expected + residual),
            2e-6);
  at::Tensor dx;
  linear_input_gradient(dy, plain_w, dx);
  EXPECT_LT(relative_error(dx, x.grad()), 2e-6);
  linear_input_gradient(dy, plain_w, dx);
  EXPECT_LT(relative_error(dx, 2 * x.grad()), 2e-6);
  at::Tensor dw = at::full({out, in}, NAN), db = at::full({out}, NAN);
  linear_weight_gradient(dy, plain_x, dw);
  linear_bias_gradient(dy, db);
  EXPECT_LT(relative_error(dw, w.grad()), 2e-6);
  EXPECT_LT(relative_error(db, b.grad()), 5e-6);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Linear,
                         testing::Values(std::tuple{1, 1, 1}, std::tuple{1, 64, 33},
                                         std::tuple{37, 5, 70}, std::tuple{64, 83, 29},
                                         std::tuple{200, 129, 65}));

// What lets answers grow together without changing each other.
TEST(LinearOfSmallM, a_rows_bits_depend_neither_on_the_others_nor_on_threads) {
  const at::Tensor x = random_tensor({kSmallM, 307}, 1), w = random_tensor({1201, 307}, 2);
  const at::Tensor residual = random_tensor({kSmallM, 1201}, 3);
  const int threads = at::get_num_threads();
  const Factors adapter{random_tensor({kSmallM, 9}, 4), random_tensor({1201, 9}, 5).t()};
  at::set_num_threads(1);
  const at::Tensor all = linear_add(residual, x, w);
  const at::Tensor all_adapted = linear_add(residual, x, w, {}, adapter);
  at::set_num_threads(3);
  for (const int64_t rows : {1, 2, 3, 7, 33}) {
    const at::Tensor some =
        linear_add(residual.narrow(0, 5, rows), shifted_copy(x.narrow(0, 5, rows), 3), w);
    EXPECT_TRUE(same_bits(some, all.narrow(0, 5, rows))) << rows;
    const at::Tensor adapted = linear_add(residual.narrow(0, 5, rows), x.narrow(0, 5, rows), w, {},
                                          {adapter.left.narrow(0, 5, rows), adapter.right});
    EXPECT_TRUE(same_bits(adapted, all_adapted.narrow(0, 5, rows))) << rows;
  }
  at::set_num_threads(threads);
}

}  // namespace
}  // namespace temper
