#include <array>
#include <vector>

#include "kernels/cpu/attention_cpu.h"

namespace temper {
namespace {

// One worker adds to a document's key head alone, so that dk and dv are summed in one order.
template <typename Products>
class BackwardWorker {
 public:
  BackwardWorker(const at::Tensor& d_out, const at::Tensor& q, const at::Tensor& k,
                 const at::Tensor& v, const AttentionOutput& forward, const at::Tensor& delta,
                 const AttentionShape& shape, AttentionGradients& gradients)
      : d_out_(d_out),
        q_(q),
        k_(k),
        v_(v),
        forward_(forward),
        delta_(delta),
        shape_(shape),
        gradients_(gradients) {}

  void run(const AttentionDocument& document, int64_t kv_head) {
    document_ = &document;
    for_each_piece({document.key_begin, document.key_end}, kBlocks.keys, [&](Span keys) {
      hold_keys(kv_head, keys);
      for (int64_t g = 0; g < shape_.group(); ++g) {
        for_each_piece({document.query_begin, document.query_end}, kBlocks.queries,
                       [&](Span queries) {
                         if (visible(document, queries, shape_.window, keys).size() == 0) return;
                         run_block(kv_head * shape_.group() + g, queries);
                       });
      }
    });
  }

 private:
  static constexpr AttentionBlocks kBlocks = Products::kBlocks;

  void hold_keys(int64_t kv_head, Span keys) {
    keys_ = keys;
    const Slice k = head_rows(k_, kv_head, keys), v = head_rows(v_, kv_head, keys);
    transposed_keys_ = Products::hold_transposed(k, transposed_keys_memory_);
    transposed_values_ = Products::hold_transposed(v, transposed_values_memory_);
    key_rows_ = Products::hold_rows(k, key_memory_);
    dk_ = head_rows(gradients_.dk, kv_head, keys);
    dv_ = head_rows(gradients_.dv, kv_head, keys);
  }

  void run_block(int64_t head, Span queries) {
    const Slice q = Products::hold_rows(head_rows(q_, head, queries), query_memory_);
    const Slice d_out = Products::hold_rows(head_rows(d_out_, head, queries), d_out_memory_);
    for_each_piece({0, queries.size()}, kBlocks.strip, [&](Span rows) {
      const Span strip{queries.begin + rows.begin, queries.begin + rows.end};
      const Span see = visible(*document_, strip, shape_.window, keys_);
      if (see.size() == 0) return;
      const Slice p = p_.slice_rows(rows), ds = ds_.slice_rows(rows);
      Products::multiply_by_transposed(q.slice_rows(rows), transposed_keys_, see, p);
      Products::multiply_by_transposed(d_out.slice_rows(rows), transposed_values_, see, ds);
      softmax(head, strip, see, p, ds);
      Products::multiply(ds.slice({0, rows.size()}, see), key_rows_.slice_rows(see),
                         head_rows(gradients_.dq, head, strip), true);
    });
    for_each_piece({0, keys_.size()}, kBlocks.key_strip, [&](Span columns) {
      const Span rows = seeing(queries, columns);
      if (rows.size() == 0) return;
      Products::add_transposed_product(p_.slice(rows, columns), d_out.slice_rows(rows),
                                       dv_.slice_rows(columns));
      Products::add_transposed_product(ds_.slice(rows, columns), q.slice_rows(rows),
                                       dk_.slice_rows(columns));
    });
  }

  // Scores become probabilities, and their gradients those of the scores; zero in what a row does
  // not see of the strips of keys that a row of the strip sees.
  void softmax(int64_t head, Span strip, Span see, const Slice& p, const Slice& ds) {
    constexpr int64_t kStrip = kBlocks.key_strip;
    const Span columns{see.begin / kStrip * kStrip,
                       std::min((see.end + kStrip - 1) / kStrip * kStrip, keys_.size())};
    const int64_t first = head * q_.size(0) + strip.begin;
    const float* logsumexp = forward_.logsumexp.template const_data_ptr<float>() + first;
    const float* delta = delta_.template const_data_ptr<float>() + first;
    softmax_backward_strip(score_strip(*document_, strip, shape_.window, keys_, columns, p),
                           ds.data() + columns.begin, shape_.scale, logsumexp, delta);
  }

