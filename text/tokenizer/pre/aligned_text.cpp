#include "text/tokenizer/pre/aligned_text.h"

#include "common/error.h"
#include "text/unicode/utf8.h"

namespace temper {

ByteRange AlignedText::byte_range(size_t position) const {
  if (!ranges_.empty()) return ranges_[position];
  size_t begin = position;
  while (is_utf8_continuation(text_[begin])) --begin;
  const auto first = origin_ + static_cast<uint32_t>(begin);
  return {first, first + static_cast<uint32_t>(utf8_length(text_[begin]))};
}

ByteRange AlignedText::original_range(size_t begin, size_t end) const {
  return {byte_range(begin).begin, byte_range(end - 1).end};
}

void AlignedText::make_explicit() {
  if (!ranges_.empty()) return;
  ranges_.reserve(text_.size());
  for (size_t i = 0; i < text_.size();) {
    const size_t length = utf8_length(text_[i]);
    const auto first = origin_ + static_cast<uint32_t>(i);
    ranges_.insert(ranges_.end(), length, {first, first + static_cast<uint32_t>(length)});
    i += length;
  }
}

void AlignedText::check_growth(size_t num_bytes) const {
  if (num_bytes > max_bytes_) {
    throw UserError("the tokenizer's normaliser or pre-tokenizer makes {} bytes of a short text",
                    num_bytes);
  }
}

AlignedText AlignedText::slice(size_t begin, size_t end) const {
  AlignedText result(std::string_view(text_).substr(begin, end - begin),
                     origin_ + static_cast<uint32_t>(begin));
  if (!ranges_.empty()) {
    if (begin < end) result.origin_ = ranges_[begin].begin;
    result.ranges_.assign(ranges_.begin() + static_cast<ptrdiff_t>(begin),
                          ranges_.begin() + static_cast<ptrdiff_t>(end));
  }
  return result;
}

void AlignedText::rewrite(std::span<const CharacterEdit> edits, size_t num_skipped) {
  std::string text;
  std::vector<ByteRange> ranges;
  text.reserve(text_.size() + 16);
  ranges.reserve(text_.size() + 16);
  size_t cursor = 0;
  const auto advance = [&](size_t num_characters) {
    for (; num_characters > 0 && cursor < text_.size(); --num_characters) {
      cursor += utf8_length(text_[cursor]);
    }
  };
  advance(num_skipped);
  for (const CharacterEdit& edit : edits) {
    ByteRange range{origin_, origin_};
    if (edit.change <= 0 && cursor < text_.size()) {
      range = byte_range(cursor);
      advance(1 + static_cast<size_t>(-edit.change));
    } else if (cursor > 0) {
      range = byte_range(cursor - 1);
    }
    append_utf8(text, edit.character);
    ranges.resize(text.size(), range);
  }
  check_growth(text.size());
  text_ = std::move(text);
  ranges_ = std::move(ranges);
}

void AlignedText::prepend(std::string_view prefix) {
  if (text_.empty()) return;
  check_growth(text_.size() + prefix.size());
  make_explicit();
  text_.insert(0, prefix);
  ranges_.insert(ranges_.begin(), prefix.size(), ranges_[0]);
}

void AlignedText::replace(std::span<const TextPart> parts, std::string_view content) {
  if (text_.empty()) return;
  size_t num_bytes = 0;
  for (const TextPart& part : parts) {
    num_bytes += part.is_match ? content.size() : part.end - part.begin;
  }
  check_growth(num_bytes);
  make_explicit();
  std::string text;
  std::vector<ByteRange> ranges;
  text.reserve(num_bytes);
  ranges.reserve(num_bytes);
  for (const TextPart& part : parts) {
    if (part.is_match) {
      text += content;
      const ByteRange range =
          part.end > 0 ? ranges_[part.end - 1] : ByteRange{ranges_[0].begin, ranges_[0].begin};
      ranges.insert(ranges.end(), content.size(), range);
    } else {
      text.append(text_, part.begin, part.end - part.begin);
      ranges.insert(ranges.end(), ranges_.begin() + static_cast<ptrdiff_t>(part.begin),
                    ranges_.begin() + static_cast<ptrdiff_t>(part.end));
    }
  }
  text_ = std::move(text);
  ranges_ = std::move(ranges);
}

}  // namespace temper
