#include "model/decoder_block.h"

#include <algorithm>

#include "common/error.h"
#include "kernels/rms_norm.h"
#include "kernels/swiglu.h"

namespace temper {

// Forward computes this besides its result. Names with `raw` are before the norm of the heads.
struct DecoderBlock::Activations {
  at::Tensor inverse_rms1, inverse_rms2;    // [T]
  at::Tensor q, k, v;                       // [T, heads, head_dim], rotated
  at::Tensor raw_q, raw_k;                  // the same, before norm and rotation
  at::Tensor inverse_rms_q, inverse_rms_k;  // [T x heads]
  AttentionOutput attention;
  at::Tensor middle;                        // [T, hidden]
  at::Tensor gate, up;                      // [T, intermediate]
  std::array<at::Tensor, kNumLinears> low;  // [T, r] of the adapted linears
};

namespace {

int64_t longest_document(const Batch& batch) {
  int64_t longest = 0;
  for (size_t d = 0; d + 1 < batch.cu_seqlens.size(); ++d) {
    longest = std::max<int64_t>(longest, batch.cu_seqlens[d + 1] - batch.cu_seqlens[d]);
  }
  return longest;
}

at::Tensor flat(const at::Tensor& heads) {
  return heads.view({heads.size(0), -1});
}

}  // namespace

DecoderBlock::DecoderBlock(const ModelConfig& config, const LoraConfig* lora, Training training,
                           int64_t layer, std::shared_ptr<const RopeTable> rope)
    : name_(fmt::format("block.{}", layer)),
      table_(config, lora, training, layer + 1),
      num_heads_(config.num_heads),
      num_kv_heads_(config.num_kv_heads),
      head_dim_(config.head_dim),
      sliding_window_(config.sliding_window),
      epsilon_(config.rms_norm_eps),
      rope_(std::move(rope)) {
  const std::string prefix = fmt::format("model.layers.{}.", layer);
  norm1_ = table_.index(prefix + "input_layernorm.weight");
  norm2_ = table_.index(prefix + "post_attention_layernorm.weight");
  query_norm_ = table_.find(prefix + "self_attn.q_norm.weight");
  key_norm_ = table_.find(prefix + "self_attn.k_norm.weight");
  // Listed in the order of the enumeration.
  for (const char* module : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                             "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}) {
    linears_.emplace_back(table_, prefix + module, lora);
  }
}

// The activations that this block keeps, in the order in which they are kept.
std::vector<at::Tensor*> DecoderBlock::members(Activations& a) const {
  std::vector<at::Tensor*> list = {
      &a.inverse_rms1, &a.q,    &a.k, &a.v, &a.attention.out, &a.attention.logsumexp, &a.middle,
      &a.inverse_rms2, &a.gate, &a.up};
  if (query_norm_ >= 0) {
    list.insert(list.end(), {&a.raw_q, &a.raw_k, &a.inverse_rms_q, &a.inverse_rms_k});
  }
  for (int64_t i = 0; i < kNumLinears; ++i) {
    if (linears_[i].adapted()) list.push_back(&a.low[i]);
  }
  return list;
}

AttentionMask DecoderBlock::mask(const Batch& batch) const {
  return {batch.cu_seqlens, sliding_window_, batch.device_cu_seqlens};
}

at::Tensor DecoderBlock::norm(const WeightSlots& weights, int64_t slot, const at::Tensor& x,
                              const at::Tensor& inverse) const {
  return rms_norm(x, weights.weight(slot), inverse);
}

void DecoderBlock::norm_weight_gradient(const WeightSlots& weights, int64_t slot,
                                        const at::Tensor& dy, const at::Tensor& x,
                                        const at::Tensor& inverse) const {
  if (table_[slot].trainable) {
    rms_norm_weight_gradient(dy, x, inverse, weights.gradient(slot));
  }
}

void DecoderBlock::project(const WeightSlots& weights, const at::Tensor& x, const Batch& batch,
                           int64_t num_positions, Activations& a) const {
  a.inverse_rms1 = inverse_rms(x, epsilon_);
  const at::Tensor n = norm(weights, norm1_, x, a.inverse_rms1);
  const auto heads = [&](Linear linear, int64_t num_heads) {
    return linears_[linear]
        .forward(weights, n, batch, a.low[linear])
        .view({x.size(0), num_heads, head_dim_});
  };
  a.q = heads(kQuery, num_heads_);
  a.k = heads(kKey, num_kv_heads_);
  a.v = heads(kValue, num_kv_heads_);
  if (query_norm_ >= 0) normalise_heads(weights, a);
  const RopeAngles angles = rope_->angles(num_positions, x.device());
  temper::rope_(a.q, batch.positions, angles);
  temper::rope_(a.k, batch.positions, angles);
}

void DecoderBlock::normalise_heads(const WeightSlots& weights, Activations& a) const {
  a.raw_q = a.q;
  a.raw_k = a.k;
  a.inverse_rms_q = inverse_rms(a.raw_q, epsilon_);
  a.inverse_rms_k = inverse_rms(a.raw_k, epsilon_);
  a.q = norm(weights, query_norm_, a.raw_q, a.inverse_rms_q);
  a.k = norm(weights, key_norm_, a.raw_k, a.inverse_rms_k);
}

at::Tensor DecoderBlock::finish(const WeightSlots& weights, const at::Tensor& x, const Batch& batch,
                                Activations& a) const {
  a.middle = linears_[kOutput].forward(weights, flat(a.attention.out), batch, a.low[kOutput], x);
  a.inverse_rms2 = inverse_rms(a.middle, epsilon_);
  const at::Tensor n = norm(weights, norm2_, a.middle, a.inverse_rms2);
  a.gate = linears_[kGate].forward(weights, n, batch, a.low[kGate]);
  a.up = linears_[kUp].forward(weights, n, batch, a.low[kUp]);
  return linears_[kDown].forward(weights, swiglu(a.gate, a.up), batch, a.low[kDown], a.middle);
}

at::Tensor DecoderBlock::forward(const WeightSlots& weights, const at::Tensor& x,
                                 const Batch& batch, SavedActivations* saved) const {
  Activations a;
  project(weights, x, batch, longest_document(batch), a);
  a.attention = attention(a.q, a.k, a.v, mask(batch));
  at::Tensor y = finish(weights, x, batch, a);
  if (saved != nullptr) {
    saved->tensors.clear();
    for (const at::Tensor* member : members(a)) saved->tensors.push_back(*member);
  }
  return y;
}

at::Tensor DecoderBlock::decode(const WeightSlots& weights, const at::Tensor& x, const Batch& batch,
                                Cached cached) const {
  Activations a;
  project(weights, x, batch, cached.num_positions, a);
  cached.keys.index_copy_(0, cached.rows, a.k);
  cached.values.index_copy_(0, cached.rows, a.v);
  a.attention.out =
      attention_decode(a.q, cached.keys, cached.values, cached.sequences, sliding_window_);
  return finish(weights, x, batch, a);
}

at::Tensor DecoderBlock::backward(const WeightSlots& weights, const at::Tensor& x,
                                  const at::Tensor& grad_output, const Batch& batch,
                                  SavedActivations& saved, bool need_grad_input) const {
  Activations a;
  const std::vector<at::Tensor*> list = members(a);
  TEMPER_CHECK(saved.tensors.size() == list.size(), "{}: backward without its forward", name_);
  for (size_t i = 0; i < list.size(); ++i) *list[i] = std::move(saved.tensors[i]);
  saved.tensors.clear();

  const at::Tensor d_middle = backward_feed_forward(weights, grad_output, batch, a);
  const AttentionGradients d = backward_attention(weights, d_middle, batch, a);
  const bool need_dn = need_grad_input || table_[norm1_].trainable;
  const at::Tensor dn = backward_projections(weights, x, d, batch, a, need_dn);
  if (need_dn) norm_weight_gradient(weights, norm1_, dn, x, a.inverse_rms1);
  if (!need_grad_input) return {};
  // The residual's gradient goes around the block: the norm's backward adds it along.
  return rms_norm_backward(dn, x, weights.weight(norm1_), a.inverse_rms1, d_middle);
}

at::Tensor DecoderBlock::backward_feed_forward(const WeightSlots& weights,
                                               const at::Tensor& grad_output, const Batch& batch,
                                               Activations& a) const {
  // swiglu_backward_ turns this from the activation's gradient into the activation itself, which
  // the weight gradient of `down` needs and forward did not keep.
  at::Tensor activation;
  const at::Tensor d_low = linears_[kDown].input_gradient(weights, grad_output, batch, activation);
  swiglu_backward_(a.gate, a.up, activation);
  linears_[kDown].weight_gradients(weights, grad_output, activation, a.low[kDown], d_low, batch);
  activation.reset();

  const at::Tensor n = norm(weights, norm2_, a.middle, a.inverse_rms2);
  at::Tensor dn;
  for (const auto& [linear, dy] : {std::pair{kGate, &a.gate}, std::pair{kUp, &a.up}}) {
    const at::Tensor low = linears_[linear].input_gradient(weights, *dy, batch, dn);
    linears_[linear].weight_gradients(weights, *dy, n, a.low[linear], low, batch);
    dy->reset();
  }
  norm_weight_gradient(weights, norm2_, dn, a.middle, a.inverse_rms2);
  return rms_norm_backward(dn, a.middle, weights.weight(norm2_), a.inverse_rms2, grad_output);
}

// Back to the projections' results: gradients of q, k and v as the linear layers gave them.
AttentionGradients DecoderBlock::backward_attention(const WeightSlots& weights,
                                                    const at::Tensor& d_middle, const Batch& batch,
                                                    Activations& a) const {
  at::Tensor d_out;
  const at::Tensor d_low = linears_[kOutput].input_gradient(weights, d_middle, batch, d_out);
  linears_[kOutput].weight_gradients(weights, d_middle, flat(a.attention.out), a.low[kOutput],
                                     d_low, batch);
  AttentionGradients d = attention_backward(d_out, a.q, a.k, a.v, a.attention, mask(batch));
  const RopeAngles angles = rope_->angles(longest_document(batch), d_out.device());
  rope_backward_(d.dq, batch.positions, angles);
  rope_backward_(d.dk, batch.positions, angles);
  if (query_norm_ >= 0) {
    norm_weight_gradient(weights, query_norm_, d.dq, a.raw_q, a.inverse_rms_q);
    norm_weight_gradient(weights, key_norm_, d.dk, a.raw_k, a.inverse_rms_k);
    d.dq = rms_norm_backward(d.dq, a.raw_q, weights.weight(query_norm_), a.inverse_rms_q);
    d.dk = rms_norm_backward(d.dk, a.raw_k, weights.weight(key_norm_), a.inverse_rms_k);
  }
  return d;
}

// The gradient of norm1's result, or an undefined tensor when nobody needs it.
at::Tensor DecoderBlock::backward_projections(const WeightSlots& weights, const at::Tensor& x,
                                              const AttentionGradients& d, const Batch& batch,
                                              const Activations& a, bool need_dn) const {
  const at::Tensor n = norm(weights, norm1_, x, a.inverse_rms1);
  at::Tensor dn;
  for (const auto& [linear, heads] :
       {std::pair{kQuery, &d.dq}, std::pair{kKey, &d.dk}, std::pair{kValue, &d.dv}}) {
    const at::Tensor dy = flat(*heads);
    const at::Tensor low = need_dn ? linears_[linear].input_gradient(weights, dy, batch, dn)
                                   : linears_[linear].low_gradient(weights, dy, batch);
    linears_[linear].weight_gradients(weights, dy, n, a.low[linear], low, batch);
  }
  return dn;
}

}  // namespace temper
