// Bytes of a file in order: as they are, or decompressed when the file begins as gzip or zstd does.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

namespace temper {

class ByteInput {
 public:
  virtual ~ByteInput() = default;
  // Fills up to `capacity` > 0 bytes; 0 only at the end. UserError naming the file when it can't be
  // read or its compressed data is damaged or cut off.
  virtual size_t read(char* out, size_t capacity) = 0;
};

// "-" is standard input.
std::unique_ptr<ByteInput> open_byte_input(const std::filesystem::path& path);

}  // namespace temper
