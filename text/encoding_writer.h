// Writes tokens and their offsets while a text is encoded from left to right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/aligned_text.h"
#include "text/post_processor.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace temper {

// An added token that was found, and the white space it took.
struct FoundToken {
  int32_t id;
  EdgeSpaces spaces;
};

// Turns bytes of the text into code points as it goes. Ranges may go back, at the cost of the way.
class EncodingWriter {
 public:
  // `text` is valid UTF-8 and outlives this. Unless `found` is null, an added token is put there
  // and -1 less its place takes the place of its id.
  EncodingWriter(std::string_view text, Encoding& encoding, std::vector<FoundToken>* found)
      : text_(text), is_ascii_(temper::is_ascii(text)), encoding_(encoding), found_(found) {
    encoding.ids.reserve(text.size() / 4 + 8);
    encoding.offsets.reserve(text.size() / 4 + 8);
  }

  // An added token found as `text`.
  void add_found(int32_t id, ByteRange range, std::string_view text) {
    if (found_ != nullptr) {
      found_->push_back({id, edge_spaces(text)});
      id = -static_cast<int32_t>(found_->size());
    }
    add(id, range);
  }

  // A token that stands for these bytes, rounded to whole characters.
  void add(int32_t id, ByteRange range) {
    encoding_.ids.push_back(id);
    if (is_ascii_) {
      encoding_.offsets.emplace_back(range.begin, range.end);
      return;
    }
    const bool inside = range.begin < text_.size();
    const int32_t first = characters_before(range.begin + inside) - inside;
    const int32_t last = range.begin == range.end ? first : characters_before(range.end);
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
  std::vector<FoundToken>* found_;
  size_t byte_ = 0;
  int32_t characters_ = 0;
};

}  // namespace temper
