// Two of the ways attention is computed: our blocked CPU loops, and the reference in ATen
// operators. Inside kernels/ only; callers use kernels/attention.h.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/attention.h"

namespace temper {

struct AttentionShape {
  int64_t num_heads = 0;
  int64_t num_kv_heads = 0;
  int64_t head_dim = 0;
  int64_t window = 0;  // keys a query sees at most
  float scale = 1.0f;
  at::Tensor cu_seqlens = {};  // of AttentionMask, on the device; may be undefined

  int64_t group() const { return num_heads / num_kv_heads; }
};

// Query rows [query_begin, query_end) see key rows [key_begin, key_end); the last query is level
// with the last key.
struct AttentionDocument {
  int64_t query_begin = 0;
  int64_t query_end = 0;
  int64_t key_begin = 0;
  int64_t key_end = 0;

  // The key row that is level with a query row.
  int64_t level(int64_t query) const { return query + key_end - query_end; }
  int64_t first_key(int64_t query, int64_t window) const {
    return std::max(key_begin, level(query) - window + 1);
  }
};

// The products that the CPU loops use: tiles of our own where has_matrix_product(), LibTorch's
// elsewhere. Tests choose.
enum class ProductsWay { kTiles, kLibrary };
ProductsWay products_way();

void attention_forward_cpu(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const std::vector<AttentionDocument>& documents,
                           const AttentionShape& shape, AttentionOutput& result,
                           ProductsWay way = products_way());
// Documents of one query each, as when decoding: out alone.
void attention_decode_cpu(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const std::vector<AttentionDocument>& documents,
                          const AttentionShape& shape, at::Tensor out);
// Adds to `gradients`, which are zero before.
void attention_backward_cpu(const at::Tensor& d_out, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const AttentionOutput& forward,
                            const std::vector<AttentionDocument>& documents,
                            const AttentionShape& shape, AttentionGradients& gradients,
                            ProductsWay way = products_way());

AttentionOutput reference_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                    const std::vector<AttentionDocument>& documents,
                                    const AttentionShape& shape);
AttentionGradients reference_attention_backward(const at::Tensor& d_out, const at::Tensor& q,
                                                const at::Tensor& k, const at::Tensor& v,
                                                const AttentionOutput& forward,
                                                const std::vector<AttentionDocument>& documents,
                                                const AttentionShape& shape);

}  // namespace temper
