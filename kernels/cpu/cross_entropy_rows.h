// The loops of the cross-entropy head on one row of logits, on the CPU.
#pragma once

#include <cstdint>

namespace temper {

// log(sum(exp(logits))).
double logsumexp_row(const float* logits, int64_t n);

// logits[j] becomes exp(logits[j] - logsumexp) - (j == target).
void cross_entropy_gradient_row(float* logits, int64_t n, float logsumexp, int64_t target);

}  // namespace temper
