#include <ATen/Parallel.h>

#include <array>
#include <cmath>
#include <limits>

#include "common/working_memory.h"
#include "kernels/attention_blocks.h"
#include "kernels/cpu/attention_decode_row.h"
#include "kernels/cpu/attention_rows.h"
#include "kernels/products.h"

namespace temper {
namespace {

constexpr int64_t kQueries = kAttentionQueries;
constexpr int64_t kKeys = kAttentionKeys;

// Rows [begin, end) of one head of x [T, heads, dim], as a matrix.
at::Tensor head_rows(const at::Tensor& x, int64_t head, int64_t begin, int64_t end) {
  const int64_t heads = x.size(1), dim = x.size(2);
  return x.as_strided({end - begin, dim}, {heads * dim, 1},
                      x.storage_offset() + (begin * heads + head) * dim);
}

// A rows x columns matrix at the start of the buffer.
at::Tensor scratch(const at::Tensor& buffer, int64_t rows, int64_t columns) {
  return buffer.as_strided({rows, columns}, {columns, 1});
}

// A block of queries of one head, and the keys that any of them sees.
struct QueryBlock {
  const AttentionDocument* document;
  int64_t head;
  int64_t begin;
  int64_t end;

  int64_t rows() const { return end - begin; }
  int64_t first_key(int64_t window) const { return document->first_key(begin, window); }
  int64_t last_key() const { return document->level(end - 1) + 1; }
};

// The columns of a block of keys [keys_begin, keys_end) that a query sees.
struct Visible {
  int64_t begin;
  int64_t end;
};

Visible visible(const AttentionDocument& document, int64_t query, int64_t window,
                int64_t keys_begin, int64_t keys_end) {
  const int64_t n = keys_end - keys_begin;
  const int64_t begin = document.first_key(query, window) - keys_begin;
  const int64_t end = document.level(query) + 1 - keys_begin;
  return {std::clamp<int64_t>(begin, 0, n), std::clamp<int64_t>(end, 0, n)};
}

void scale_row(float* row, int64_t n, float factor) {
  for (int64_t i = 0; i < n; ++i) row[i] *= factor;
}

void forward_block(const QueryBlock& block, const at::Tensor& q, const at::Tensor& k,
                   const at::Tensor& v, const AttentionShape& shape, const at::Tensor& buffer,
                   AttentionOutput& result) {
  const int64_t rows = block.rows(), dim = shape.head_dim, kv_head = block.head / shape.group();
  std::array<SoftmaxState, kQueries> states;
  states.fill({-std::numeric_limits<float>::infinity(), 0.0f});
  const at::Tensor q_rows = head_rows(q, block.head, block.begin, block.end);
  at::Tensor out_rows = head_rows(result.out, block.head, block.begin, block.end);
  float* out = out_rows.data_ptr<float>();
  const int64_t out_stride = shape.num_heads * dim;
  const int64_t first = block.first_key(shape.window), last = block.last_key();
  for (int64_t keys = first; keys < last; keys += kKeys) {
    const int64_t keys_end = std::min(keys + kKeys, last), n = keys_end - keys;
    at::Tensor scores = scratch(buffer, rows, n);
    product_out(scores, q_rows, head_rows(k, kv_head, keys, keys_end).t());
    float* score = scores.data_ptr<float>();
    for (int64_t i = 0; i < rows; ++i) {
      const Visible see = visible(*block.document, block.begin + i, shape.window, keys, keys_end);
      const float factor =
          softmax_row(score + i * n, n, see.begin, see.end, shape.scale, states[i]);
      if (keys != first && factor != 1.0f) scale_row(out + i * out_stride, dim, factor);
    }
    const at::Tensor v_rows = head_rows(v, kv_head, keys, keys_end);
    if (keys == first) {
      product_out(out_rows, scores, v_rows);
    } else {
      add_product_(out_rows, scores, v_rows);
    }
  }
  float* logsumexp = result.logsumexp.data_ptr<float>() + block.head * q.size(0) + block.begin;
  for (int64_t i = 0; i < rows; ++i) {
    scale_row(out + i * out_stride, dim, 1.0f / states[i].sum);
    logsumexp[i] = states[i].max + std::log(states[i].sum);
  }
}

// Adds one block of queries' share to dq, dk and dv.
struct BackwardBlock {
  const at::Tensor& d_out;
  const at::Tensor& q;
  const at::Tensor& k;
  const at::Tensor& v;
  const AttentionOutput& forward;
  const AttentionShape& shape;
  AttentionGradients& gradients;
  at::Tensor scores = at::empty({kQueries * kKeys}, q.options());
  at::Tensor d_scores = at::empty({kQueries * kKeys}, q.options());

