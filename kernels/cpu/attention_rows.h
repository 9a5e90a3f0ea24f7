// The softmax of attention on one row of a block of scores, on the CPU. Columns [begin, end) are
// visible to the row's query; the others become zero.
#pragma once

#include <cstdint>

namespace temper {

// The running maximum (of scale x score) and sum of exponentials of a row, over the blocks so far.
struct SoftmaxState {
  float max;
  float sum;
};

// scores[j] becomes exp(scale scores[j] - max) with the maximum updated by this block. Returns the
// factor that brings what earlier blocks gave to the new maximum.
float softmax_row(float* scores, int64_t n, int64_t begin, int64_t end, float scale,
                  SoftmaxState& state);

// scores[j] becomes the probability p = exp(scale scores[j] - logsumexp), and d_probability[j]
// becomes the gradient of the unscaled score, scale p (d_probability[j] - delta).
void softmax_backward_row(float* scores, float* d_probability, int64_t n, int64_t begin,
                          int64_t end, float scale, float logsumexp, float delta);

float dot_row(const float* a, const float* b, int64_t n);

}  // namespace temper
