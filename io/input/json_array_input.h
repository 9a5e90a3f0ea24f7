// Reads a JSON array element by element, however long it is. An element is found by its brackets
// and quotes only: whoever parses it finds out whether it is JSON. A UTF-8 byte order mark is left
// out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/input/byte_input.h"
#include "io/input/text_input.h"

namespace temper {

class JsonArrayReader {
 public:
  // `name` stands for the input in messages. Memory: one element and a buffer of 256 KiB.
  JsonArrayReader(std::unique_ptr<ByteInput> input, std::string name,
                  size_t max_element_bytes = kMaxRecordBytes);

  // The next element's text; false at the end of the array. UserError: not an array, an array
  // without its end, text after it, an element over the limit.
  bool next(std::string& element);
  int64_t number() const { return number_; }  // of the element last returned, from 1

 private:
  static constexpr int kEnd = -1;

  int peek();
  void skip_blanks();
  void begin_array();
  bool take_element(std::string& element);
  [[noreturn]] void refuse(const char* what) const;

  std::unique_ptr<ByteInput> input_;
  std::string name_;
  size_t max_element_bytes_;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;
  int64_t number_ = 0;
  bool begun_ = false, done_ = false;
};

}  // namespace temper
