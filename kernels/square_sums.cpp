#include "kernels/square_sums.h"

#include <ATen/Parallel.h>

#include <array>

#include "common/error.h"
#include "kernels/operators.h"

namespace temper {
namespace {

constexpr int64_t kGrainChunks = 256;
// Independent partial sums, so that the loop fills vector registers; their number fixes the order.
constexpr int64_t kLanes = 16;

double chunk_squares(const float* values) {
  std::array<double, kLanes> lanes{};
  for (int64_t i = 0; i < kSquaresChunk; i += kLanes) {
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

at::Tensor square_sums(const at::Tensor& values) {
  TEMPER_CHECK(values.is_contiguous() && values.numel() % kSquaresChunk == 0, "{} values",
               values.numel());
  if (!has_cpu_loops(values)) return operators_for(values).square_sums(values, kSquaresChunk).cpu();
  at::Tensor sums = at::empty({values.numel() / kSquaresChunk}, at::kDouble);
  const float* in = values.const_data_ptr<float>();
  double* out = sums.data_ptr<double>();
  at::parallel_for(0, sums.numel(), kGrainChunks, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) out[i] = chunk_squares(in + i * kSquaresChunk);
  });
  return sums;
}

}  // namespace temper
