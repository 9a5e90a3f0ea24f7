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
#include <utility>
#include <vector>

namespace temper {

enum class DType { kBool, kU8, kI8, kI16, kU16, kF16, kBF16, kI32, kU32, kF32, kI64, kU64, kF64 };

size_t dtype_size_bytes(DType dtype);
std::string dtype_name(DType dtype);  // as safetensors spells it: "F32", "BF16", ...
std::string shape_text(const std::vector<int64_t>& shape);  // "[2, 3]"

struct TensorInfo {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  uint64_t begin = 0;  // byte range in the file's data section
  uint64_t end = 0;

  int64_t num_elements() const;
  uint64_t num_bytes() const { return end - begin; }
};

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

// Converts fp32 to the dtype's bytes (F32, F16, BF16; round to nearest even).
void convert_floats(const float* in, int64_t num_elements, DType dtype, std::byte* out);

// Writes one file: declare all tensors, then write their bytes in any order. The file appears under
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

// All tensors of a Hugging Face model directory: `model.safetensors`, or the files that
// `model.safetensors.index.json` lists. Missing shards, tensors that the index promises and no
// file holds, and index entries that point outside the directory are UserErrors.
class SafetensorsDirectory {
 public:
  explicit SafetensorsDirectory(const std::filesystem::path& directory,
                                const std::string& stem = "model");

  std::vector<std::string> names() const;
  bool contains(const std::string& name) const;
  const TensorInfo& info(const std::string& name) const;
  const SafetensorsFile& file_of(const std::string& name) const;
  void read_floats(const std::string& name, int64_t begin, int64_t end, float* out) const;

 private:
  std::filesystem::path directory_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, size_t> file_index_;
};

}  // namespace temper
