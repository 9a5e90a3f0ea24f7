#include "kernels/rope.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "common/error.h"
#include "kernels/cpu/rope_rows.h"
#include "kernels/cpu/row_blocks.h"
#include "kernels/operators.h"

namespace temper {
namespace {

void rotate(const at::Tensor& x, const at::Tensor& positions, const RopeAngles& angles,
            float sign) {
  if (!has_cpu_loops(x)) return operators_for(x).rotate_(x, positions, angles, sign);
  const int64_t tokens = x.size(0), heads = x.size(1), dim = x.size(2);
  TEMPER_CHECK(x.is_contiguous() && positions.is_contiguous() && positions.numel() == tokens &&
                   dim == 2 * angles.cos.size(1),
               "rope: shapes do not agree");
  float* data = x.data_ptr<float>();
  const int64_t* position = positions.const_data_ptr<int64_t>();
  const float* cos = angles.cos.const_data_ptr<float>();
  const float* sin = angles.sin.const_data_ptr<float>();
  const int64_t limit = angles.cos.size(0);
  const bool inside =
      std::all_of(position, position + tokens, [limit](int64_t p) { return p >= 0 && p < limit; });
  TEMPER_CHECK(inside, "rope: a position is outside the table of {} rows", limit);
  at::parallel_for(0, tokens, row_grain(heads * dim), [&](int64_t begin, int64_t end) {
    rope_rows(data + begin * heads * dim, position + begin, cos, sin, sign, end - begin, heads,
              dim);
  });
}

}  // namespace

RopeAngles rope_angles(const std::vector<double>& inverse_frequencies, int64_t num_positions) {
  const int64_t half = static_cast<int64_t>(inverse_frequencies.size());
  RopeAngles angles{at::empty({num_positions, half}, at::kFloat),
                    at::empty({num_positions, half}, at::kFloat)};
  float* cos = angles.cos.data_ptr<float>();
  float* sin = angles.sin.data_ptr<float>();
  for (int64_t p = 0; p < num_positions; ++p) {
    for (int64_t i = 0; i < half; ++i) {
      const float angle = static_cast<float>(p) * static_cast<float>(inverse_frequencies[i]);
      cos[p * half + i] = static_cast<float>(std::cos(static_cast<double>(angle)));
      sin[p * half + i] = static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  }
  return angles;
}

RopeAngles RopeTable::angles(int64_t num_positions, at::Device device) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const int64_t rows = angles_.cos.defined() ? angles_.cos.size(0) : 0;
  if (rows < num_positions || angles_.cos.device() != device) {
    // Doubling: a decoder that adds one position at a time pays for it rarely.
    angles_ = rope_angles(inverse_frequencies_, std::max(num_positions, 2 * rows));
    angles_ = {angles_.cos.to(device), angles_.sin.to(device)};
  }
  return angles_;
}

void rope_(at::Tensor x, const at::Tensor& positions, const RopeAngles& angles) {
  rotate(x, positions, angles, 1.0f);
}

void rope_backward_(at::Tensor dx, const at::Tensor& positions, const RopeAngles& angles) {
  rotate(dx, positions, angles, -1.0f);
}

}  // namespace temper
