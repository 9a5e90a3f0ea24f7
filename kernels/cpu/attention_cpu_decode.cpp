#include <ATen/Parallel.h>

#include <vector>

#include "kernels/attention_blocks.h"
#include "kernels/cpu/attention_decode_row.h"

namespace temper {

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

}  // namespace temper
