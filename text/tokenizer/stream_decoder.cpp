#include "text/tokenizer/stream_decoder.h"

#include <algorithm>

#include "text/unicode/utf8.h"

namespace temper {
namespace {

// More ids than a character can need: what they spell is no character at all.
constexpr size_t kMaxPendingIds = 16;

}  // namespace

std::string StreamDecoder::push(int32_t id) {
  ids_.push_back(id);
  const std::string text = tokenizer_->decode(ids_);
  // Bytes that do not make a character yet decode to U+FFFD.
  const bool may_change = text.ends_with("\uFFFD");
  const bool has_new = text.size() > printed_bytes_;
  if (!has_new || (may_change && ids_.size() - num_printed_ids_ < kMaxPendingIds)) return "";
  std::string fresh = behind_printed(text);
  ids_.erase(ids_.begin(), ids_.begin() + static_cast<ptrdiff_t>(num_printed_ids_));
  num_printed_ids_ = ids_.size();
  printed_bytes_ = tokenizer_->decode(ids_).size();
  return fresh;
}

std::string StreamDecoder::finish() {
  std::string fresh = behind_printed(tokenizer_->decode(ids_));
  ids_.clear();
  num_printed_ids_ = 0;
  printed_bytes_ = 0;
  return fresh;
}

std::string StreamDecoder::behind_printed(const std::string& text) const {
  size_t begin = std::min(printed_bytes_, text.size());
  while (begin < text.size() && is_utf8_continuation(text[begin])) ++begin;
  return text.substr(begin);
}

}  // namespace temper
