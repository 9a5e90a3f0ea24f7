// The loops of the cross-entropy head on one row of logits, on the CPU.
#pragma once

#include <cstdint>

#include "kernels/cpu/processor.h"

namespace temper {

// log(sum(exp(logits))).
double logsumexp_row(const float* logits, int64_t n, Width width = widest());

// Does the same, and logits[j] becomes exp(logits[j]) / sum(exp(logits)) - (j == target).
double cross_entropy_backward_row(float* logits, int64_t n, int64_t target, Width width = widest());

}  // namespace temper
