#include "kernels/cuda/flash_attention.h"

#include <ATen/Context.h>
#include <ATen/cuda/CUDAContext.h>

#include <algorithm>
#include <optional>
#include <tuple>

namespace temper {
namespace {

constexpr int64_t kMaxHeadDim = 256;
constexpr int kOldestMajor = 8;  // compute capability

// The flag is a process's; it is put back when a call ends. Memory is not filled with NaN for it.
class DeterministicScope {
 public:
  DeterministicScope()
      : was_on_(at::globalContext().deterministicAlgorithms()),
        only_warned_(at::globalContext().deterministicAlgorithmsWarnOnly()),
        filled_(at::globalContext().deterministicFillUninitializedMemory()) {
    at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
    at::globalContext().setDeterministicFillUninitializedMemory(false);
  }
  ~DeterministicScope() {
    at::globalContext().setDeterministicAlgorithms(was_on_, only_warned_);
    at::globalContext().setDeterministicFillUninitializedMemory(filled_);
  }
  DeterministicScope(const DeterministicScope&) = delete;
  DeterministicScope& operator=(const DeterministicScope&) = delete;

 private:
  bool was_on_, only_warned_, filled_;
};

struct FlashArguments {
  at::Tensor cu_seqlens;  // [D + 1] int32 on the GPU
  int64_t longest = 0;
  std::optional<int64_t> left;  // keys before the query's own that it sees; none: all
};

FlashArguments arguments_of(const at::Tensor& q, const std::vector<AttentionDocument>& documents,
                            const AttentionShape& shape) {
  FlashArguments arguments;
  arguments.cu_seqlens = shape.cu_seqlens;
  std::vector<int32_t> ends = {0};
  for (const AttentionDocument& document : documents) {
    ends.push_back(static_cast<int32_t>(document.query_end));
    arguments.longest = std::max(arguments.longest, document.query_end - document.query_begin);
  }
  if (!arguments.cu_seqlens.defined()) {
    arguments.cu_seqlens = at::tensor(ends, at::kInt).to(q.device());
  }
  // ATen takes another path for queries of one token, with another layout of logsumexp.
  arguments.longest = std::max<int64_t>(arguments.longest, 2);
  if (shape.window < arguments.longest) arguments.left = shape.window - 1;
  return arguments;
}

}  // namespace

bool can_flash(const at::Tensor& q, const std::vector<AttentionDocument>& documents) {
  const bool has_type = q.scalar_type() == at::kBFloat16 || q.scalar_type() == at::kHalf;
  const bool has_shape = q.size(2) % 8 == 0 && q.size(2) <= kMaxHeadDim;
  if (!q.is_cuda() || !has_type || !has_shape) return false;
  const bool is_whole =
      std::all_of(documents.begin(), documents.end(), [](const AttentionDocument& document) {
        return document.query_begin == document.key_begin && document.query_end == document.key_end;
      });
  return is_whole && at::cuda::getDeviceProperties(q.get_device())->major >= kOldestMajor;
}

AttentionOutput flash_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                const std::vector<AttentionDocument>& documents,
                                const AttentionShape& shape) {
  const FlashArguments a = arguments_of(q, documents, shape);
  const auto result = at::_flash_attention_forward(
      q, k, v, a.cu_seqlens, a.cu_seqlens, a.longest, a.longest, /*dropout_p=*/0.0,
      /*is_causal=*/true, /*return_debug_mask=*/false, /*scale=*/shape.scale, a.left,
      /*window_size_right=*/std::nullopt);
  return {std::get<0>(result), std::get<1>(result)};
}

AttentionGradients flash_attention_backward(const at::Tensor& d_out, const at::Tensor& q,
                                            const at::Tensor& k, const at::Tensor& v,
                                            const AttentionOutput& forward,
                                            const std::vector<AttentionDocument>& documents,
                                            const AttentionShape& shape) {
  const FlashArguments a = arguments_of(q, documents, shape);
  // The state that forward would have drawn a dropout mask with; it is read only with dropout.
  const at::Tensor rng_state = at::zeros({2}, q.options().dtype(at::kUInt64));
  const at::Tensor unused = at::zeros({}, q.options().dtype(at::kUInt64));
  const DeterministicScope deterministic;
  auto [dq, dk, dv] = at::_flash_attention_backward(
      d_out, q, k, v, forward.out, forward.logsumexp, a.cu_seqlens, a.cu_seqlens, a.longest,
      a.longest, /*dropout_p=*/0.0, /*is_causal=*/true, rng_state, unused, /*scale=*/shape.scale,
      a.left, /*window_size_right=*/std::nullopt);
  return {dq.contiguous(), dk.contiguous(), dv.contiguous()};
}

}  // namespace temper
