// Where a model's weights live and its stages run, and in what type.
#pragma once

#include <ATen/ATen.h>

namespace temper {

struct ComputePlace {
  at::Device device = at::kCPU;
  at::ScalarType type = at::kFloat;  // of weights and activations: fp32 or bf16

  bool is_host() const { return device.is_cpu(); }
  // What ranks of a node can share are fp32 weights in the host's memory.
  bool can_share_weights() const { return is_host() && type == at::kFloat; }
};

}  // namespace temper
