#include "sharding/gradient_norm.h"

#include <ATen/Parallel.h>

#include <array>
#include <vector>

#include "common/bucket_layout.h"
#include "common/error.h"

namespace temper {
namespace {

constexpr int64_t kGrainChunks = 256;
// Independent partial sums, so that the loop fills vector registers; their number fixes the order.
constexpr int64_t kLanes = 16;

double chunk_squares(const float* values) {
  std::array<double, kLanes> lanes{};
  for (int64_t i = 0; i < kShardAlignment; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      const double value = values[i + lane];
      lanes[lane] += value * value;
    }
  }
  double sum = 0.0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

}  // namespace

void add_squares(const float* values, int64_t count, ExactSum& sum) {
  TEMPER_CHECK(count % kShardAlignment == 0, "{} values", count);
  std::vector<double> chunks(count / kShardAlignment);
  at::parallel_for(0, static_cast<int64_t>(chunks.size()), kGrainChunks,
                   [&](int64_t begin, int64_t end) {
                     for (int64_t i = begin; i < end; ++i) {
                       chunks[i] = chunk_squares(values + i * kShardAlignment);
                     }
                   });
  for (const double chunk : chunks) sum.add(chunk);
}

}  // namespace temper
