#include "kernels/adamw.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/kernels/tensors.h"

namespace temper {
namespace {

struct State {
  at::Tensor w, m, v;
};

TEST(AdamW, follows_the_formula_in_double) {
  const int64_t n = 1003;
  State actual{random_tensor({n}), at::zeros({n}), at::zeros({n})};
  State expected{actual.w.to(at::kDouble), at::zeros({n}, at::kDouble),
                 at::zeros({n}, at::kDouble)};
  const AdamWOptions h{1e-2, 0.9, 0.95, 1e-8, 0.1, 0.5, 0};
  for (int64_t step = 1; step <= 5; ++step) {
    const at::Tensor g = random_tensor({n}, 10 + static_cast<uint64_t>(step));
    AdamWOptions now = h;
    now.step = step;
    adamw_update(actual.w, g, actual.m, actual.v, now);
    const at::Tensor scaled = g.to(at::kDouble) * h.gradient_scale;
    const double t = static_cast<double>(step);
    expected.w *= 1.0 - h.learning_rate * h.weight_decay;
    expected.m = h.beta1 * expected.m + (1.0 - h.beta1) * scaled;
    expected.v = h.beta2 * expected.v + (1.0 - h.beta2) * scaled * scaled;
    const at::Tensor m_hat = expected.m / (1.0 - std::pow(h.beta1, t));
    const at::Tensor v_hat = expected.v / (1.0 - std::pow(h.beta2, t));
    expected.w -= h.learning_rate * m_hat / (v_hat.sqrt() + h.epsilon);
  }
  EXPECT_LT(relative_error(actual.w.to(at::kDouble), expected.w), 1e-6);
  EXPECT_LT(relative_error(actual.m.to(at::kDouble), expected.m), 1e-6);
  EXPECT_LT(relative_error(actual.v.to(at::kDouble), expected.v), 1e-6);
}

// The bias corrections come before epsilon is added, as in torch.optim.AdamW: with one that is as
// large as the gradient the order shows.
TEST(AdamW, epsilon_is_added_to_the_corrected_root) {
  at::Tensor w = at::ones({1}), m = at::zeros({1}), v = at::zeros({1});
  adamw_update(w, at::full({1}, 0.3), m, v, {0.1, 0.9, 0.999, 0.2, 0.0, 1.0, 1});
  EXPECT_NEAR(w.item<double>(), 1.0 - 0.1 * 0.3 / (0.3 + 0.2), 1e-6);
}

TEST(AdamW, bits_do_not_depend_on_how_the_elements_are_split) {
  const int64_t n = 200003;
  const at::Tensor g = random_tensor({n}, 2);
  const AdamWOptions h{3e-4, 0.9, 0.999, 1e-8, 0.01, 0.37, 7};
  const State start{random_tensor({n}, 3), random_tensor({n}, 4) * 0.1,
                    random_tensor({n}, 5).square()};
  State whole{start.w.clone(), start.m.clone(), start.v.clone()};
  adamw_update(whole.w, g, whole.m, whole.v, h);
  for (const int64_t offset : {1, 2, 3, 5, 7, 13}) {
    State parts{shifted_copy(start.w, offset), shifted_copy(start.m, offset + 1),
                shifted_copy(start.v, offset + 2)};
    const at::Tensor gradient = shifted_copy(g, offset + 3);
    const auto update = [&](int64_t begin, int64_t end) {
      adamw_update(parts.w.data_ptr<float>() + begin, gradient.const_data_ptr<float>() + begin,
                   parts.m.data_ptr<float>() + begin, parts.v.data_ptr<float>() + begin,
                   end - begin, h);
    };
    update(0, 17 * offset);
    for (int64_t i = 17 * offset; i < 17 * offset + 9; ++i) update(i, i + 1);
    update(17 * offset + 9, n);
    EXPECT_TRUE(same_bits(parts.w, whole.w));
    EXPECT_TRUE(same_bits(parts.m, whole.m));
    EXPECT_TRUE(same_bits(parts.v, whole.v));
  }
}

}  // namespace
}  // namespace temper
