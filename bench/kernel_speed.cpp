// temper-bench-kernels: each kernel of a step, at the shapes of compare_peers.py's model (2,048
// tokens, hidden 512, intermediate 1408, 8 of 4 heads, vocabulary 32,000), on one thread, beside
// the machine's limits measured in the same run: fp32 matrix products for what computes, STREAM's
// triad for what moves memory. Medians; a Markdown table. With an argument, only the kernels whose
// names contain it.
//
// Bytes are those that must move: inputs read once, outputs written once. A share above one means
// that caches helped.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "kernels/adamw.h"
#include "kernels/attention.h"
#include "kernels/dropout.h"
#include "kernels/embedding.h"
#include "kernels/linear.h"
#include "kernels/linear_cross_entropy.h"
#include "kernels/lora_linear.h"
#include "kernels/rms_norm.h"
#include "kernels/rope.h"
#include "kernels/swiglu.h"

namespace temper {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kTokens = 2048, kSequence = 512, kHidden = 512, kIntermediate = 1408;
constexpr int64_t kHeads = 8, kKvHeads = 4, kHeadDim = 64, kVocabulary = 32000, kRank = 16;
constexpr int kRepetitions = 15;

struct Kernel {
  std::string name;
  std::function<void()> run;
  double flops = 0.0;  // 0: memory is its limit
  double bytes = 0.0;
  std::function<void()> before = {};  // not timed
  std::vector<double> seconds = {};

