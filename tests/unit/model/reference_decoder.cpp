#include "tests/unit/model/reference_decoder.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "common/hash.h"
#include "kernels/dropout.h"

namespace temper {

ReferenceDecoder::ReferenceDecoder(const ModelConfig& config, const std::optional<LoraConfig>& lora,
                                   std::map<std::string, at::Tensor> weights)
    : config_(config), lora_(lora), weights_(std::move(weights)) {}

at::Tensor ReferenceDecoder::norm(const at::Tensor& x, const std::string& name) const {
  return x * at::rsqrt(x.square().mean(-1, true) + config_.rms_norm_eps) * weights_.at(name);
}

at::Tensor ReferenceDecoder::linear(const at::Tensor& x, const std::string& module,
                                    const Batch& batch) const {
  at::Tensor y = at::matmul(x, weights_.at(module + ".weight").t());
  if (weights_.count(module + ".bias")) y = y + weights_.at(module + ".bias");
  const std::string adapter = "base_model.model." + module;
  if (!weights_.count(adapter + ".lora_A.weight")) return y;
  at::Tensor in = x;
  if (batch.training && lora_->dropout > 0) {
    const DropoutKey key{batch.seed, batch.step, batch.micro_batch, hash_text(module).low};
    in = x * dropout(at::ones(x.sizes()), lora_->dropout, key);
  }
  const at::Tensor low = at::matmul(in, weights_.at(adapter + ".lora_A.weight").t());
  return y + lora_->alpha / static_cast<double>(lora_->r) *
                 at::matmul(low, weights_.at(adapter + ".lora_B.weight").t());
}

at::Tensor ReferenceDecoder::rotate(const at::Tensor& x, const Batch& batch) const {
  const auto frequencies = rope_inverse_frequencies(config_);
  const at::Tensor angle = batch.positions.to(at::kDouble).unsqueeze(1) *
                           at::tensor(frequencies, at::kDouble).unsqueeze(0);
  const at::Tensor cos = at::cat({angle, angle}, 1).cos().to(at::kFloat).unsqueeze(1);
  const at::Tensor sin = at::cat({angle, angle}, 1).sin().to(at::kFloat).unsqueeze(1);
  const auto halves = x.chunk(2, 2);
  return x * cos + at::cat({-halves[1], halves[0]}, 2) * sin;
}

at::Tensor ReferenceDecoder::mask(const Batch& batch) const {
  const int64_t tokens = batch.num_tokens();
  at::Tensor document = at::empty({tokens}, at::kLong);
  for (size_t d = 0; d + 1 < batch.cu_seqlens.size(); ++d) {
    document.slice(0, batch.cu_seqlens[d], batch.cu_seqlens[d + 1]).fill_(static_cast<int64_t>(d));
  }
  const at::Tensor query = at::arange(tokens, at::kLong).unsqueeze(1), key = query.t();
  at::Tensor hidden = key.gt(query).logical_or(document.unsqueeze(1).ne(document.unsqueeze(0)));
  if (config_.sliding_window) {
    hidden = hidden.logical_or(key.le(query - *config_.sliding_window));
  }
  return hidden;
}

at::Tensor ReferenceDecoder::attend(const at::Tensor& x, const std::string& prefix,
                                    const Batch& batch) const {
  const int64_t tokens = x.size(0), group = config_.num_heads / config_.num_kv_heads;
  at::Tensor q =
      linear(x, prefix + "q_proj", batch).view({tokens, config_.num_heads, config_.head_dim});
  at::Tensor k =
      linear(x, prefix + "k_proj", batch).view({tokens, config_.num_kv_heads, config_.head_dim});
  const at::Tensor v =
      linear(x, prefix + "v_proj", batch).view({tokens, config_.num_kv_heads, config_.head_dim});
  if (config_.qk_norm) {
    q = norm(q, prefix + "q_norm.weight");
    k = norm(k, prefix + "k_norm.weight");
  }
  q = rotate(q, batch).transpose(0, 1);
  k = rotate(k, batch).transpose(0, 1).repeat_interleave(group, 0);
  const at::Tensor scores =
      at::matmul(q, k.transpose(1, 2)) / std::sqrt(static_cast<double>(config_.head_dim));
  const at::Tensor p =
      at::softmax(scores.masked_fill(mask(batch), -std::numeric_limits<double>::infinity()), -1);
  const at::Tensor out = at::matmul(p, v.transpose(0, 1).repeat_interleave(group, 0));
  return linear(out.transpose(0, 1).reshape({tokens, config_.query_size()}), prefix + "o_proj",
                batch);
}

at::Tensor ReferenceDecoder::logits(const Batch& batch) const {
  const at::Tensor embedding = weights_.at("model.embed_tokens.weight");
  at::Tensor x = embedding.index_select(0, batch.tokens);
  for (int64_t layer = 0; layer < config_.num_layers; ++layer) {
    const std::string prefix = fmt::format("model.layers.{}.", layer);
    x = x + attend(norm(x, prefix + "input_layernorm.weight"), prefix + "self_attn.", batch);
    const at::Tensor n = norm(x, prefix + "post_attention_layernorm.weight");
    const at::Tensor inner = at::silu(linear(n, prefix + "mlp.gate_proj", batch)) *
                             linear(n, prefix + "mlp.up_proj", batch);
    x = x + linear(inner, prefix + "mlp.down_proj", batch);
  }
  const at::Tensor output = config_.tie_word_embeddings ? embedding : weights_.at("lm_head.weight");
  return at::matmul(norm(x, "model.norm.weight"), output.t());
}

at::Tensor ReferenceDecoder::loss_sum(const Batch& batch) const {
  return at::cross_entropy_loss(logits(batch), batch.targets, {}, /*reduction=*/2);
}

}  // namespace temper
