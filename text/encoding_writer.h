// Writes tokens and their offsets while a text is encoded from left to right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "text/aligned_text.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace temper {

// Turns bytes of the text into code points as it goes. Ranges may go back, at the cost of the way.
class EncodingWriter {
 public:
  // `text` is valid UTF-8 and outlives this.
  EncodingWriter(std::string_view text, Encoding& encoding)
      : text_(text), is_ascii_(temper::is_ascii(text)), encoding_(encoding) {
    encoding.ids.reserve(text.size() / 4 + 8);
    encoding.offsets.reserve(text.size() / 4 + 8);
  }

  // A token that stands for these bytes, rounded to whole characters; an empty range for the
  // character that begins there.
  void add(int32_t id, ByteRange range) {
    encoding_.ids.push_back(id);
    if (is_ascii_) {
      const bool empty = range.begin == range.end && range.end < text_.size();
      encoding_.offsets.emplace_back(range.begin, range.end + empty);
      return;
    }
    const bool inside = range.begin < text_.size();
    const int32_t first = characters_before(range.begin + inside) - inside;
    const int32_t last = range.begin == range.end ? first + inside : characters_before(range.end);
    encoding_.offsets.emplace_back(first, last);
  }

 private:
  // How many characters begin before this byte.
  int32_t characters_before(size_t byte) {
    for (; byte_ < byte; ++byte_) characters_ += !is_utf8_continuation(text_[byte_]);
    for (; byte_ > byte; --byte_) characters_ -= !is_utf8_continuation(text_[byte_ - 1]);
    return characters_;
  }

  std::string_view text_;
  bool is_ascii_;
  Encoding& encoding_;
  size_t byte_ = 0;
  int32_t characters_ = 0;
};

}  // namespace temper
