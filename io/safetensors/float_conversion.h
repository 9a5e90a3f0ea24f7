// Floating-point numbers between their stored bytes (F16, BF16, F32, F64) and fp32.
#pragma once

#include <cstddef>
#include <cstdint>

#include "io/safetensors/tensor_info.h"

namespace temper {

bool is_floating_point(DType dtype);

// `in` may be unaligned. F64 is rounded; the others are exact.
void read_as_floats(const std::byte* in, int64_t num_elements, DType dtype, float* out);

// Converts fp32 to the dtype's bytes (F32, F16, BF16; round to nearest even).
void convert_floats(const float* in, int64_t num_elements, DType dtype, std::byte* out);

}  // namespace temper
