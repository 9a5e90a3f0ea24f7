// The tensors of a model directory, in one file or several.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "io/safetensors/safetensors_file.h"

namespace temper {

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
