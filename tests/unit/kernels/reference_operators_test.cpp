// The reference operators, which other devices run, against the CPU's loops.
#include <gtest/gtest.h>

#include "kernels/embedding.h"
#include "kernels/linear_cross_entropy.h"
#include "kernels/operators.h"
#include "kernels/rms_norm.h"
#include "kernels/swiglu.h"
#include "tests/unit/kernels/tensors.h"

namespace temper {
namespace {

const Operators& reference = reference_operators();

TEST(ReferenceOperators, rms_norm) {
  const at::Tensor x = random_tensor({7, 3, 24}), weight = random_tensor({24}, 2);
  const at::Tensor dy = random_tensor({7, 3, 24}, 3), residual = random_tensor({7, 3, 24}, 4);
  const at::Tensor inverse = inverse_rms(x, 1e-5);
  EXPECT_LT(relative_error(reference.inverse_rms(x, 1e-5), inverse), 1e-6);
  EXPECT_LT(relative_error(reference.rms_norm(x, weight, inverse), rms_norm(x, weight, inverse)),
            1e-6);
  for (const at::Tensor& add : {at::Tensor(), residual}) {
    EXPECT_LT(relative_error(reference.rms_norm_backward(dy, x, weight, inverse, add),
                             rms_norm_backward(dy, x, weight, inverse, add)),
              2e-6);
  }
  at::Tensor dw = at::empty({24}), expected = at::empty({24});
  reference.rms_norm_weight_gradient(dy, x, inverse, dw);
  rms_norm_weight_gradient(dy, x, inverse, expected);
  EXPECT_LT(relative_error(dw, expected), 2e-6);
}

TEST(ReferenceOperators, rope) {
  const at::Tensor x = random_tensor({11, 3, 8}), positions = at::arange(11, at::kLong) % 4;
  const RopeAngles angles = rope_angles({1.0, 0.3, 0.1, 0.01}, 4);
  at::Tensor y = x.clone(), expected = x.clone();
  reference.rotate_(y, positions, angles, 1.0f);
  rope_(expected, positions, angles);
  EXPECT_LT(relative_error(y, expected), 1e-6);
  reference.rotate_(y, positions, angles, -1.0f);
  EXPECT_LT(relative_error(y, x), 1e-6);
}

TEST(ReferenceOperators, swiglu) {
  const at::Tensor gate = random_tensor({9, 13}), up = random_tensor({9, 13}, 2);
  const at::Tensor dy = random_tensor({9, 13}, 3);
  EXPECT_LT(relative_error(reference.swiglu(gate, up), swiglu(gate, up)), 1e-6);
  at::Tensor actual[] = {gate.clone(), up.clone(), dy.clone()};
  at::Tensor expected[] = {gate.clone(), up.clone(), dy.clone()};
  reference.swiglu_backward_(actual[0], actual[1], actual[2]);
  swiglu_backward_(expected[0], expected[1], expected[2]);
  for (int i = 0; i < 3; ++i) EXPECT_LT(relative_error(actual[i], expected[i]), 2e-6);
}

TEST(ReferenceOperators, embedding_weight_gradient) {
  const at::Tensor dy = random_tensor({50, 6}), tokens = at::arange(50, at::kLong) * 7 % 9;
  at::Tensor dw = at::full({11, 6}, NAN), expected = at::full({11, 6}, NAN);
  reference.embedding_weight_gradient(dy, tokens, dw);
  embedding_weight_gradient(dy, tokens, expected);
  EXPECT_LT(relative_error(dw, expected), 1e-6);
}

TEST(ReferenceOperators, cross_entropy_chunk) {
  const at::Tensor x = random_tensor({17, 5}), weight = random_tensor({33, 5}, 2);
  const at::Tensor targets = at::arange(17, at::kLong);
  LinearCrossEntropyGradients gradients = {{}, at::empty({33, 5})};
  at::Tensor workspace;
  const double loss =
      linear_cross_entropy(x, weight, targets, &gradients, workspace).item<double>();
  at::Tensor logits = at::mm(x, weight.t()), logsumexp = at::empty({17});
  EXPECT_NEAR(reference.chunk_loss(logits, targets, logsumexp).item<double>(), loss, 1e-5 * loss);
  reference.chunk_gradient_(logits, targets, logsumexp);
  EXPECT_LT(relative_error(at::mm(logits, weight), gradients.dx), 5e-6);
  EXPECT_LT(relative_error(at::mm(logits.t(), x), gradients.dw), 5e-6);
}

TEST(ReferenceOperators, adamw) {
  const at::Tensor g = random_tensor({100}, 2);
  const AdamWOptions h{1e-2, 0.9, 0.95, 1e-8, 0.1, 0.5, 3};
  at::Tensor actual[] = {random_tensor({100}), random_tensor({100}, 3),
                         random_tensor({100}).square()};
  at::Tensor expected[] = {actual[0].clone(), actual[1].clone(), actual[2].clone()};
  reference.adamw_update(actual[0], g, actual[1], actual[2], h);
  adamw_update(expected[0], g, expected[1], expected[2], h);
  for (int i = 0; i < 3; ++i) EXPECT_LT(relative_error(actual[i], expected[i]), 1e-6);
}

}  // namespace
}  // namespace temper