  double median() {
    std::sort(seconds.begin(), seconds.end());
    return seconds[seconds.size() / 2];
  }
};

double bytes_of(double floats) {
  return floats * sizeof(float);
}

at::Tensor random(at::IntArrayRef shape) {
  return at::randn(shape, at::kFloat) * 0.1;
}

class Step {
 public:
  std::vector<Kernel> kernels() {
    std::vector<Kernel> all = limits();
    for (auto part : {projections(), lora(), block(), ends()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }

 private:
  std::vector<Kernel> limits() {
    return {{"limit: product 2048 x 512 x 1408", [this] { at::mm_out(wide_, x_, up_.t()); },
             2.0 * kTokens * kHidden * kIntermediate},
            {"limit: triad", [this] { at::add_out(triad_a_, triad_b_, triad_c_, 3.0); }, 0.0,
             bytes_of(3.0 * static_cast<double>(triad_a_.numel()))}};
  }

  std::vector<Kernel> projections() {
    const double flops = 2.0 * kTokens * kHidden * kIntermediate;
    return {
        {"linear, forward", [this] { linear_forward(x_, up_); }, flops},
        {"linear, input gradient",
         [this] {
           at::Tensor dx;
           linear_input_gradient(wide_, up_, dx);
         },
         flops},
        {"linear, weight gradient", [this] { linear_weight_gradient(wide_, x_, d_up_); }, flops}};
  }

  std::vector<Kernel> lora() {
    const double flops = 2.0 * kTokens * kRank;
    const double base = 2.0 * kTokens * kHidden * kIntermediate;
    return {{"LoRA linear, forward",
             [this] { linear_forward(x_, up_, {}, lora_factors(lora_low(x_, term_), term_)); },
             base + flops * (kHidden + kIntermediate)},
            {"LoRA linear, input gradient",
             [this] {
               at::Tensor dx;
               lora_linear_input_gradient(wide_, up_, lora_low_gradient(wide_, term_), term_, dx);
             },
             base + flops * (kHidden + kIntermediate)},
            {"LoRA term, weight gradients",
             [this] { lora_weight_gradients(wide_, x_, low_, low_, term_, d_a_, d_b_); },
             flops * (kHidden + kIntermediate)}};
  }

  std::vector<Kernel> block() {
    // A causal mask leaves half of the products.
    const double pairs = 0.5 * kTokens * kSequence;
    const double flops = 2.0 * pairs * kHeads * kHeadDim;
    const double hidden = kTokens * kHidden, wide = kTokens * kIntermediate;
    return {
        {"attention, forward", [this] { attention(q_, k_, v_, mask_); }, 2 * flops},
        {"attention, backward (5 products)",
         [this] { attention_backward(d_out_, q_, k_, v_, attended_, mask_); }, 5 * flops},
        {"RMSNorm, forward", [this] { rms_norm(x_, norm_, inverse_rms(x_, 1e-5)); }, 0.0,
         bytes_of(3 * hidden)},
        {"RMSNorm, backward with residual", [this] { rms_norm_backward(dx_, x_, norm_, rms_, x_); },
         0.0, bytes_of(4 * hidden)},
        {"RoPE of queries", [this] { rope_(q_, positions_, angles_); }, 0.0, bytes_of(2 * hidden)},
        {"SwiGLU, forward", [this] { swiglu(gate_, wide_); }, 0.0, bytes_of(3 * wide)},
        {"SwiGLU, backward", [this] { swiglu_backward_(gate_, wide_, d_wide_); }, 0.0,
         bytes_of(6 * wide),
         [this] {
           for (const at::Tensor& tensor : {gate_, wide_, d_wide_}) tensor.normal_();
         }},
        {"dropout", [this] { dropout(x_, 0.05, DropoutKey{}); }, 0.0, bytes_of(2 * hidden)}};
  }

  std::vector<Kernel> ends() {
    const double product = 2.0 * kTokens * kHidden * kVocabulary;
    const auto n = static_cast<double>(triad_a_.numel());
    return {{"head and loss, gradients of both",
             [this] {
               LinearCrossEntropyGradients gradients{{}, d_head_};
               linear_cross_entropy(x_, head_, targets_, &gradients, logits_);
             },
             3 * product},
            {"head and loss, frozen weight",
             [this] {
               LinearCrossEntropyGradients gradients;
               linear_cross_entropy(x_, head_, targets_, &gradients, logits_);
             },
             2 * product},
            {"embedding, weight gradient",
             [this] { embedding_weight_gradient(dx_, targets_, d_head_); }, 0.0,
             bytes_of(kVocabulary * kHidden + kTokens * kHidden)},
            {"AdamW", [this] { adamw_update(triad_a_, triad_b_, triad_c_, second_moment_, {}); },
             0.0, bytes_of(7 * n)}};
  }

  at::Tensor x_ = random({kTokens, kHidden}), dx_ = random({kTokens, kHidden});
  at::Tensor wide_ = random({kTokens, kIntermediate}), gate_ = random({kTokens, kIntermediate});
  at::Tensor d_wide_ = random({kTokens, kIntermediate});
  at::Tensor up_ = random({kIntermediate, kHidden}), d_up_ = at::empty_like(up_);
  at::Tensor low_ = random({kTokens, kRank});
  LoraTerm term_{random({kRank, kHidden}), random({kIntermediate, kRank}), 2.0, 0.0, {}};
  at::Tensor d_a_ = at::empty_like(term_.a), d_b_ = at::empty_like(term_.b);
  at::Tensor q_ = random({kTokens, kHeads, kHeadDim});
  at::Tensor k_ = random({kTokens, kKvHeads, kHeadDim}), v_ = random({kTokens, kKvHeads, kHeadDim});
  at::Tensor d_out_ = random({kTokens, kHeads, kHeadDim});
  AttentionMask mask_{{0, 512, 1024, 1536, 2048}, {}};
  AttentionOutput attended_ = attention(q_, k_, v_, mask_);
  at::Tensor norm_ = random({kHidden}), rms_ = inverse_rms(x_, 1e-5);
  at::Tensor positions_ = at::arange(kTokens, at::kLong).remainder(kSequence);
  RopeAngles angles_ = rope_angles(std::vector<double>(kHeadDim / 2, 0.01), kSequence);
  at::Tensor head_ = random({kVocabulary, kHidden}), d_head_ = at::empty_like(head_);
  at::Tensor logits_;
  at::Tensor targets_ = at::randint(kVocabulary, {kTokens}, at::kLong);
  at::Tensor triad_a_ = random({1 << 24}), triad_b_ = random({1 << 24});
  at::Tensor triad_c_ = random({1 << 24}), second_moment_ = random({1 << 24}).abs_();
};

// The limits, and the kernels whose name contains `filter`.
void run(const std::string& filter) {
  at::set_num_threads(1);
  at::manual_seed(1);
  const at::NoGradGuard no_grad;
  Step step;
  std::vector<Kernel> kernels = step.kernels();
  kernels.erase(std::remove_if(kernels.begin() + 2, kernels.end(),
                               [&](const Kernel& kernel) {
                                 return kernel.name.find(filter) == std::string::npos;
                               }),
                kernels.end());
  for (int i = 0; i <= kRepetitions; ++i) {
    for (Kernel& kernel : kernels) {
      if (kernel.before) kernel.before();
      const auto start = Clock::now();
      kernel.run();
      if (i == 0) continue;  // touches the memory
      kernel.seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    }
  }
  const double flops_limit = kernels[0].flops / kernels[0].median();
  const double bytes_limit = kernels[1].bytes / kernels[1].median();
  fmt::print("products {:.1f} GFLOP/s, triad {:.1f} GB/s, one thread\n\n", flops_limit / 1e9,
             bytes_limit / 1e9);
  fmt::print("| kernel | ms | GFLOP/s | GB/s | of the limit |\n|---|---|---|---|---|\n");
  for (Kernel& kernel : kernels) {
    const double seconds = kernel.median();
    const bool computes = kernel.flops > 0.0;
    fmt::print(
        "| {} | {:.2f} | {} | {} | {:.2f} |\n", kernel.name, 1e3 * seconds,
        computes ? fmt::format("{:.1f}", kernel.flops / seconds / 1e9) : "",
        computes ? "" : fmt::format("{:.1f}", kernel.bytes / seconds / 1e9),
        computes ? kernel.flops / seconds / flops_limit : kernel.bytes / seconds / bytes_limit);
  }
}

}  // namespace
}  // namespace temper

int main(int argc, char** argv) {
  setenv("MKL_CBWR", "AUTO", /*overwrite=*/0);  // as temper-rank
  try {
    temper::run(argc > 1 ? argv[1] : "");
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
