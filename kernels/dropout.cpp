#include "kernels/dropout.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "common/error.h"
#include "common/philox.h"
#include "kernels/cpu/dropout_elements.h"

namespace temper {
namespace {

constexpr int64_t kGrainGroups = 64;

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
  const int64_t n = x.numel(), groups = (n + kDropoutGroup - 1) / kDropoutGroup;
  at::parallel_for(0, groups, kGrainGroups, [&](int64_t begin, int64_t end) {
    dropout_elements(philox.key(), counter_high, threshold, scale, in_data, out_data,
                     begin * kDropoutGroup, std::min(end * kDropoutGroup, n));
  });
  return on_cpu ? out : x * out.to(x.device());
}

}  // namespace temper
