// The softmax of attention on rows of a block of scores, on the CPU.
#pragma once

#include <cstdint>

#include "kernels/cpu/processor.h"

namespace temper {

// The running maximum (of scale x score) and sum of exponentials of a row, over the blocks so far.
struct SoftmaxState {
  float max;
  float sum;
};

// Scores of consecutive queries. Row i sees the columns [begin + i, end + i) that there are; the
// others become zero.
struct ScoreStrip {
  float* scores = nullptr;
  int64_t stride = 0;  // from one row to the next
  int64_t rows = 0, columns = 0;
  int64_t begin = 0, end = 0;
};

// Scores become exp(scale score - max) with the maximum of their row, updated by this block. The
// factors bring what earlier blocks gave to the new maximum.
void softmax_strip(const ScoreStrip& strip, float scale, SoftmaxState* states, float* factors,
                   Width width = widest());

// Scores become the probabilities p = exp(scale score - logsumexp), and d_probability, which lies
// as they do, becomes the gradient of the unscaled scores, scale p (d_probability - delta).
void softmax_backward_strip(const ScoreStrip& strip, float* d_probability, float scale,
                            const float* logsumexp, const float* delta, Width width = widest());

float dot_row(const float* a, const float* b, int64_t n);

}  // namespace temper
