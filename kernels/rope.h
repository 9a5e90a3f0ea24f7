// Rotary position embedding (Su et al., https://arxiv.org/abs/2104.09864), with the two halves of a
// head as Hugging Face pairs them: (x[i], x[i + dim/2]) turns by position x inverse_frequency[i].
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <mutex>
#include <vector>

namespace temper {

struct RopeAngles {
  at::Tensor cos;  // [positions, dim/2] fp32
  at::Tensor sin;
};

// cos and sin of position x frequency. The product is rounded to fp32 first, as transformers does,
// so that far positions agree with it.
RopeAngles rope_angles(const std::vector<double>& inverse_frequencies, int64_t num_positions);

// The angles of a model, computed once and again only when a longer document comes. Thread-safe.
class RopeTable {
 public:
  explicit RopeTable(std::vector<double> inverse_frequencies)
      : inverse_frequencies_(std::move(inverse_frequencies)) {}

  // At least `num_positions` rows, on the device.
  RopeAngles angles(int64_t num_positions, at::Device device) const;

 private:
  std::vector<double> inverse_frequencies_;
  mutable std::mutex mutex_;
  mutable RopeAngles angles_;
};

// Turns x [T, heads, dim], fp32 or bf16, in place. positions: [T] int64, each below the table's
// rows.
void rope_(at::Tensor x, const at::Tensor& positions, const RopeAngles& angles);

// The backward of rope_: the same turn by the negative angle, in place.
void rope_backward_(at::Tensor dx, const at::Tensor& positions, const RopeAngles& angles);

}  // namespace temper
