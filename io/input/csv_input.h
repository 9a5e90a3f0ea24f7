// Reads comma- or tab-separated values (RFC 4180): a header, then records of as many fields. A
// field in double quotes may hold separators, line ends and doubled quotes. A UTF-8 byte order mark
// is left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/input/byte_input.h"
#include "io/input/text_input.h"

namespace temper {

class CsvReader {
 public:
  // Reads the header. `name` stands for the input in messages. UserError: no header, a column
  // without a name, two of the same name. Memory: one record and a buffer of 256 KiB.
  CsvReader(std::unique_ptr<ByteInput> input, std::string name, char separator,
            size_t max_record_bytes = kMaxRecordBytes);

  const std::vector<std::string>& columns() const { return columns_; }
  // The next record's fields, blank lines passed over; false at the end. UserError: a quote that is
  // not closed, a record over the limit.
  bool next(std::vector<std::string>& fields);
  // What is wrong with the record last returned: text behind a closing quote, not as many fields as
  // columns. Null when nothing is.
  const char* problem() const { return problem_; }
  int64_t line_number() const { return line_number_; }  // where that record begins, from 1

 private:
  static constexpr int kEnd = -1;

  int peek();
  void add(std::string& field, int c);
  // Takes one field and what ends it; false when that is the end of the record.
  bool take_field(std::string& field);
  void take_quoted(std::string& field);
  bool take_record(std::vector<std::string>& fields);

  std::unique_ptr<ByteInput> input_;
  std::string name_;
  char separator_;
  size_t max_record_bytes_;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;
  size_t record_bytes_ = 0;
  int64_t next_line_ = 1, line_number_ = 0;
  const char* problem_ = nullptr;
  std::vector<std::string> columns_;
};

}  // namespace temper
