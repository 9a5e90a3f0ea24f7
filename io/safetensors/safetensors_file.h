// The safetensors format (https://github.com/huggingface/safetensors#format): an 8-byte
// little-endian header length, a JSON header, and the tensors' bytes back to back.
//
// The reader accepts exactly what the format allows and treats every file as hostile: header over
// 100 MB, truncated or padded files, holes, overlaps, duplicate names, overflowing shapes and sizes
// that contradict dtype and shape are UserErrors that name the file and the tensor.
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

// One open file, mapped read-only: tensor bytes are paged in when they are touched.
class SafetensorsFile {
 public:
  // Throws UserError when the file is missing, unreadable or not valid safetensors.
  explicit SafetensorsFile(const std::filesystem::path& path);
  ~SafetensorsFile();
  SafetensorsFile(SafetensorsFile&&) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept;

  const std::filesystem::path& path() const;
  const std::map<std::string, TensorInfo>& tensors() const;
  const std::map<std::string, std::string>& metadata() const;
  bool contains(const std::string& name) const { return tensors().count(name) != 0; }

  // Throws UserError naming the file when there is no such tensor.
  const TensorInfo& info(const std::string& name) const;
  // The bytes in the map: valid as long as this object lives; possibly unaligned.
  std::span<const std::byte> bytes(const std::string& name) const;
  // Says that `part` of bytes() won't be read again soon: its pages stop counting as this process's
  // memory. Reading it stays possible.
  void release(std::span<const std::byte> part) const;

  // Elements [begin, end) of a floating-point tensor (F32, F16, BF16, F64) as fp32, in row-major
  // order. `out` holds end - begin floats. What was read in a long run counts no longer as this
  // process's memory.
  void read_floats(const std::string& name, int64_t begin, int64_t end, float* out) const;
  // A whole integer tensor (I32, I64, U8, BOOL) as int64.
  std::vector<int64_t> read_integers(const std::string& name) const;

 private:
  struct Map;
  std::unique_ptr<Map> map_;
};

}  // namespace temper
