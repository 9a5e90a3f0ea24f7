// Reads a Parquet file row by row, each row as the JSON object that a line of JSON would hold. A
// build without Arrow's C++ library (cmake/Arrow.cmake) has a stub of the same name, which says how
// to get one that reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "io/input/text_input.h"

namespace temper {

struct ParquetLimits {
  size_t row_bytes = kMaxRecordBytes;       // of a row as JSON
  int64_t memory_bytes = int64_t{1} << 30;  // of what Arrow holds at a time
};

class ParquetReader {
 public:
  // Reads the file's metadata. `name` stands for the file in messages. UserError: not a Parquet
  // file, damaged, encrypted, or a build without Arrow.
  //
  // Memory: one batch of rows of about 4 MiB, one page of every column, and the JSON of one row;
  // never a whole row group. A file that needs more than the limit is refused.
  ParquetReader(const std::filesystem::path& path, const std::string& name,
                const ParquetLimits& limits = {});
  ~ParquetReader();

  // The next row as a JSON object; false at the end. Texts, numbers, booleans, and lists and
  // structs of them; columns and members of other types (binary, dates, decimals) and those that
  // are null are left out, since a table holds a null where a line of JSON has no key. Text is
  // handed on as it is, UTF-8 or not. UserError naming the row group: damaged data, a row over the
  // limit.
  bool next(std::string& json);
  int64_t number() const;  // of the row last returned, from 1

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace temper
