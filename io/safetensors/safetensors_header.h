// The header of a safetensors file, parsed and judged: every check that the format asks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "io/safetensors/tensor_info.h"

namespace temper {

inline constexpr uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;

struct SafetensorsHeader {
  std::map<std::string, TensorInfo> tensors;
  std::map<std::string, std::string> metadata;
  uint64_t data_begin = 0;  // where the data section starts in the file
};

// `file` is the whole file. UserError naming `place` and the tensor.
SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file,
                                           const std::string& place);

}  // namespace temper
