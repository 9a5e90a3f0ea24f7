#include "arch/activation_memory.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "arch/layout/model_plan.h"
#include "arch/layout/working_memory.h"
#include "arch/parameters.h"

namespace temper {
namespace {

constexpr int64_t kFloatBytes = 4;
constexpr int64_t kIndexBytes = 8;

// Bytes that are alive, and their most so far.
class Ledger {
 public:
  explicit Ledger(int64_t number_bytes) : number_bytes_(number_bytes) {}
  // Elements of the type that computes.
  void take(int64_t elements) { take_bytes(elements * number_bytes_); }
  void give(int64_t elements) { live_ -= elements * number_bytes_; }
  // Elements that are fp32 whatever computes.
  void take_floats(int64_t elements) { take_bytes(elements * kFloatBytes); }
  void give_floats(int64_t elements) { live_ -= elements * kFloatBytes; }
  void take_bytes(int64_t bytes) {
    live_ += bytes;
    peak_ = std::max(peak_, live_);
  }
  void give_bytes(int64_t bytes) { live_ -= bytes; }
  // What exists for the length of one call only.
  void pass(int64_t elements) {
    take(elements);
    give(elements);
  }
  void pass_floats(int64_t elements) {
    take_floats(elements);
    give_floats(elements);
  }
  int64_t peak() const { return peak_; }

 private:
  int64_t number_bytes_;
  int64_t live_ = 0;
  int64_t peak_ = 0;
};

// One linear layer of a block: y [T, out] = x [T, in] W^T, perhaps with an adapter of rank r.
struct LinearSize {
  int64_t in = 0, out = 0;
  int64_t r = 0;  // 0: not adapted
};

enum Linear { kQuery, kKey, kValue, kOutput, kGate, kUp, kDown, kNumLinears };

// A block of model/decoder_block.cpp; members and locals have its names.
struct BlockWalk {
  int64_t t;                 // tokens
  int64_t scratch;           // of attention's forward, on all threads
  int64_t gradient_scratch;  // of its backward
  int64_t hidden, q, kv, inner, heads, kv_heads;
  bool qk_norm;
  bool dropout;  // of the adapters' inputs
  std::array<LinearSize, kNumLinears> linears;

  // What the linear's adapter adds to a forward: the dropped input for a moment, and `low`.
  void adapter_forward(Ledger& m, Linear linear) const {
    const LinearSize& size = linears[linear];
    if (size.r == 0) return;
    if (dropout) m.take(t * size.in);
    m.take(t * size.r);
    if (dropout) m.give(t * size.in);
  }

  // Returns what stays of `input_gradient` besides dx: d_low.
  int64_t adapter_input_gradient(Ledger& m, Linear linear) const {
    const LinearSize& size = linears[linear];
    if (size.r == 0) return 0;
    m.take(t * size.r);
    if (dropout) m.pass(2 * t * size.in);
    return t * size.r;
  }

  void adapter_weight_gradients(Ledger& m, Linear linear, bool trains) const {
    if (trains && dropout && linears[linear].r > 0) m.pass(t * linears[linear].in);
  }

  int64_t low_elements() const {
    int64_t sum = 0;
    for (const LinearSize& linear : linears) sum += t * linear.r;
    return sum;
  }
  // Besides gate and up, which a backward gives back early.
  void give_members(Ledger& m) const {
    m.give_floats(2 * t + t * heads);  // inverse_rms1, inverse_rms2, logsumexp
    if (qk_norm) m.give_floats(t * (heads + kv_heads));
    m.give((qk_norm ? t * (q + kv) : 0) + t * (q + 2 * kv + q + hidden) + low_elements());
  }

  // x is alive; afterwards y is, too, and with `keep` what backward needs.
  void forward(Ledger& m, bool keep) const {
    m.take_floats(t);    // inverse_rms1
    m.take(t * hidden);  // n
    for (const Linear linear : {kQuery, kKey, kValue}) {
      adapter_forward(m, linear);
      m.take(t * linears[linear].out);
    }
    if (qk_norm) {
      m.take_floats(t * (heads + kv_heads));
      m.take(t * (q + kv));
    }
    m.give(t * hidden);
    m.take(t * q);             // attention.out
    m.take_floats(t * heads);  // attention.logsumexp
    m.pass_floats(scratch);
    adapter_forward(m, kOutput);
    m.take(t * hidden);  // middle
    m.take_floats(t);    // inverse_rms2
    m.take(t * hidden);  // n
    for (const Linear linear : {kGate, kUp}) {
      adapter_forward(m, linear);
      m.take(t * inner);
    }
    m.take(t * inner);  // swiglu
    adapter_forward(m, kDown);
    m.take(t * hidden);  // y
    m.give(t * (inner + hidden));
    if (keep) return;
    give_members(m);
    m.give(2 * t * inner);
  }

