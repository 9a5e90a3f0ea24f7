// A piece of the text to encode that may have been rewritten, and that still knows which bytes of
// the original each of its bytes stands for.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer/pre/regex.h"
#include "text/unicode/unicode.h"

namespace temper {

// Bytes [begin, end) of the original text.
struct ByteRange {
  uint32_t begin;
  uint32_t end;
};

class AlignedText {
 public:
  // Original text, valid UTF-8, that starts at byte `origin` of the whole.
  AlignedText(std::string_view original, uint32_t origin)
      : text_(original), origin_(origin), max_bytes_(kFreeBytes + kMaxGrowth * text_.size()) {}

  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }

  // What bytes [begin, end) of text(), begin < end, stand for.
  ByteRange original_range(size_t begin, size_t end) const;
  AlignedText slice(size_t begin, size_t end) const;

  // Rewriting. UserError when the text becomes many times longer than it was: tokenizer files can
  // ask for that over and over.

  // Puts the edited characters in place of the whole text, after leaving out its first
  // `num_skipped` characters. A new character stands for what the byte before it stood for.
  void rewrite(std::span<const CharacterEdit> edits, size_t num_skipped = 0);
  // Nothing happens to an empty text. The prefix stands for what the first character stands for.
  void prepend(std::string_view prefix);
  // Every match becomes `content`, which stands for what the match's last byte stood for.
  void replace(std::span<const TextPart> parts, std::string_view content);

 private:
  static constexpr size_t kFreeBytes = size_t{1} << 20;
  static constexpr size_t kMaxGrowth = 32;

  ByteRange byte_range(size_t position) const;
  void make_explicit();
  void check_growth(size_t num_bytes) const;

  std::string text_;
  uint32_t origin_;
  size_t max_bytes_;
  // For each byte of the text, its character's range; empty while the text is the original.
  std::vector<ByteRange> ranges_;
};

}  // namespace temper
