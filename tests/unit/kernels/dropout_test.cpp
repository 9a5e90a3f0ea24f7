#include "kernels/dropout.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "common/philox.h"
#include "tests/unit/kernels/tensors.h"

namespace temper {
namespace {

TEST(Dropout, keeps_the_share_and_the_mean) {
  const at::Tensor y = dropout(at::ones({300, 1001}), 0.1, {7, 5, 3, 1});
  const double n = static_cast<double>(y.numel());
  EXPECT_NEAR(y.eq(0).sum().item<double>() / n, 0.1, 0.003);
  EXPECT_NEAR(y.mean().item<double>(), 1.0, 0.003);
  EXPECT_NEAR(y.max().item<double>(), 1.0 / 0.9, 1e-4);
  // Neighbours, rows and columns are independent of each other.
  const at::Tensor kept = y.ne(0).to(at::kFloat);
  EXPECT_NEAR((kept.slice(1, 1) * kept.slice(1, 0, 1000)).mean().item<double>(), 0.81, 0.005);
  EXPECT_NEAR((kept.slice(0, 1) * kept.slice(0, 0, 299)).mean().item<double>(), 0.81, 0.005);
}

TEST(Dropout, is_a_function_of_its_key) {
  const at::Tensor x = random_tensor({40, 37});
  const DropoutKey key{7, 5, 3, 1};
  const at::Tensor y = dropout(x, 0.5, key);
  const int threads = at::get_num_threads();
  at::set_num_threads(3);
  EXPECT_TRUE(same_bits(dropout(shifted_copy(x, 3), 0.5, key), y));
  at::set_num_threads(threads);
  for (const DropoutKey& other : {DropoutKey{8, 5, 3, 1}, DropoutKey{7, 6, 3, 1},
                                  DropoutKey{7, 5, 4, 1}, DropoutKey{7, 5, 3, 2}}) {
    const double same =
        dropout(x, 0.5, other).eq(0).eq(y.eq(0)).to(at::kFloat).mean().item<double>();
    EXPECT_NEAR(same, 0.5, 0.06);
  }
}

TEST(Dropout, draws_from_philox) {
  const DropoutKey key{7, 5, 3, 1};
  const Philox philox(key.seed, key.site);
  const at::Tensor y = dropout(at::ones({1000}), 0.25, key);
  for (uint64_t i = 0; i < 1000; ++i) {
    const auto block = philox.block(i / 64 * 8 + i % 8, uint64_t{5} << 24 | 3);
    const uint64_t half = i % 64 / 8;
    const uint32_t bits = block[half / 2] >> (half % 2 * 16) & 0xFFFF;
    EXPECT_EQ(y[static_cast<int64_t>(i)].item<float>() != 0.0f, bits >= 16384) << i;
  }
}

TEST(Dropout, of_nothing_is_the_identity) {
  const at::Tensor x = random_tensor({3, 5});
  EXPECT_TRUE(same_bits(dropout(x, 0.0, {}), x));
}

}  // namespace
}  // namespace temper
