// Writes tokens and their offsets while a text is encoded from left to right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/tokenizer/pre/aligned_text.h"
#include "text/tokenizer/pre/encoding.h"
#include "text/tokenizer/pre/post_processor.h"
#include "text/unicode/utf8.h"

namespace temper {

// An added token that was found, and the white space it took.
struct FoundToken {
  int32_t id;
  EdgeSpaces spaces;
};

// Turns bytes of the text into code points as it goes. Neither the beginnings nor the ends of
// ranges should go back, or it takes the time of the way; ranges may overlap.
class EncodingWriter {
 public:
  // `text` is valid UTF-8 and outlives this. Unless `found` is null, an added token is put there
  // and -1 less its place takes the place of its id.
  EncodingWriter(std::string_view text, Encoding& encoding, std::vector<FoundToken>* found)
      : text_(text), is_ascii_(temper::is_ascii(text)), encoding_(encoding), found_(found) {
    encoding.ids.reserve(text.size() / 4 + 8);
    encoding.offsets.reserve(text.size() / 4 + 8);
  }

  // An added token found as `text`. Views of texts that are gone by now must have been forgotten.
  void add_found(int32_t id, ByteRange range, std::string_view text) {
    if (found_ != nullptr) {
      found_->push_back({id, spaces_of(text)});
      id = -static_cast<int32_t>(found_->size());
    }
    add(id, range);
  }
  void forget_found_texts() { spaces_ = {}; }

  // A token that stands for these bytes, rounded to whole characters.
  void add(int32_t id, ByteRange range) {
    encoding_.ids.push_back(id);
    if (is_ascii_) {
      encoding_.offsets.emplace_back(range.begin, range.end);
      return;
    }
    const bool inside = range.begin < text_.size();
    if (range.begin >= end_.byte) begin_ = end_;
    move(begin_, range.begin + inside);
    const int32_t first = begin_.characters - inside;
    if (range.begin == range.end) {
      encoding_.offsets.emplace_back(first, first);
      return;
    }
    if (begin_.byte > end_.byte) end_ = begin_;
    move(end_, range.end);
    encoding_.offsets.emplace_back(first, end_.characters);
  }

 private:
  struct Cursor {
    size_t byte = 0;
    int32_t characters = 0;  // that begin before the byte
  };
  void move(Cursor& cursor, size_t byte) const {
    auto& [at, characters] = cursor;
    for (; at < byte; ++at) characters += !is_utf8_continuation(text_[at]);
    for (; at > byte; --at) characters -= !is_utf8_continuation(text_[at - 1]);
  }

  // Every token found in a long run of white space may have taken all that follows of it.
  EdgeSpaces spaces_of(std::string_view text) {
    if (text.data() + text.size() == spaces_.end && text.data() >= spaces_.begin) {
      const auto passed = static_cast<size_t>(text.data() - spaces_.begin);
      spaces_.count -= static_cast<int32_t>(count_code_points({spaces_.begin, passed}));
      spaces_.begin = text.data();
      return {spaces_.count, spaces_.count};
    }
    const EdgeSpaces spaces = edge_spaces(text);
    size_t begin = text.size();
    for (int32_t i = 0; i < spaces.trailing; ++i) previous_code_point(text, begin);
    spaces_ = {text.data() + begin, text.data() + text.size(), spaces.trailing};
    return spaces;
  }

  std::string_view text_;
  bool is_ascii_;
  Encoding& encoding_;
  std::vector<FoundToken>* found_;
  Cursor begin_, end_;  // of the range before
  struct {
    const char* begin = nullptr;
    const char* end = nullptr;
    int32_t count = 0;
  } spaces_;  // at the end of the found text before
};

}  // namespace temper
