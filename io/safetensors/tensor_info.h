// What a safetensors header says of a tensor: its type, its shape, where its bytes lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace temper {

enum class DType { kBool, kU8, kI8, kI16, kU16, kF16, kBF16, kI32, kU32, kF32, kI64, kU64, kF64 };

size_t dtype_size_bytes(DType dtype);
std::string dtype_name(DType dtype);  // as safetensors spells it: "F32", "BF16", ...
std::optional<DType> dtype_named(std::string_view name);
std::string shape_text(const std::vector<int64_t>& shape);  // "[2, 3]"

struct TensorInfo {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  uint64_t begin = 0;  // byte range in the file's data section
  uint64_t end = 0;

  int64_t num_elements() const;
  uint64_t num_bytes() const { return end - begin; }
};

// Product of the dims; false when it does not fit (or a dim is negative).
bool count_shape_elements(const std::vector<int64_t>& shape, int64_t& num_elements);

}  // namespace temper
