#include "io/safetensors/tensor_info.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/error.h"

namespace temper {
namespace {

constexpr std::array<std::pair<std::string_view, size_t>, 13> kDTypes = {{{"BOOL", 1},
                                                                          {"U8", 1},
                                                                          {"I8", 1},
                                                                          {"I16", 2},
                                                                          {"U16", 2},
                                                                          {"F16", 2},
                                                                          {"BF16", 2},
                                                                          {"I32", 4},
                                                                          {"U32", 4},
                                                                          {"F32", 4},
                                                                          {"I64", 8},
                                                                          {"U64", 8},
                                                                          {"F64", 8}}};
static_assert(static_cast<size_t>(DType::kF64) + 1 == kDTypes.size());

}  // namespace

size_t dtype_size_bytes(DType dtype) {
  return kDTypes[static_cast<size_t>(dtype)].second;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::string dtype_name(DType dtype) {
  return std::string(kDTypes[static_cast<size_t>(dtype)].first);
}

std::optional<DType> dtype_named(std::string_view name) {
  const auto* found = std::find_if(kDTypes.begin(), kDTypes.end(),
                                   [&](const auto& dtype) { return dtype.first == name; });
  if (found == kDTypes.end()) return std::nullopt;
  return static_cast<DType>(found - kDTypes.begin());
}

bool count_shape_elements(const std::vector<int64_t>& shape, int64_t& num_elements) {
  num_elements = 1;
  for (const int64_t dim : shape) {
    if (dim < 0 || __builtin_mul_overflow(num_elements, dim, &num_elements)) return false;
  }
  return true;
}

int64_t TensorInfo::num_elements() const {
  int64_t count = 0;
  TEMPER_CHECK(count_shape_elements(shape, count), "a tensor's shape overflows");
  return count;
}

}  // namespace temper
