#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/cpu/attention_cpu.h"

namespace temper {
namespace {

// Queries of a task, as many as leave each thread a few tasks: a task holds its keys anew.
int64_t task_queries(int64_t tokens, int64_t kv_heads, int64_t strip) {
  const int64_t share = tokens * kv_heads / (4 * at::get_num_threads());
  return (std::clamp<int64_t>(share, 224, 2048) + strip - 1) / strip * strip;
}

// Queries of one document, for query heads that share a key head.
struct ForwardTask {
  const AttentionDocument* document;
  int64_t kv_head;
  Span heads;
  Span queries;
};

// The heads of a group share the keys that a task holds, where there are tasks enough without them.
std::vector<ForwardTask> forward_tasks(int64_t tokens,
                                       const std::vector<AttentionDocument>& documents,
                                       const AttentionShape& shape, int64_t strip) {
  const int64_t size = task_queries(tokens, shape.num_kv_heads, strip);
  const auto all = [&](int64_t heads_of_a_task) {
    std::vector<ForwardTask> tasks;
    for (const AttentionDocument& document : documents) {
      for_each_piece({0, shape.num_heads}, heads_of_a_task, [&](Span heads) {
        for_each_piece({document.query_begin, document.query_end}, size, [&](Span queries) {
          tasks.push_back({&document, heads.begin / shape.group(), heads, queries});
        });
      });
    }
    return tasks;
  };
  std::vector<ForwardTask> tasks = all(shape.group());
  const auto wanted = static_cast<size_t>(4 * at::get_num_threads());
  return tasks.size() < wanted ? all(1) : tasks;
}

// Blocks of keys are counted from the document's first and strips from its first query, so that a
// row's bits depend on neither the task nor the rest of the pack.
template <typename Products>
class ForwardWorker {
 public:
  ForwardWorker(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                const AttentionShape& shape, AttentionOutput& result)
      : q_(q), k_(k), v_(v), shape_(shape), result_(result) {}

  void run(const ForwardTask& task) {
    document_ = task.document;
    states_.assign(task.queries.size() * task.heads.size(),
                   {-std::numeric_limits<float>::infinity(), 0.0f});
    for_each_piece(key_blocks(task.queries), kBlocks.forward_keys, [&](Span keys) {
      hold_keys(task.kv_head, keys);
      SoftmaxState* states = states_.data();
      for (int64_t head = task.heads.begin; head < task.heads.end; ++head) {
        for_each_piece(task.queries, kBlocks.strip, [&](Span strip) {
          run_strip(head, strip, states);
          states += strip.size();
        });
      }
    });
  }

 private:
  static constexpr AttentionBlocks kBlocks = Products::kBlocks;

  // From the first whole block that any of the queries sees.
  Span key_blocks(Span queries) const {
    const int64_t begin = document_->key_begin;
    const int64_t first = document_->first_key(queries.begin, shape_.window) - begin;
    return {begin + first / kBlocks.forward_keys * kBlocks.forward_keys,
            document_->level(queries.end - 1) + 1};
  }

  void hold_keys(int64_t kv_head, Span keys) {
    keys_ = keys;
    held_keys_ = Products::hold_transposed(head_rows(k_, kv_head, keys), keys_memory_);
    held_values_ = Products::hold_rows(head_rows(v_, kv_head, keys), values_memory_);
  }

  // Adds what the keys give that are held.
  void run_strip(int64_t head, Span strip, SoftmaxState* states) {
    const Span see = visible(*document_, strip, shape_.window, keys_);
    if (see.size() == 0) return;
    const Slice queries = Products::hold_rows(head_rows(q_, head, strip), query_memory_);
    Products::multiply_by_transposed(queries, held_keys_, see, scores_);
    std::array<float, kBlocks.strip> factors;
    softmax_strip(score_strip(*document_, strip, shape_.window, keys_, see, scores_), shape_.scale,
                  states, factors.data());
    const Slice out = head_rows(result_.out, head, strip);
    const bool is_first = document_->first_key(strip.begin, shape_.window) >= keys_.begin;
    for (int64_t i = 0; i < strip.size() && !is_first; ++i) {
      if (factors[i] != 1.0f) scale_row(out.row(i), shape_.head_dim, factors[i]);
    }
    Products::multiply(scores_.slice({0, strip.size()}, see), held_values_.slice_rows(see), out,
                       !is_first);
    const bool is_last = document_->level(strip.end - 1) < keys_.end;
    if (is_last) finish_strip(head, strip, out, states);
  }

  void finish_strip(int64_t head, Span strip, const Slice& out, const SoftmaxState* states) {
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

  const AttentionDocument* document_ = nullptr;
  std::vector<SoftmaxState> states_;  // of the task's rows, head by head
  Span keys_;                         // that are held
  Slice held_keys_, held_values_;
};

template <typename Products>
void forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
             const std::vector<AttentionDocument>& documents, const AttentionShape& shape,
             AttentionOutput& result) {
  const std::vector<ForwardTask> tasks =
      forward_tasks(q.size(0), documents, shape, Products::kBlocks.strip);
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
