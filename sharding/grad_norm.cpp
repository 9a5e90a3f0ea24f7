#include "sharding/grad_norm.h"

#include <array>
#include <cmath>

#include "arch/layout/bucket_layout.h"
#include "kernels/square_sums.h"

namespace temper {

// A shard begins and ends between two chunks, so no chunk is ever split over ranks.
static_assert(kShardAlignment % kSquaresChunk == 0);

void add_squares(const at::Tensor& values, ExactSum& sum) {
  const at::Tensor chunks = square_sums(values);
  const double* chunk = chunks.const_data_ptr<double>();
  for (int64_t i = 0; i < chunks.numel(); ++i) sum.add(chunk[i]);
}

double grad_norm(const std::vector<TrainableShard>& shards, ProcessGroup& shard) {
  ExactSum sum;
  for (const TrainableShard& mine : shards) add_squares(mine.gradient, sum);
  std::array<int64_t, ExactSum::kNumDigits + 1> digits = sum.digits();
  at::Tensor all = at::from_blob(digits.data(), {static_cast<int64_t>(digits.size())}, at::kLong);
  shard.all_reduce_sum(all);
  return std::sqrt(ExactSum::from_digits(digits).value());
}

}  // namespace temper
