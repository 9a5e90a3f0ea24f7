// Dropout whose mask is a pure function of (seed, step, micro-batch, site, element): the same on
// any rank, and computed again in backward rather than kept.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace temper {

struct DropoutKey {
  uint64_t seed = 0;
  int64_t step = 0;         // below 2^40
  int64_t micro_batch = 0;  // below 2^24
  uint64_t site = 0;        // which dropout of the model
};

// x with each element zeroed with `probability` (to 1/65536) and the others scaled by
// 1 / (1 - probability), so that the mean stays. Its own backward, applied to the gradient.
// x: contiguous, fp32 or bf16.
at::Tensor dropout(const at::Tensor& x, double probability, const DropoutKey& key);

}  // namespace temper
