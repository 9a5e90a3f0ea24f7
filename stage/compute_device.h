// The device that a model's weights live and its stages run on, and the type that they compute in.
#pragma once

#include <ATen/ATen.h>

namespace temper {

struct ComputeDevice {
  at::Device device = at::kCPU;
  at::ScalarType type = at::kFloat;  // of weights and activations: fp32 or bf16

  bool is_host() const { return device.is_cpu(); }
  // The ranks of a node can share fp32 weights in the host's memory, and nothing else.
  bool can_share_weights() const { return is_host() && type == at::kFloat; }
};

}  // namespace temper
