#include "kernels/dropout.h"

#include <ATen/Parallel.h>

#include <cmath>

#include "common/error.h"
#include "common/philox.h"

namespace temper {
namespace {

constexpr int64_t kGrain = 4096;
// One Philox block decides this many elements, 16 bits each.
constexpr int64_t kElementsPerBlock = 8;

// out[i] = in[i] x scale where the element's 16 random bits reach the threshold, else 0.
void drop_elements(const Philox& philox, uint64_t counter_high, uint32_t threshold, float scale,
                   const float* in, float* out, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i += kElementsPerBlock) {
    const auto words = philox.block(static_cast<uint64_t>(i / kElementsPerBlock), counter_high);
    const int64_t count = std::min(kElementsPerBlock, end - i);
    for (int64_t j = 0; j < count; ++j) {
      const uint32_t bits = (words[j / 2] >> (16 * (j % 2))) & 0xFFFF;
      out[i + j] = bits >= threshold ? in[i + j] * scale : 0.0f;
    }
  }
}

}  // namespace

at::Tensor dropout(const at::Tensor& x, double probability, const DropoutKey& key) {
  TEMPER_CHECK(probability >= 0.0 && probability < 1.0, "dropout: probability {}", probability);
  TEMPER_CHECK(key.step >= 0 && key.step < (int64_t{1} << 40) && key.micro_batch >= 0 &&
                   key.micro_batch < (int64_t{1} << 24),
               "dropout: step {}, micro-batch {}", key.step, key.micro_batch);
  TEMPER_CHECK(x.is_contiguous(), "dropout: x is not contiguous");
  const auto threshold = static_cast<uint32_t>(std::lround(probability * 65536.0));
  TEMPER_CHECK(threshold < 65536, "dropout: probability {}", probability);
  const auto scale = static_cast<float>(65536.0 / static_cast<double>(65536 - threshold));
  const Philox philox(key.seed, key.site);
  const uint64_t counter_high =
      static_cast<uint64_t>(key.step) << 24 | static_cast<uint64_t>(key.micro_batch);

  const bool on_cpu = x.is_cpu();
  const at::Tensor in = on_cpu ? x : at::ones(x.sizes(), at::kFloat);
  at::Tensor out = at::empty_like(in);
  const float* in_data = in.const_data_ptr<float>();
  float* out_data = out.data_ptr<float>();
  const int64_t n = x.numel(), blocks = (n + kElementsPerBlock - 1) / kElementsPerBlock;
  at::parallel_for(0, blocks, kGrain / kElementsPerBlock, [&](int64_t begin, int64_t end) {
    drop_elements(philox, counter_high, threshold, scale, in_data, out_data,
                  begin * kElementsPerBlock, std::min(end * kElementsPerBlock, n));
  });
  return on_cpu ? out : x * out.to(x.device());
}

}  // namespace temper
