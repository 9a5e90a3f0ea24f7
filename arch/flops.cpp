#include "arch/flops.h"

#include <algorithm>

#include "arch/layout/model_plan.h"
#include "arch/stage_slots.h"

namespace temper {
namespace {

// Keys that a token of a document sees on average, itself included.
double mean_keys(double document_len, const ModelConfig& config) {
  const double n = std::max(1.0, document_len);
  const double window = std::min(n, static_cast<double>(config.sliding_window.value_or(1 << 30)));
  // The first `window` tokens see 1, 2, ... keys, the others `window`.
  return (window * (window + 1) / 2 + (n - window) * window) / n;
}

}  // namespace

TrainingFlops training_flops(const ModelConfig& config, const LoraConfig* lora,
                             const ShardingOptions& options, double tokens, double targets,
                             double document_len) {
  const auto slots =
      decoder_slots(config, lora, lora == nullptr ? Training::kFull : Training::kLora);
  const int64_t first = plan_model(slots).first_trainable_stage;
  const int64_t last = config.num_layers + 1, num_stages = last + 1;
  // The operations of one product of [T, query_size] with the keys or values.
  const double product =
      2.0 * tokens * static_cast<double>(config.query_size()) * mean_keys(document_len, config);
  TrainingFlops flops;
  for (int64_t stage = 1; stage < num_stages; ++stage) {
    const double rows = stage == last ? targets : tokens;
    double forward = 0.0, weight_gradients = 0.0;
    for (const WeightSlot& slot : slots[static_cast<size_t>(stage)]) {
      if (slot.shape.size() != 2) continue;  // norms, biases
      const double matrix = 2.0 * rows * static_cast<double>(slot.shape[0] * slot.shape[1]);
      forward += matrix;
      if (slot.trainable) weight_gradients += matrix;
    }
    const bool has_backward = stage >= first;
    // The input's gradient costs what forward does; attention's backward has five products.
    double backward = has_backward ? forward + weight_gradients : 0.0;
    if (stage != last) {
      forward += 2 * product;
      if (has_backward) backward += 5 * product;
      flops.attention += (has_backward ? 7 : 2) * product;
    }
    flops.forward += forward;
    flops.backward += backward;
    if (has_backward && options.recomputes(stage, num_stages)) {
      flops.recomputed += forward;
      if (stage != last) flops.attention += 2 * product;
    }
  }
  return flops;
}

}  // namespace temper
