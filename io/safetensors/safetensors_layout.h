// Where the bytes of a safetensors file go: what it begins with, and each tensor's place.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "io/safetensors/safetensors_writer.h"

namespace temper {

class SafetensorsLayout {
 public:
  // Tensors lie by descending alignment, then name, as the reference implementation lays them out.
  SafetensorsLayout(std::vector<SafetensorsWriter::Entry> entries,
                    const std::map<std::string, std::string>& metadata);

  struct Place {
    DType dtype = DType::kF32;
    uint64_t begin = 0;  // byte range in the file
    uint64_t end = 0;
  };
  // The length of the header and the header: the file's first bytes.
  const std::string& head() const { return head_; }
  uint64_t size_bytes() const { return size_bytes_; }  // of the whole file
  const std::unordered_map<std::string, Place>& places() const { return places_; }
  const Place& place(const std::string& name) const;

 private:
  std::string head_;
  uint64_t size_bytes_ = 0;
  std::unordered_map<std::string, Place> places_;
};

}  // namespace temper