  // Alive before: x, grad_output and what forward kept; after: x, grad_output and, with need_dx,
  // dx.
  void backward(Ledger& m, bool need_dx, bool need_dn, bool adapters_train) const {
    feed_forward(m, adapters_train);
    // backward_attention: d_out, then the gradients of q, k and v.
    m.take(t * q);
    const int64_t low = adapter_input_gradient(m, kOutput);
    adapter_weight_gradients(m, kOutput, adapters_train);
    m.take(t * (q + 2 * kv));
    m.pass_floats(gradient_scratch);
    if (qk_norm) {
      m.pass(t * q);
      m.pass(t * kv);
    }
    m.give(t * q + low);
    projections(m, need_dn, adapters_train);
    if (need_dx) m.take(t * hidden);
    m.give(t * ((need_dn ? hidden : 0) + q + 2 * kv + hidden));
    give_members(m);
  }

  // Leaves d_middle; gate and up are gone.
  void feed_forward(Ledger& m, bool adapters_train) const {
    m.take(t * inner);  // activation
    const int64_t low = adapter_input_gradient(m, kDown);
    adapter_weight_gradients(m, kDown, adapters_train);
    m.give(t * inner);
    m.take(2 * t * hidden);  // n, dn
    for (const Linear linear : {kGate, kUp}) {
      const int64_t its_low = adapter_input_gradient(m, linear);
      adapter_weight_gradients(m, linear, adapters_train);
      m.give(t * inner + its_low);
    }
    m.take(t * hidden);  // d_middle
    m.give(2 * t * hidden + low);
  }

  void projections(Ledger& m, bool need_dn, bool adapters_train) const {
    m.take(t * hidden);  // n
    if (need_dn) m.take(t * hidden);
    for (const Linear linear : {kQuery, kKey, kValue}) {
      int64_t low = 0;
      if (need_dn) {
        low = adapter_input_gradient(m, linear);
      } else if (adapters_train && linears[linear].r > 0) {
        low = t * linears[linear].r;
        m.take(low);
      }
      adapter_weight_gradients(m, linear, adapters_train);
      m.give(low);
    }
    m.give(t * hidden);
  }
};

BlockWalk block_walk(const ModelConfig& config, const LoraConfig* lora, bool training,
                     int64_t layer, const MicroBatchSize& batch) {
  const int64_t scratch =
      batch.on_gpu ? 0 : batch.threads * attention_forward_scratch(config.head_dim);
  // Flash attention's backward adds up the queries' gradient in fp32; the CPU's has one number of
  // each row.
  const int64_t gradient_scratch =
      batch.on_gpu ? batch.tokens * config.query_size()
                   : batch.tokens * config.num_heads +
                         batch.threads * attention_backward_scratch(config.head_dim);
  BlockWalk walk{batch.tokens,
                 scratch,
                 gradient_scratch,
                 config.hidden_size,
                 config.query_size(),
                 config.key_value_size(),
                 config.intermediate_size,
                 config.num_heads,
                 config.num_kv_heads,
                 config.qk_norm,
                 training && lora != nullptr && lora->dropout > 0.0,
                 {}};
  const int64_t hidden = walk.hidden, inner = walk.inner;
  const std::array<std::pair<int64_t, int64_t>, kNumLinears> sizes = {{{hidden, walk.q},
                                                                       {hidden, walk.kv},
                                                                       {hidden, walk.kv},
                                                                       {walk.q, hidden},
                                                                       {hidden, inner},
                                                                       {hidden, inner},
                                                                       {inner, hidden}}};
  const std::vector<std::string> modules = linear_modules(config, layer);
  for (size_t i = 0; i < kNumLinears; ++i) {
    const bool adapted = lora != nullptr && lora->targets(modules[i]);
    walk.linears[i] = {sizes[i].first, sizes[i].second, adapted ? lora->rank(modules[i]) : 0};
  }
  return walk;
}

// The head of model/head_stage.cpp.
struct HeadWalk {
  int64_t t, n, hidden, vocab;  // n: supervised rows
  bool on_gpu;
  bool narrow;  // computes in another type than fp32
  bool trains;

