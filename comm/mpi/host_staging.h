// MPI sees host memory only: tensors on a device travel through a host copy.
#pragma once

#include <ATen/ATen.h>

#include "common/error.h"

namespace temper {

// The tensor itself when it is on the host, else a copy.
inline at::Tensor to_host(const at::Tensor& tensor) {
  TEMPER_CHECK(tensor.is_contiguous(), "a tensor for communication must be contiguous");
  return tensor.is_cpu() ? tensor : tensor.cpu();
}

// Copies a result in to_host's copy back to where it belongs.
inline void return_from_host(const at::Tensor& host, at::Tensor& tensor) {
  if (!tensor.is_cpu()) tensor.copy_(host);
}

}  // namespace temper
