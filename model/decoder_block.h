// One decoder block: attention and feed-forward, each behind a norm and a residual connection.
//   middle = x + o_proj(attention(rope(q), rope(k), v)),  q, k, v = projections of norm1(x)
//   y = middle + down_proj(silu(gate_proj(n)) * up_proj(n)),  n = norm2(middle)
// Qwen3 also normalises every head of q and k before rope.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "kernels/attention.h"
#include "kernels/rope.h"
#include "model/block_linear.h"
#include "model/slot_table.h"
#include "stage/stage.h"

namespace temper {

class DecoderBlock : public Stage {
 public:
  // `lora` may be null. The blocks of a model share the table of angles.
  DecoderBlock(const ModelConfig& config, const LoraConfig* lora, Training training, int64_t layer,
               std::shared_ptr<const RopeTable> rope);

  const std::string& name() const override { return name_; }
  const std::vector<WeightSlot>& slots() const override { return table_.slots(); }
  at::Tensor forward(const WeightSlots& weights, const at::Tensor& x, const Batch& batch,
                     SavedActivations* saved) const override;
  at::Tensor backward(const WeightSlots& weights, const at::Tensor& x,
                      const at::Tensor& grad_output, const Batch& batch, SavedActivations& saved,
                      bool need_grad_input) const override;

  // The tokens of `batch` go on from sequences whose keys and values so far are in `keys` and
  // `values` [rows, num_kv_heads, head_dim]; theirs are written to `rows` [T] of these.
  struct Cached {
    at::Tensor keys, values, rows;
    const std::vector<CachedSequence>& sequences;
    int64_t num_positions;  // of the longest sequence
  };
  at::Tensor decode(const WeightSlots& weights, const at::Tensor& x, const Batch& batch,
                    Cached cached) const;

 private:
  enum Linear { kQuery, kKey, kValue, kOutput, kGate, kUp, kDown, kNumLinears };
  struct Activations;

  void project(const WeightSlots& weights, const at::Tensor& x, const Batch& batch,
               int64_t num_positions, Activations& a) const;
  void normalise_heads(const WeightSlots& weights, Activations& a) const;
  at::Tensor finish(const WeightSlots& weights, const at::Tensor& x, const Batch& batch,
                    Activations& a) const;
  at::Tensor backward_feed_forward(const WeightSlots& weights, const at::Tensor& grad_output,
                                   const Batch& batch, Activations& a) const;
  AttentionGradients backward_attention(const WeightSlots& weights, const at::Tensor& d_middle,
                                        const Batch& batch, Activations& a) const;
  at::Tensor backward_projections(const WeightSlots& weights, const at::Tensor& x,
                                  const AttentionGradients& d, const Batch& batch,
                                  const Activations& a, bool need_dn) const;
  at::Tensor norm(const WeightSlots& weights, int64_t slot, const at::Tensor& x,
                  const at::Tensor& inverse) const;
  void norm_weight_gradient(const WeightSlots& weights, int64_t slot, const at::Tensor& dy,
                            const at::Tensor& x, const at::Tensor& inverse) const;
  std::vector<at::Tensor*> members(Activations& a) const;
  AttentionMask mask(const Batch& batch) const;

  std::string name_;
  SlotTable table_;
  int64_t num_heads_, num_kv_heads_, head_dim_;
  std::optional<int64_t> sliding_window_;
  double epsilon_;
  int64_t norm1_, norm2_;
  int64_t query_norm_, key_norm_;  // -1 where there is none
  std::vector<BlockLinear> linears_;
  std::shared_ptr<const RopeTable> rope_;
};

}  // namespace temper