  int64_t row_elements() const { return n * hidden; }
  int64_t chunk_rows() const {
    return std::min(n,
                    on_gpu ? gpu_cross_entropy_chunk_rows(vocab) : cross_entropy_chunk_rows(vocab));
  }
  // Logits of a chunk, which stay from one micro-batch to the next.
  int64_t workspace() const { return chunk_rows() * vocab; }
  void take_rows(Ledger& m) const {
    m.take_bytes(n * kIndexBytes);
    m.take(row_elements());
    m.take_bytes(n * kIndexBytes);
  }
  void give_rows(Ledger& m) const {
    m.give(row_elements());
    m.give_bytes(2 * n * kIndexBytes);
  }

  void forward(Ledger& m, bool keep) const {
    take_rows(m);
    m.take_floats(n);                         // inverse
    m.take(row_elements());                   // normed
    if (keep) m.take(row_elements());         // the gradient of normed
    if (on_gpu) m.take_floats(chunk_rows());  // logsumexp
    if (keep && narrow) {
      m.take(workspace());                                            // the gradient of the logits
      if (trains && chunk_rows() < n) m.pass_floats(vocab * hidden);  // a chunk's share of dw
      m.give(workspace());
    }
    if (on_gpu) m.give_floats(chunk_rows());
    m.give(row_elements());
    if (!keep) m.give_floats(n);
    give_rows(m);
  }

  // Leaves the gradient of the stage's input.
  void backward(Ledger& m) const {
    take_rows(m);
    m.take(row_elements());
    m.take(t * hidden);
    m.give(2 * row_elements());
    m.give_floats(n);
    give_rows(m);
  }
};

HeadWalk head_walk(const ModelConfig& config, bool trains, const MicroBatchSize& batch) {
  return {batch.tokens,
          batch.targets,
          config.hidden_size,
          config.vocab_size,
          batch.on_gpu,
          batch.number_bytes != kFloatBytes,
          trains};
}

}  // namespace

int64_t training_activation_bytes(const ModelConfig& config, const LoraConfig* lora,
                                  Training training, const ShardingOptions& options,
                                  const MicroBatchSize& batch) {
  const std::vector<std::vector<WeightSlot>> slots = decoder_slots(config, lora, training);
  const int64_t first = plan_model(slots).first_trainable_stage;
  const int64_t last = config.num_layers + 1, t = batch.tokens, hidden = config.hidden_size;
  const bool head_trains =
      training == Training::kFull ||
      (lora != nullptr &&
       lora->saves(config.tie_word_embeddings ? "model.embed_tokens.weight" : "lm_head.weight"));
  const HeadWalk head = head_walk(config, head_trains, batch);
  const auto block = [&](int64_t stage) {
    return block_walk(config, lora, true, stage - 1, batch);
  };
  Ledger m(batch.number_bytes);
  m.take_floats(head.workspace());
  m.take(t * hidden);  // the embedding's result
  for (int64_t stage = 1; stage < last; ++stage) {
    const bool has_backward = stage >= first;
    block(stage).forward(m, has_backward && !options.recomputes(stage, last + 1));
    if (!has_backward) m.give(t * hidden);  // x, which nobody needs again
  }
  head.forward(m, true);
  head.backward(m);
  m.give(t * hidden);  // the head's input
  for (int64_t stage = last - 1; stage >= std::max<int64_t>(first, 1); --stage) {
    const BlockWalk walk = block(stage);
    if (options.recomputes(stage, last + 1)) {
      walk.forward(m, true);
      m.give(t * hidden);  // y, again
    }
    const bool need_dx = stage > first;
    const bool norm_trains = training == Training::kFull;
    walk.backward(m, need_dx, need_dx || norm_trains, training == Training::kLora);
    m.give(2 * t * hidden);  // grad_output and x
  }
  return m.peak();
}

int64_t evaluation_activation_bytes(const ModelConfig& config, const LoraConfig* lora,
                                    const MicroBatchSize& batch) {
  const HeadWalk head = head_walk(config, false, batch);
  Ledger m(batch.number_bytes);
  m.take_floats(head.workspace());
  m.take(batch.tokens * config.hidden_size);
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    block_walk(config, lora, false, layer, batch).forward(m, false);
    m.give(batch.tokens * config.hidden_size);
  }
  head.forward(m, false);
  return m.peak();
}

}  // namespace temper
