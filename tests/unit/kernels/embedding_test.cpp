#include "kernels/embedding.h"

#include <gtest/gtest.h>

#include "common/error.h"
#include "tests/unit/kernels/tensors.h"

namespace temper {
namespace {

TEST(Embedding, agrees_with_autograd) {
  for (const int64_t num_tokens : {1, 77}) {
    const at::Tensor weight = leaf(random_tensor({13, 9}));
    const at::Tensor tokens = at::arange(num_tokens, at::kLong) * 5 % 11;
    const at::Tensor dy = random_tensor({num_tokens, 9}, 2);
    const at::Tensor expected = weight.index_select(0, tokens);
    expected.backward(dy);
    EXPECT_TRUE(same_bits(embedding_forward(weight.detach(), tokens), expected.detach()));
    at::Tensor dw = at::full({13, 9}, NAN);
    embedding_weight_gradient(dy, tokens, dw);
    EXPECT_LT(relative_error(dw, weight.grad()), 1e-6);
    EXPECT_EQ(dw[12].abs().max().item<float>(), 0.0f);
  }
}

TEST(Embedding, refuses_tokens_outside_the_table) {
  const at::Tensor weight = random_tensor({4, 3});
  EXPECT_ANY_THROW(embedding_forward(weight, at::tensor({4}, at::kLong)));
  EXPECT_THROW(embedding_weight_gradient(random_tensor({1, 3}), at::tensor({4}, at::kLong),
                                         at::empty({4, 3})),
               InternalError);
}

}  // namespace
}  // namespace temper
