#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/attention_cpu.h"

namespace temper {
namespace {

// Queries of a task: enough for the keys it holds to be used often, few enough that a long document
// has work for many threads.
constexpr int64_t kTaskQueries = 448;

// Queries of one document, for all query heads that share a key head.
struct ForwardTask {
  const AttentionDocument* document;
  int64_t kv_head;
  Span queries;
};

// Blocks of keys are counted from the document's first and strips from its first query, so that a
// row's bits depend on neither the task nor the rest of the pack.
template <typename Products>
class ForwardWorker {
 public:
  ForwardWorker(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                const AttentionShape& shape, AttentionOutput& result)
      : q_(q), k_(k), v_(v), shape_(shape), result_(result) {}

  void run(const ForwardTask& task) {
    states_.assign(task.queries.size() * shape_.group(),
                   {-std::numeric_limits<float>::infinity(), 0.0f});
    const Span all = key_blocks(*task.document, task.queries, shape_.window, kBlocks.forward_keys);
    for_each_piece(all, kBlocks.forward_keys, [&](Span keys) {
      const Slice held_keys =
          Products::hold_transposed(head_rows(k_, task.kv_head, keys), keys_memory_);
      const Slice held_values =
          Products::hold_rows(head_rows(v_, task.kv_head, keys), values_memory_);
      for_each_strip(task, [&](int64_t head, Span strip, SoftmaxState* states) {
        const Span see = visible(*task.document, strip, shape_.window, keys);
        if (see.size() == 0) return;
        run_strip(task, head, strip, keys, see, held_keys, held_values, states);
        if (task.document->level(strip.end - 1) < keys.end) finish_strip(head, strip, states);
      });
    });
  }

 private:
  static constexpr AttentionBlocks kBlocks = Products::kBlocks;

  template <typename Function>
  void for_each_strip(const ForwardTask& task, Function&& function) {
    SoftmaxState* states = states_.data();
    for (int64_t g = 0; g < shape_.group(); ++g) {
      for_each_piece(task.queries, kBlocks.strip, [&](Span strip) {
        function(task.kv_head * shape_.group() + g, strip, states);
        states += strip.size();
      });
    }
  }

  // Adds what the keys [see.begin, see.end) of the block give.
  void run_strip(const ForwardTask& task, int64_t head, Span strip, Span keys, Span see,
                 const Slice& held_keys, const Slice& held_values, SoftmaxState* states) {
    const AttentionDocument& document = *task.document;
    const Slice queries = Products::hold_rows(head_rows(q_, head, strip), query_memory_);
    Products::multiply_by_transposed(queries, held_keys, see, scores_);
    const Slice out = head_rows(result_.out, head, strip);
    const bool is_first = document.first_key(strip.begin, shape_.window) >= keys.begin;
    std::array<float, kBlocks.strip> factors;
    softmax_strip(score_strip(document, strip, shape_.window, keys, see, scores_), shape_.scale,
                  states, factors.data());
    for (int64_t i = 0; i < strip.size() && !is_first; ++i) {
      if (factors[i] != 1.0f) scale_row(out.row(i), shape_.head_dim, factors[i]);
    }
    Products::multiply(scores_.slice({0, strip.size()}, see), held_values.slice_rows(see), out,
                       !is_first);
  }

  void finish_strip(int64_t head, Span strip, const SoftmaxState* states) {
    const Slice out = head_rows(result_.out, head, strip);
    float* logsumexp = result_.logsumexp.data_ptr<float>() + head * q_.size(0) + strip.begin;
    for (int64_t i = 0; i < strip.size(); ++i) {
      scale_row(out.row(i), shape_.head_dim, 1.0f / states[i].sum);
      logsumexp[i] = states[i].max + std::log(states[i].sum);
    }
  }

  static void scale_row(float* row, int64_t n, float factor) {
    for (int64_t i = 0; i < n; ++i) row[i] *= factor;
  }

  const at::Tensor& q_;
  const at::Tensor& k_;
  const at::Tensor& v_;
  const AttentionShape& shape_;
  AttentionOutput& result_;
  Scratch scratch_{at::empty({attention_forward_scratch(shape_.head_dim)}, q_.options())};
  Slice scores_ = scratch_.take(kBlocks.strip, attention_row_stride(kBlocks.forward_keys));
  Slice keys_memory_ = scratch_.take(kBlocks.forward_keys, shape_.head_dim);
  Slice values_memory_ = scratch_.take(kBlocks.forward_keys, attention_row_stride(shape_.head_dim));
  Slice query_memory_ = scratch_.take(kBlocks.strip, attention_row_stride(shape_.head_dim));
  std::vector<SoftmaxState> states_;
};

template <typename Products>
void forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
             const std::vector<AttentionDocument>& documents, const AttentionShape& shape,
             AttentionOutput& result) {
  std::vector<ForwardTask> tasks;
  constexpr int64_t kStrip = Products::kBlocks.strip;
  constexpr int64_t kQueries = (kTaskQueries + kStrip - 1) / kStrip * kStrip;
  for (const AttentionDocument& document : documents) {
    for (int64_t kv_head = 0; kv_head < shape.num_kv_heads; ++kv_head) {
      for_each_piece({document.query_begin, document.query_end}, kQueries, [&](Span queries) {
        tasks.push_back({&document, kv_head, queries});
      });
    }
  }
  for_each_task(static_cast<int64_t>(tasks.size()), [&] {
    return [&, worker = ForwardWorker<Products>(q, k, v, shape, result)](int64_t i) mutable {
      worker.run(tasks[static_cast<size_t>(i)]);
    };
  });
}

}  // namespace

void attention_forward_cpu(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const std::vector<AttentionDocument>& documents,
                           const AttentionShape& shape, AttentionOutput& result, ProductsWay way) {
  if (way == ProductsWay::kTiles) {
    forward<TiledProducts>(q, k, v, documents, shape, result);
  } else {
    forward<LibraryProducts>(q, k, v, documents, shape, result);
  }
}

}  // namespace temper
