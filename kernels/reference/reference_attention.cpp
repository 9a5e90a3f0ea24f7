#include <optional>

#include "kernels/attention_blocks.h"

namespace temper {
namespace {

constexpr int64_t kQueries = 512;

// Rows [begin, end) of x [T, heads, dim] as [heads, rows, dim] in fp32, each head repeated `group`
// times.
at::Tensor by_head(const at::Tensor& x, int64_t begin, int64_t end, int64_t group = 1) {
  const at::Tensor rows = x.slice(0, begin, end).transpose(0, 1).to(at::kFloat);
  return group == 1 ? rows : rows.repeat_interleave(group, 0);
}

// Sums the `group` query heads that share a key head and brings it back to [rows, kv_heads, dim].
at::Tensor sum_groups(const at::Tensor& x, int64_t group) {
  return x.view({x.size(0) / group, group, x.size(1), x.size(2)}).sum(1).transpose(0, 1);
}

struct ScoreBlock {
  int64_t begin, end, first_key, last_key;
};

template <typename Function>
void for_each_block(const std::vector<AttentionDocument>& documents, int64_t window,
                    Function&& function) {
  for (const AttentionDocument& document : documents) {
    for (int64_t i = document.query_begin; i < document.query_end; i += kQueries) {
      const int64_t end = std::min(i + kQueries, document.query_end);
      function(document,
               ScoreBlock{i, end, document.first_key(i, window), document.level(end - 1) + 1});
    }
  }
}

// Scaled scores [heads, queries, keys], minus infinity where a query does not see a key.
at::Tensor masked_scores(const at::Tensor& q, const at::Tensor& k,
                         const AttentionDocument& document, const ScoreBlock& block,
                         const AttentionShape& shape) {
  const at::Tensor scores =
      at::matmul(by_head(q, block.begin, block.end),
                 by_head(k, block.first_key, block.last_key, shape.group()).transpose(1, 2)) *
      shape.scale;
  const auto integers = q.options().dtype(at::kLong);
  const at::Tensor level =
      at::arange(document.level(block.begin), document.level(block.end), integers).unsqueeze(1);
  const at::Tensor key = at::arange(block.first_key, block.last_key, integers).unsqueeze(0);
  const at::Tensor hidden = key.gt(level).bitwise_or(key.le(level - shape.window));
  return scores.masked_fill(hidden, -std::numeric_limits<double>::infinity());
}

}  // namespace

AttentionOutput reference_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                    const std::vector<AttentionDocument>& documents,
                                    const AttentionShape& shape) {
  AttentionOutput result{at::empty_like(q),
                         at::empty({q.size(1), q.size(0)}, q.options().dtype(at::kFloat))};
  for_each_block(
      documents, shape.window, [&](const AttentionDocument& document, const ScoreBlock& block) {
        const at::Tensor scores = masked_scores(q, k, document, block, shape);
        const at::Tensor max = scores.amax({2}, /*keepdim=*/true);
        const at::Tensor exponentials = at::exp(scores - max);
        const at::Tensor sum = exponentials.sum(2, /*keepdim=*/true);
        const at::Tensor p = exponentials / sum;
        const at::Tensor out =
            at::matmul(p, by_head(v, block.first_key, block.last_key, shape.group()));
        result.out.slice(0, block.begin, block.end).copy_(out.transpose(0, 1));
        result.logsumexp.slice(1, block.begin, block.end).copy_((max + at::log(sum)).squeeze(2));
      });
  return result;
}

AttentionGradients reference_attention_backward(const at::Tensor& d_out, const at::Tensor& q,
                                                const at::Tensor& k, const at::Tensor& v,
                                                const AttentionOutput& forward,
                                                const std::vector<AttentionDocument>& documents,
                                                const AttentionShape& shape) {
  const auto zeros = [](const at::Tensor& x) { return at::zeros_like(x, at::kFloat); };
  const AttentionGradients gradients{zeros(q), zeros(k), zeros(v)};
  const int64_t group = shape.group();
  for_each_block(
      documents, shape.window, [&](const AttentionDocument& document, const ScoreBlock& block) {
        const at::Tensor logsumexp =
            forward.logsumexp.slice(1, block.begin, block.end).unsqueeze(2);
        const at::Tensor p = at::exp(masked_scores(q, k, document, block, shape) - logsumexp);
        const at::Tensor d_rows = by_head(d_out, block.begin, block.end);
        const at::Tensor delta =
            (d_rows * by_head(forward.out, block.begin, block.end)).sum(2, /*keepdim=*/true);
        const at::Tensor v_rows = by_head(v, block.first_key, block.last_key, group);
        const at::Tensor ds =
            p * (at::matmul(d_rows, v_rows.transpose(1, 2)) - delta) * shape.scale;
        const at::Tensor k_rows = by_head(k, block.first_key, block.last_key, group);
        gradients.dq.slice(0, block.begin, block.end).add_(at::matmul(ds, k_rows).transpose(0, 1));
        gradients.dk.slice(0, block.first_key, block.last_key)
            .add_(sum_groups(at::matmul(ds.transpose(1, 2), by_head(q, block.begin, block.end)),
                             group));
        gradients.dv.slice(0, block.first_key, block.last_key)
            .add_(sum_groups(at::matmul(p.transpose(1, 2), d_rows), group));
      });
  const at::ScalarType type = q.scalar_type();
  return {gradients.dq.to(type), gradients.dk.to(type), gradients.dv.to(type)};
}

}  // namespace temper
