// Writes a safetensors file of tensors that are known beforehand, in any order of their bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/safetensors/tensor_info.h"

namespace temper {

// One file: declare all tensors, then write their bytes in any order. The file appears under
// its name only after finish() has synced it; a writer that is destroyed before removes its
// temporary file. Tensors are laid out by descending alignment, then name, as the reference
// implementation does.
class SafetensorsWriter {
 public:
  struct Entry {
    std::string name;
    DType dtype;
    std::vector<int64_t> shape;
  };

  SafetensorsWriter(const std::filesystem::path& path, std::vector<Entry> entries,
                    const std::map<std::string, std::string>& metadata = {{"format", "pt"}});
  ~SafetensorsWriter();
  SafetensorsWriter(SafetensorsWriter&&) noexcept;

  // Bytes of a part of a tensor, `offset_bytes` from its start.
  void write(const std::string& name, uint64_t offset_bytes, std::span<const std::byte> bytes);
  // Converts fp32 elements [begin, begin + count) to the tensor's dtype and writes them.
  void write_floats(const std::string& name, int64_t begin, const float* values, int64_t count);

  // Checks that every tensor was written completely, syncs, renames. Returns the file's size.
  uint64_t finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace temper
