#include "data/order/micro_batch.h"

#include <limits>

#include "common/error.h"

namespace temper {
namespace {

void check_cu_seqlens(std::span<const int32_t> cu_seqlens, size_t num_tokens) {
  bool right = cu_seqlens.size() >= 2 && cu_seqlens.front() == 0 &&
               static_cast<size_t>(cu_seqlens.back()) == num_tokens;
  for (size_t d = 1; right && d < cu_seqlens.size(); ++d) {
    right = cu_seqlens[d] > cu_seqlens[d - 1];
  }
  if (!right) {
    throw UserError(
        "cu_seqlens ({} entries) must begin with 0, increase, and end with the number of tokens, "
        "{}",
        cu_seqlens.size(), num_tokens);
  }
}

}  // namespace

MicroBatch make_micro_batch(std::span<const int64_t> tokens, std::span<const int64_t> labels,
                            std::span<const int32_t> cu_seqlens) {
  TEMPER_CHECK(labels.size() == tokens.size(), "{} labels for {} tokens", labels.size(),
               tokens.size());
  check_cu_seqlens(cu_seqlens, tokens.size());
  MicroBatch batch;
  batch.tokens.assign(tokens.begin(), tokens.end());
  batch.cu_seqlens.assign(cu_seqlens.begin(), cu_seqlens.end());
  batch.targets.assign(tokens.size(), kIgnoredTarget);
  batch.positions.resize(tokens.size());
  for (size_t d = 0; d + 1 < cu_seqlens.size(); ++d) {
    const auto begin = static_cast<size_t>(cu_seqlens[d]);
    const auto end = static_cast<size_t>(cu_seqlens[d + 1]);
    for (size_t t = begin; t < end; ++t) {
      batch.positions[t] = static_cast<int64_t>(t - begin);
      if (t + 1 == end || labels[t + 1] == kIgnoredTarget) continue;
      batch.targets[t] = labels[t + 1];
      ++batch.num_targets;
    }
  }
  return batch;
}

MicroBatch make_micro_batch(std::span<const PackedRow> rows) {
  std::vector<int64_t> tokens, labels;
  std::vector<int32_t> cu_seqlens = {0};
  int64_t num_targets = 0;
  for (const PackedRow& row : rows) {
    const size_t row_begin = tokens.size();
    TEMPER_CHECK(
        row_begin + row.tokens.size() <= static_cast<size_t>(std::numeric_limits<int32_t>::max()),
        "a micro-batch of more than 2^31 tokens");
    for (size_t t = 0; t < row.tokens.size(); ++t) {
      tokens.push_back(row.tokens[t]);
      labels.push_back(row.supervised[t] ? row.tokens[t] : kIgnoredTarget);
    }
    for (size_t d = 1; d < row.document_begin.size(); ++d) {
      cu_seqlens.push_back(static_cast<int32_t>(row_begin) + row.document_begin[d]);
    }
    num_targets += row.num_targets;
  }
  MicroBatch batch = make_micro_batch(tokens, labels, cu_seqlens);
  TEMPER_CHECK(batch.num_targets == num_targets, "{} targets, the rows announced {}",
               batch.num_targets, num_targets);
  return batch;
}

}  // namespace temper
