// Batches for tests, from labels in the Hugging Face manner.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "stage/batch.h"

namespace temper {

// labels[t] belongs to tokens[t] and is predicted from t - 1 of the same document.
inline Batch make_batch(const std::vector<int64_t>& tokens, const std::vector<int64_t>& labels,
                        const std::vector<int32_t>& cu_seqlens) {
  std::vector<int64_t> targets(tokens.size(), -100), positions(tokens.size());
  Batch batch;
  for (size_t d = 0; d + 1 < cu_seqlens.size(); ++d) {
    for (int32_t t = cu_seqlens[d]; t < cu_seqlens[d + 1]; ++t) {
      positions[t] = t - cu_seqlens[d];
      if (t + 1 == cu_seqlens[d + 1] || labels[t + 1] == -100) continue;
      targets[t] = labels[t + 1];
      ++batch.num_targets;
    }
  }
  batch.tokens = at::tensor(tokens, at::kLong);
  batch.targets = at::tensor(targets, at::kLong);
  batch.positions = at::tensor(positions, at::kLong);
  batch.cu_seqlens = cu_seqlens;
  return batch;
}

// Pseudo-random tokens, every third label ignored.
inline Batch random_batch(int64_t vocab_size, const std::vector<int32_t>& cu_seqlens,
                          uint64_t seed = 1) {
  std::vector<int64_t> tokens, labels;
  for (int32_t t = 0; t < cu_seqlens.back(); ++t) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    tokens.push_back(static_cast<int64_t>((seed >> 33) % static_cast<uint64_t>(vocab_size)));
    labels.push_back(t % 3 == 2 ? -100 : tokens.back());
  }
  return make_batch(tokens, labels, cu_seqlens);
}

}  // namespace temper
