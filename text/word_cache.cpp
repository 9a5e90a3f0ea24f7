#include "text/word_cache.h"

#include "common/hash.h"

namespace temper {
namespace {

constexpr size_t kNumSlots = size_t{1} << 17;
constexpr size_t kMaxWords = kNumSlots / 2;
constexpr size_t kMaxWordBytes = 128;

}  // namespace

WordCache::WordCache() : slots_(kNumSlots) {}

uint64_t WordCache::hash(std::string_view word) {
  return hash_bytes(word.data(), word.size()).low;
}

std::span<const WordToken> WordCache::find(std::string_view word, uint64_t hash) const {
  for (size_t i = hash % kNumSlots;; i = (i + 1) % kNumSlots) {
    const Slot& slot = slots_[i];
    if (slot.word_bytes == 0) return {};
    if (slot.hash == hash && slot.word_bytes == word.size() &&
        word == std::string_view(words_).substr(slot.word_begin, slot.word_bytes)) {
      return std::span(tokens_).subspan(slot.tokens_begin, slot.num_tokens);
    }
  }
}

void WordCache::insert(std::string_view word, uint64_t hash, std::span<const WordToken> tokens) {
  if (word.empty() || tokens.empty() || word.size() > kMaxWordBytes) return;
  if (num_words_ == kMaxWords) clear();
  size_t i = hash % kNumSlots;
  while (slots_[i].word_bytes != 0) i = (i + 1) % kNumSlots;
  slots_[i] = {hash, static_cast<uint32_t>(words_.size()), static_cast<uint32_t>(word.size()),
               static_cast<uint32_t>(tokens_.size()), static_cast<uint32_t>(tokens.size())};
  words_ += word;
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  ++num_words_;
}

void WordCache::clear() {
  slots_.assign(kNumSlots, Slot{});
  num_words_ = 0;
  words_.clear();
  tokens_.clear();
}

}  // namespace temper
