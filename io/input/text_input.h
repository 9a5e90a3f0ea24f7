// Reads a text file line by line, however large: plain, gzip or zstd (by content, not by name). A
// UTF-8 byte order mark is left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "io/input/byte_input.h"

namespace temper {

// The longest line, CSV record or array element that is accepted unless said otherwise.
inline constexpr size_t kMaxRecordBytes = size_t{64} << 20;

class LineReader {
 public:
  // "-" is standard input. UserError when the file is missing.
  explicit LineReader(const std::filesystem::path& path, size_t max_line_bytes = kMaxRecordBytes);
  // `name` stands for the input in messages.
  LineReader(std::unique_ptr<ByteInput> input, std::string name,
             size_t max_line_bytes = kMaxRecordBytes);
  ~LineReader();
  LineReader(LineReader&&) noexcept;

  // The next line without its end ("\n" or "\r\n"); false at the end. A truncated or damaged
  // compressed file and a line over the limit are UserErrors naming file and line.
  bool next(std::string& line);
  int64_t line_number() const;  // of the line last returned, from 1

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace temper
