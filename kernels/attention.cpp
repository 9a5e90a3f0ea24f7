#include "kernels/attention.h"

#include <cmath>

#include "common/error.h"
#include "kernels/attention_blocks.h"
#include "kernels/cpu/matrix_product.h"
#include "kernels/operators.h"

namespace temper {
namespace {

void check(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  TEMPER_CHECK(q.is_contiguous() && k.is_contiguous() && v.is_contiguous() && q.dim() == 3 &&
                   k.dim() == 3 && k.sizes() == v.sizes() && q.size(2) == k.size(2) &&
                   q.size(1) % k.size(1) == 0,
               "attention: shapes do not agree");
}

std::vector<AttentionDocument> documents_of(const at::Tensor& q, const at::Tensor& k,
                                            const AttentionMask& mask) {
  const auto& ends = mask.cu_seqlens;
  TEMPER_CHECK(
      ends.size() >= 2 && ends.front() == 0 && ends.back() == q.size(0) && k.size(0) == q.size(0),
      "attention: cu_seqlens do not cover the {} tokens", q.size(0));
  std::vector<AttentionDocument> documents;
  for (size_t d = 0; d + 1 < ends.size(); ++d) {
    TEMPER_CHECK(ends[d] < ends[d + 1], "attention: cu_seqlens do not increase");
    documents.push_back({ends[d], ends[d + 1], ends[d], ends[d + 1]});
  }
  return documents;
}

AttentionShape shape_of(const at::Tensor& q, const at::Tensor& k, const AttentionMask& mask) {
  AttentionShape shape;
  shape.num_heads = q.size(1);
  shape.num_kv_heads = k.size(1);
  shape.head_dim = q.size(2);
  shape.window = mask.sliding_window.value_or(k.size(0));
  shape.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(shape.head_dim)));
  shape.cu_seqlens = mask.device_cu_seqlens;
  return shape;
}

AttentionOutput forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                        const std::vector<AttentionDocument>& documents,
                        const AttentionShape& shape) {
  if (!has_cpu_loops(q)) return operators_for(q).attention(q, k, v, documents, shape);
  AttentionOutput result{at::empty_like(q), at::empty({q.size(1), q.size(0)}, q.options())};
  attention_forward_cpu(q, k, v, documents, shape, result);
  return result;
}

}  // namespace

ProductsWay products_way() {
  static const ProductsWay way = has_matrix_product() ? ProductsWay::kTiles : ProductsWay::kLibrary;
  return way;
}

AttentionOutput attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const AttentionMask& mask) {
  check(q, k, v);
  return forward(q, k, v, documents_of(q, k, mask), shape_of(q, k, mask));
}

AttentionGradients attention_backward(const at::Tensor& d_out, const at::Tensor& q,
                                      const at::Tensor& k, const at::Tensor& v,
                                      const AttentionOutput& forward, const AttentionMask& mask) {
  check(q, k, v);
  TEMPER_CHECK(d_out.is_contiguous() && d_out.numel() == q.numel(),
               "attention_backward: shapes do not agree");
  const at::Tensor d_heads = d_out.view(q.sizes());
  const auto documents = documents_of(q, k, mask);
  const AttentionShape shape = shape_of(q, k, mask);
  if (!has_cpu_loops(q)) {
    return operators_for(q).attention_backward(d_heads, q, k, v, forward, documents, shape);
  }
  AttentionGradients gradients{at::zeros_like(q), at::zeros_like(k), at::zeros_like(v)};
  attention_backward_cpu(d_heads, q, k, v, forward, documents, shape, gradients);
  return gradients;
}

at::Tensor attention_decode(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const std::vector<CachedSequence>& sequences,
                            std::optional<int64_t> sliding_window) {
  check(q, k, v);
  std::vector<AttentionDocument> documents;
  int64_t next_query = 0;
  for (const CachedSequence& s : sequences) {
    TEMPER_CHECK(s.query_begin == next_query && s.query_begin < s.query_end && s.key_begin >= 0 &&
                     s.key_end <= k.size(0) &&
                     s.query_end - s.query_begin <= s.key_end - s.key_begin,
                 "attention_decode: queries {} to {}, keys {} to {} of {}", s.query_begin,
                 s.query_end, s.key_begin, s.key_end, k.size(0));
    next_query = s.query_end;
    documents.push_back({s.query_begin, s.query_end, s.key_begin, s.key_end});
  }
  TEMPER_CHECK(next_query == q.size(0), "attention_decode: {} queries, {} used", q.size(0),
               next_query);
  const AttentionShape shape = shape_of(q, k, {{}, sliding_window});
  if (has_cpu_loops(q) && q.size(0) == static_cast<int64_t>(sequences.size())) {
    at::Tensor out = at::empty_like(q);
    attention_decode_cpu(q, k, v, documents, shape, out);
    return out;
  }
  return forward(q, k, v, documents, shape).out;
}

}  // namespace temper
