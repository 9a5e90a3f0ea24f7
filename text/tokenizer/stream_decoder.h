// Ids to text while they come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "text/tokenizer/tokenizer.h"

namespace temper {

// Decodes ids one by one for a person watching: never prints half a code point.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}
  // The text that has become certain with this id; may be empty.
  std::string push(int32_t id);
  // What is left, U+FFFD for bytes that never became a character. Starts over.
  std::string finish();

 private:
  std::string behind_printed(const std::string& text) const;

  const Tokenizer* tokenizer_;
  // The ids whose text is not printed yet, and before them the last ones whose text is: a decoder
  // may treat the first token of a text in its own way.
  std::vector<int32_t> ids_;
  size_t num_printed_ids_ = 0;
  size_t printed_bytes_ = 0;  // of the text of ids_
};

}  // namespace temper