  void run(const QueryBlock& block) const {
    const int64_t kv_head = block.head / shape.group();
    const at::Tensor q_rows = head_rows(q, block.head, block.begin, block.end);
    const at::Tensor d_rows = head_rows(d_out, block.head, block.begin, block.end);
    const at::Tensor out_rows = head_rows(forward.out, block.head, block.begin, block.end);
    at::Tensor dq_rows = head_rows(gradients.dq, block.head, block.begin, block.end);
    const int64_t last = block.last_key();
    std::array<float, kQueries> delta;
    const int64_t stride = shape.num_heads * shape.head_dim;
    for (int64_t i = 0; i < block.rows(); ++i) {
      delta[i] = dot_row(d_rows.const_data_ptr<float>() + i * stride,
                         out_rows.const_data_ptr<float>() + i * stride, shape.head_dim);
    }
    for (int64_t keys = block.first_key(shape.window); keys < last; keys += kKeys) {
      const int64_t keys_end = std::min(keys + kKeys, last), n = keys_end - keys;
      const at::Tensor k_rows = head_rows(k, kv_head, keys, keys_end);
      at::Tensor p = scratch(scores, block.rows(), n);
      at::Tensor ds = scratch(d_scores, block.rows(), n);
      product_out(p, q_rows, k_rows.t());
      product_out(ds, d_rows, head_rows(v, kv_head, keys, keys_end).t());
      softmax_rows(block, keys, keys_end, delta.data(), p.data_ptr<float>(), ds.data_ptr<float>());
      add_product_(head_rows(gradients.dv, kv_head, keys, keys_end), p.t(), d_rows);
      add_product_(head_rows(gradients.dk, kv_head, keys, keys_end), ds.t(), q_rows);
      add_product_(dq_rows, ds, k_rows);
    }
  }

  void softmax_rows(const QueryBlock& block, int64_t keys, int64_t keys_end, const float* delta,
                    float* p, float* ds) const {
    const int64_t n = keys_end - keys;
    const float* logsumexp =
        forward.logsumexp.const_data_ptr<float>() + block.head * q.size(0) + block.begin;
    for (int64_t i = 0; i < block.rows(); ++i) {
      const Visible see = visible(*block.document, block.begin + i, shape.window, keys, keys_end);
      softmax_backward_row(p + i * n, ds + i * n, n, see.begin, see.end, shape.scale, logsumexp[i],
                           delta[i]);
    }
  }
};

}  // namespace

void attention_forward_cpu(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const std::vector<AttentionDocument>& documents,
                           const AttentionShape& shape, AttentionOutput& result) {
  std::vector<QueryBlock> blocks;
  for (const AttentionDocument& document : documents) {
    for (int64_t head = 0; head < shape.num_heads; ++head) {
      for (int64_t i = document.query_begin; i < document.query_end; i += kQueries) {
        blocks.push_back({&document, head, i, std::min(i + kQueries, document.query_end)});
      }
    }
  }
  at::parallel_for(0, static_cast<int64_t>(blocks.size()), 1, [&](int64_t begin, int64_t end) {
    const at::Tensor buffer = at::empty({kQueries * kKeys}, q.options());
    for (int64_t b = begin; b < end; ++b) {
      forward_block(blocks[b], q, k, v, shape, buffer, result);
    }
  });
}

void attention_decode_cpu(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const std::vector<AttentionDocument>& documents,
                          const AttentionShape& shape, at::Tensor out) {
  const int64_t heads = shape.num_heads, dim = shape.head_dim;
  const int64_t stride = shape.num_kv_heads * dim;
  const float* queries = q.const_data_ptr<float>();
  const float* keys = k.const_data_ptr<float>();
  const float* values = v.const_data_ptr<float>();
  float* results = out.data_ptr<float>();
  const int64_t tasks = static_cast<int64_t>(documents.size()) * heads;
  at::parallel_for(0, tasks, 4, [&](int64_t begin, int64_t end) {
    std::vector<float> scores;
    for (int64_t task = begin; task < end; ++task) {
      const AttentionDocument& document = documents[task / heads];
      const int64_t head = task % heads, query = document.query_begin;
      const int64_t first = document.first_key(query, shape.window);
      scores.resize(document.key_end - first);
      const int64_t at = first * stride + head / shape.group() * dim;
      const int64_t row = (query * heads + head) * dim;
      attention_decode_row(queries + row, keys + at, values + at, document.key_end - first, dim,
                           stride, shape.scale, scores.data(), results + row);
    }
  });
}

void attention_backward_cpu(const at::Tensor& d_out, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const AttentionOutput& forward,
                            const std::vector<AttentionDocument>& documents,
                            const AttentionShape& shape, AttentionGradients& gradients) {
  // One task owns a document's key head, so that dk and dv are summed in one order.
  const int64_t tasks = static_cast<int64_t>(documents.size()) * shape.num_kv_heads;
  at::parallel_for(0, tasks, 1, [&](int64_t begin, int64_t end) {
    const BackwardBlock backward{d_out, q, k, v, forward, shape, gradients};
    for (int64_t task = begin; task < end; ++task) {
      const AttentionDocument& document = documents[task / shape.num_kv_heads];
      const int64_t kv_head = task % shape.num_kv_heads;
      for (int64_t g = 0; g < shape.group(); ++g) {
        for (int64_t i = document.query_begin; i < document.query_end; i += kQueries) {
          backward.run({&document, kv_head * shape.group() + g, i,
                        std::min(i + kQueries, document.query_end)});
        }
      }
    }
  });
}

}  // namespace temper
