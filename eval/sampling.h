// Choosing the next token from logits.
#pragma once

#include <cstdint>
#include <span>

namespace temper {

struct SamplingOptions {
  double temperature = 0.0;  // 0: the likeliest token, always
  int64_t top_k = 0;         // only the k likeliest; 0: all
  double top_p = 1.0;        // only the likeliest that together reach this probability
  uint64_t seed = 0;
};

// UserError naming the option that makes no sense.
void check_sampling_options(const SamplingOptions& options);

// The token number `index` of a generation. A function of its arguments alone: the same options
// and logits give the same tokens anywhere. Temperature acts first, then top_k, then top_p, as in
// transformers. Of equal logits the lower id is the likelier.
int64_t choose_token(std::span<const float> logits, const SamplingOptions& options, uint64_t index);

}  // namespace temper
