// Bytes of a file in order: as they are, or decompressed when the file begins as gzip or zstd does.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace temper {

class ByteInput {
 public:
  virtual ~ByteInput() = default;
  // Fills up to `capacity` > 0 bytes; 0 only at the end. UserError naming the file when it can't be
  // read or its compressed data is damaged or cut off.
  virtual size_t read(char* out, size_t capacity) = 0;
};

// Shows the first bytes of an input before they are read.
class PeekableInput final : public ByteInput {
 public:
  explicit PeekableInput(std::unique_ptr<ByteInput> input) : input_(std::move(input)) {}

  // The next `num_bytes`, fewer only where the input ends before. Valid until the next read.
  std::string_view peek(size_t num_bytes);
  size_t read(char* out, size_t capacity) override;

 private:
  std::unique_ptr<ByteInput> input_;
  std::string seen_;
};

// `text` behind the UTF-8 byte order mark that it begins with: all three bytes or none, since many
// characters begin with one or two of them.
std::string_view behind_byte_order_mark(std::string_view text);
// The same of an input, looked for at the first read.
std::unique_ptr<ByteInput> without_byte_order_mark(std::unique_ptr<ByteInput> input);

// "-" is standard input.
std::unique_ptr<ByteInput> open_byte_input(const std::filesystem::path& path);

}  // namespace temper
