// What a stage sees of a micro-batch besides activations: packed tokens of several documents.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "arch/layout/micro_batch.h"

namespace temper {

// Rows are laid end to end: T = rows x sequence_len tokens, split into documents by cu_seqlens.
// A token attends only to earlier tokens of its own document.
struct Batch {
  at::Tensor tokens;                // [T] int64
  at::Tensor targets;               // [T] int64: the next token of the document, or kIgnoredTarget
  at::Tensor positions;             // [T] int64: index within the document
  std::vector<int32_t> cu_seqlens;  // [D + 1], from 0 to T, strictly increasing; on the host
  int64_t num_targets = 0;          // targets that are not ignored
  at::Tensor device_cu_seqlens;  // cu_seqlens as int32 where the tokens are; undefined on the host

  // Identity of this micro-batch in the run, keying dropout masks.
  uint64_t seed = 0;
  int64_t step = 0;
  int64_t micro_batch = 0;
  bool training = false;  // dropout acts only when set

  int64_t num_tokens() const { return tokens.size(0); }
};

// Copies a batch to another device.
Batch to_device(const Batch& batch, at::Device device);

// The tensors of a micro-batch, on the host.
Batch make_batch(const MicroBatch& rows);

}  // namespace temper
