#include "sharding/gradient_norm.h"

#include "arch/layout/bucket_layout.h"
#include "kernels/square_sums.h"

namespace temper {

static_assert(kShardAlignment % kSquaresChunk == 0);

void add_squares(const at::Tensor& values, ExactSum& sum) {
  const at::Tensor chunks = square_sums(values);
  const double* chunk = chunks.const_data_ptr<double>();
  for (int64_t i = 0; i < chunks.numel(); ++i) sum.add(chunk[i]);
}

}  // namespace temper
