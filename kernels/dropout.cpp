#include "kernels/dropout.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "common/error.h"
#include "common/philox.h"
#include "kernels/cpu/dropout_elements.h"
#include "kernels/operators.h"

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
  DropoutPlan plan;
  plan.key = Philox(key.seed, key.site).key();
  plan.counter_high =
      static_cast<uint64_t>(key.step) << 24 | static_cast<uint64_t>(key.micro_batch);
  plan.threshold = threshold;
  plan.scale = static_cast<float>(65536.0 / static_cast<double>(65536 - threshold));
  if (!has_cpu_loops(x)) return operators_for(x).dropout(x, plan);

  at::Tensor out = at::empty_like(x);
  const float* in_data = x.const_data_ptr<float>();
  float* out_data = out.data_ptr<float>();
  const int64_t n = x.numel(), groups = (n + kDropoutGroup - 1) / kDropoutGroup;
  at::parallel_for(0, groups, kGrainGroups, [&](int64_t begin, int64_t end) {
    dropout_elements(plan.key, plan.counter_high, plan.threshold, plan.scale, in_data, out_data,
                     begin * kDropoutGroup, std::min(end * kDropoutGroup, n));
  });
  return out;
}

}  // namespace temper