  // The rows of the block's strips of queries that see any of the keys, counted from the first.
  Span seeing(Span queries, Span columns) const {
    const Span keys{keys_.begin + columns.begin, keys_.begin + columns.end};
    Span rows{queries.size(), 0};
    for_each_piece({0, queries.size()}, kBlocks.strip, [&](Span strip) {
      const Span its{queries.begin + strip.begin, queries.begin + strip.end};
      if (visible(*document_, its, shape_.window, keys).size() == 0) return;
      rows = {std::min(rows.begin, strip.begin), strip.end};
    });
    return rows.begin < rows.end ? rows : Span{};
  }

  Slice take_rows(int64_t rows) {
    return scratch_.take(rows, attention_row_stride(shape_.head_dim));
  }
  Slice take_scores() { return scratch_.take(kBlocks.queries, attention_row_stride(kBlocks.keys)); }

  const at::Tensor& d_out_;
  const at::Tensor& q_;
  const at::Tensor& k_;
  const at::Tensor& v_;
  const AttentionOutput& forward_;
  const at::Tensor& delta_;
  const AttentionShape& shape_;
  AttentionGradients& gradients_;
  Scratch scratch_{at::empty({attention_backward_scratch(shape_.head_dim)}, q_.options())};
  Slice p_ = take_scores(), ds_ = take_scores();
  Slice transposed_keys_memory_ = scratch_.take(kBlocks.keys, shape_.head_dim);
  Slice transposed_values_memory_ = scratch_.take(kBlocks.keys, shape_.head_dim);
  Slice key_memory_ = take_rows(kBlocks.keys);
  Slice query_memory_ = take_rows(kBlocks.queries);
  Slice d_out_memory_ = take_rows(kBlocks.queries);

  // The block of keys that is held.
  const AttentionDocument* document_ = nullptr;
  Span keys_;
  Slice transposed_keys_, transposed_values_, key_rows_, dk_, dv_;
};

// Sums d_out x out over each row: [num_heads, T]. The softmax's gradient needs the sum over a whole
// row of p x dp, which equals this and so is known before the row's blocks are.
at::Tensor sums_of_products(const at::Tensor& d_out, const at::Tensor& out) {
  const int64_t tokens = out.size(0), heads = out.size(1), dim = out.size(2);
  at::Tensor sums = at::empty({heads, tokens}, out.options());
  const float* a = d_out.const_data_ptr<float>();
  const float* b = out.const_data_ptr<float>();
  float* sum = sums.data_ptr<float>();
  at::parallel_for(0, tokens, 64, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      for (int64_t head = 0; head < heads; ++head) {
        const int64_t at = (t * heads + head) * dim;
        sum[head * tokens + t] = dot_row(a + at, b + at, dim);
      }
    }
  });
  return sums;
}

template <typename Products>
void backward(const at::Tensor& d_out, const at::Tensor& q, const at::Tensor& k,
              const at::Tensor& v, const AttentionOutput& forward,
              const std::vector<AttentionDocument>& documents, const AttentionShape& shape,
              AttentionGradients& gradients) {
  const int64_t heads = shape.num_kv_heads;
  const at::Tensor delta = sums_of_products(d_out, forward.out);
  // One task has a document and a key head with all its query heads: it alone adds to their dk and
  // dv, in a fixed order.
  for_each_task(static_cast<int64_t>(documents.size()) * heads, [&] {
    return [&, worker = BackwardWorker<Products>(d_out, q, k, v, forward, delta, shape, gradients)](
               int64_t task) mutable {
      worker.run(documents[static_cast<size_t>(task / heads)], task % heads);
    };
  });
}

}  // namespace

void attention_backward_cpu(const at::Tensor& d_out, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const AttentionOutput& forward,
                            const std::vector<AttentionDocument>& documents,
                            const AttentionShape& shape, AttentionGradients& gradients,
                            ProductsWay way) {
  if (way == ProductsWay::kTiles) {
    backward<TiledProducts>(d_out, q, k, v, forward, documents, shape, gradients);
  } else {
    backward<LibraryProducts>(d_out, q, k, v, forward, documents, shape, gradients);
  }
}

}  // namespace temper
